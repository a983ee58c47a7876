"""The engine: four patterns that stay inside their limits and never pay twice. It knows no model and no skill."""
