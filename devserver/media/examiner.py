"""Foreign files are looked into in processes of their own, which are ended when they take too long."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from devserver.media.examine import DAMAGED, Examined, Refusal, examine

log = logging.getLogger(__name__)

LIMIT_S: Final = 300.0
PROCESSES: Final = 2
CONTEXT: Final = multiprocessing.get_context("spawn")


class Examiner:
    """Looks into files. `examine` may be called from any thread, and waits there.

    Args:
        limit_s: how long one file may take; then its process is ended and the file refused.
        processes: how many files are looked into at a time; each process is started when it is needed.
    """

    def __init__(self, limit_s: float = LIMIT_S, processes: int = PROCESSES) -> None:
        self._limit_s = limit_s
        self._turns = threading.BoundedSemaphore(processes)
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        self._all: set[_Process] = set()
        self._lock = threading.Lock()

    def examine(self, path: Path, name: str, mix_to: Path) -> Examined:
        """As the function `examine`; a file that takes too long, or ends the process, is refused."""
        with self._turns:
            process = self._process()
            try:
                found = process.ask((path, name, mix_to), self._limit_s)
            except TimeoutError:
                words = f"takes longer than {self._limit_s:g} seconds to look through."
                found = _given_up(words, "Send a shorter one.")
            except _Ended:
                found = _given_up("ends the program that reads it.", "It may be damaged, or too large for the memory.")
            else:
                self._idle.put(process)
                return found
            self._end(process)
            return found

    def close(self) -> None:
        """End the processes; whoever waits for one is told that it ended."""
        with self._lock:
            ending = tuple(self._all)
        for process in ending:
            self._end(process)

    def _process(self) -> _Process:
        with suppress(Empty):
            while True:
                process = self._idle.get_nowait()
                if process.lives:
                    return process
                self._end(process)
        process = _Process()
        with self._lock:
            self._all.add(process)
        return process

    def _end(self, process: _Process) -> None:
        with self._lock:
            self._all.discard(process)
        process.end()


class _Ended(Exception):
    """The process has ended in the middle of its work."""


class _Process:
    """One process that looks into one file at a time."""

    def __init__(self) -> None:
        self._pipe, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_serve, args=(theirs,), daemon=True, name="examiner")
        self._process.start()
        theirs.close()  # so that the pipe ends with the process

    @property
    def lives(self) -> bool:
        return self._process.is_alive()

    def ask(self, question: tuple[Path, str, Path], limit_s: float) -> Examined:
        """The answer of the process.

        Raises:
            TimeoutError: it took longer than that.
            _Ended: it has ended.
            OSError: the disk failed it.
        """
        try:
            self._pipe.send(question)
            answered = self._pipe.poll(limit_s)
            answer = self._pipe.recv() if answered else None
        except (EOFError, OSError) as error:
            raise _Ended from error
        if not answered:
            raise TimeoutError
        if isinstance(answer, OSError):
            raise answer
        return Examined.model_validate(answer)

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _given_up(words: str, hint: str) -> Examined:
    refusal = Refusal(status=422, words=words, hint=hint)
    return Examined(media="file", mime="application/octet-stream", ext="bin", refusal=refusal)


def _serve(pipe: Any) -> None:
    """Look into one file after the other until the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_answer(*pipe.recv()))


def _answer(path: Path, name: str, mix_to: Path) -> dict[str, Any] | OSError:
    try:
        return examine(path, name, mix_to).model_dump()
    except OSError as error:
        return error
    except Exception as error:  # noqa: BLE001 # reason: decoders fail on foreign files in ways of their own
        log.warning("%s cannot be looked into: %r", path.name, error)
        return _given_up(DAMAGED.words, DAMAGED.hint).model_dump()


def _end_with_parent() -> None:
    parent: Any = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
