"""The queue: tickets, turns at the backends, durations, and the time until a run is done."""
