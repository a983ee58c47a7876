"""Parallel code review: analyzers and sub-agents read one change at once, one report says what they found."""
