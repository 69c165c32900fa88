"""Definitions made from a graph that ComfyUI exported."""
