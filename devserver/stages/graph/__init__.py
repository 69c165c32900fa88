"""Stages that run a graph at a backend."""
