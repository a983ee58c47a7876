"""Multi-file analysis: a planner says who reads what, workers read in parallel, a synthesiser answers and cites."""
