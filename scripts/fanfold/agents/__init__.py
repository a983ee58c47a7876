"""Sub-agents: a spec goes in, a validated answer comes out, the same way on every backend."""
