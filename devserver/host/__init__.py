"""Processes of ours that serve a table of nodes behind ComfyUI's protocol."""
