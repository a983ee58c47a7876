"""Test frameworks as runners: one module each, one model of results."""
