"""Report the progress of a node's work to the host."""

from __future__ import annotations

from .host import host

STEPS = 1000


class Progress:
    """Tells the host the share that was reached; every call also asks it whether to stop."""

    def __init__(self) -> None:
        self._done = 1  # as ComfyUI's own bars, which never tell a zero

    def tick(self) -> None:
        """Called at least every 100 ms of work."""
        host().progress(self._done, STEPS)

    def reached(self, share: float) -> None:
        """From 0 to 1; only 1 is the end."""
        self._done = STEPS if share >= 1 else min(STEPS - 1, max(1, round(share * STEPS)))
        self.tick()
