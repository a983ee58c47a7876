"""Where imports lead, one module for each family of languages."""
