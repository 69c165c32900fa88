"""Observing the server while it works: metrics, log lines, traces, readiness."""
