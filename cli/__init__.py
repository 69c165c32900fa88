"""The commands behind `python server.py`."""
