"""Debian's libfaketime: a program whose time of day jumps when the test says so; what it waits by is left alone."""

from __future__ import annotations

from pathlib import Path

NO_FAKETIME = "needs Debian's faketime: apt-get install faketime"


def library() -> Path | None:
    """The library that is loaded before all others; None where it is not installed."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


class Jumping:
    """A clock for programs that are started with `before` in front of their command."""

    def __init__(self, folder: Path) -> None:
        found = library()
        if found is None:
            raise LookupError(NO_FAKETIME)
        self._file = folder / "faketime"
        self.jump(0)
        settings = {
            "LD_PRELOAD": found,
            "FAKETIME_TIMESTAMP_FILE": self._file,
            "FAKETIME_NO_CACHE": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
            "DONT_FAKE_MONOTONIC": 1,
            "NO_FAKE_STAT": 1,
        }
        self.before = ("env", *(f"{name}={value}" for name, value in settings.items()))

    def jump(self, hours: float) -> None:
        """Set the clock so many hours from the machine's own, at once and while programs run."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{hours * 3600:+.0f}")
        new.replace(self._file)
