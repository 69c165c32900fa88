"""Rules that rewrite a text without a model: deterministic, and seeded where chance has a part."""
