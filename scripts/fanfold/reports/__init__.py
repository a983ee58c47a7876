"""Reports: a run goes in, text comes out. Templates for people, one file per format for machines."""
