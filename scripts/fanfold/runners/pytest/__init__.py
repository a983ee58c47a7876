"""pytest: the reporter that is injected, what it says read back, and shards of tests."""
