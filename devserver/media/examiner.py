"""Examine foreign files in separate processes, which are killed when they take too long."""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Final

from devserver.media.examine import DAMAGED, Examined, Refusal, examine, refusal
from devserver.processes.workers import WorkerDied, Workers, WorkerTimedOut

log = logging.getLogger(__name__)

LIMIT_S: Final = 300.0
PROCESSES: Final = 2


class Examiner:
    """Examines files. `examine` may be called from any thread, and blocks it.

    Args:
        limit_s: how long one file may take; after that its process is killed and the file refused.
        processes: how many files are examined at a time; each process is started on demand.
    """

    def __init__(self, limit_s: float = LIMIT_S, processes: int = PROCESSES) -> None:
        self._limit_s = limit_s
        self._workers = Workers(processes)

    def examine(self, path: Path, name: str, mix_to: Path) -> Examined:
        """Examine a file like the function `examine`; one that takes too long, or crashes the process, is refused.

        Raises:
            OSError: the disk failed.
        """
        try:
            examined: Examined = self._workers.submit(
                examine_foreign, path, name, mix_to, limit_s=self._limit_s
            ).result()
        except WorkerTimedOut:
            return _refuse(refusal("file_takes_too_long", limit_s=self._limit_s))
        except (WorkerDied, CancelledError):
            return _refuse(refusal("file_ends_its_reader"))
        return examined

    def close(self) -> None:
        """Kill the processes. The files that they examine are refused."""
        self._workers.close()


def _refuse(why: Refusal) -> Examined:
    return Examined(media="file", mime="application/octet-stream", ext="bin", refusal=why)


def examine_foreign(path: Path, name: str, mix_to: Path) -> Examined:
    """Examine a file, and refuse it as damaged if a decoder fails unexpectedly. The job of a worker."""
    try:
        return examine(path, name, mix_to)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 # reason: decoders fail on foreign files in ways of their own
        log.warning("%s cannot be examined: %r", path.name, error)
        return _refuse(DAMAGED)
