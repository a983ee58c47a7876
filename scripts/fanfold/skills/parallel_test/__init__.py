"""Parallel test: suites in isolated processes, results folded into one, failures explained."""
