"""Stand-ins for ComfyUI's own nodes, with its names and behaviour."""
