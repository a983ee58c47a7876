"""The map of a tree: its files, what each defines, imports and uses, and how they hang together; without a model."""
