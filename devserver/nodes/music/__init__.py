"""Text to music, pure and typed: ``prompt`` -> ``composer`` -> ``render`` -> ``mix``. Knows no host and no ComfyUI."""
