"""Ending a program of ours: in order at the first signal, at once at the second, never later than a limit.

The interpreter writes each signal into a socket that a thread reads. So a signal is heard while the main thread waits
for a database or loads a library, and the program ends although some thread of it never would.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Final, NoReturn, Self, TypeVar

STOPS: Final = (signal.SIGINT, signal.SIGTERM)
LIMIT_S: Final = 8.0
ONE_SIGNAL_S: Final = 0.1  # coreutils' `timeout` signals the process and then its group: that counts as one signal

log = logging.getLogger(__name__)
Result = TypeVar("Result")
Handler = Callable[[int, FrameType | None], object] | int | None  # what a signal had before


def leave(code: int) -> NoReturn:
    """End this process now, whatever its threads wait for."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


def ignore_stops() -> None:
    """Leave SIGINT and SIGTERM to the parent, which closes our stdin when we are to end."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)


def end_with_stdin(end: Callable[[], object]) -> None:
    """Call `end` on a thread when stdin closes, as it does when the parent process ends, even by a kill."""

    def watch() -> None:
        # os.read, not sys.stdin: a thread that holds its lock would abort the interpreter's exit.
        while os.read(0, 4096):
            pass
        end()

    threading.Thread(target=watch, name="parent", daemon=True).start()


class StopSignals:
    """Hears SIGINT and SIGTERM for as long as the `with` block lasts. The block begins on the main thread.

    Attributes:
        number: the first signal, 0 until there is one.
    """

    def __init__(self, limit_s: float = LIMIT_S, numbers: Sequence[signal.Signals] = STOPS) -> None:
        self.number = 0
        self._numbers = numbers
        self._limit_s = limit_s
        self._heard, self._signals = socket.socketpair()
        self._signals.setblocking(False)
        self._lock = threading.Lock()
        self._wake: Callable[[], object] | None = None
        self._before: list[Handler] = []

    def __enter__(self) -> Self:
        self._wakeup_before = signal.set_wakeup_fd(self._signals.fileno(), warn_on_full_buffer=False)
        # The interpreter writes to the socket only where a signal has a handler in Python.
        self._before = [signal.signal(number, lambda *_: None) for number in self._numbers]
        threading.Thread(target=self._listen, name="signals", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in zip(self._numbers, self._before, strict=True):
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._signals.close()  # which ends the thread

    def stop(self) -> None:
        """Begin to stop, as a SIGTERM does. From any thread."""
        with suppress(OSError):  # the block has ended
            self._signals.send(bytes([signal.SIGTERM]))

    async def wait(self) -> None:
        """Wait for the first signal."""
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._wake = lambda: loop.call_soon_threadsafe(came.set)
            if self.number:
                came.set()
        await came.wait()

    def _listen(self) -> None:
        with self._heard:
            first = self._next(None)
            if not first:
                return
            began = time.monotonic()
            with self._lock:
                self.number = first
                if self._wake is not None:
                    self._wake()
            second: int | None = first
            while second and time.monotonic() - began < ONE_SIGNAL_S:
                second = self._next(began + self._limit_s - time.monotonic())
        if second:
            leave(128 + second)
        if second is None:
            log.error("did not stop within %g s, so the process ends now, as by a kill", self._limit_s)
            leave(1)

    def _next(self, patience_s: float | None) -> int | None:
        """Return the next signal that stops, 0 where the block has ended, None where the time is up."""
        self._heard.settimeout(patience_s)
        try:
            while byte := self._heard.recv(1):
                if byte[0] in STOPS:
                    return byte[0]
        except TimeoutError:
            return None
        return 0


async def run_until_stopped(
    work: Coroutine[None, None, Result],
    *,
    code: int | None = None,
    limit_s: float = LIMIT_S,
    signals: bool = True,
    with_parent: bool = False,
) -> Result:
    """Do some work, and cancel it at a signal; then this ends the process as soon as the work has cleaned up.

    Args:
        work: what is done.
        code: the exit code after a signal; by default the usual 128 + number.
        limit_s: how long cleaning up may take.
        signals: whether signals are heard at all.
        with_parent: whether a stdin that closes counts as a signal.
    """
    with StopSignals(limit_s, STOPS if signals else ()) as asked:
        if with_parent:
            end_with_stdin(asked.stop)
        task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(asked.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not asked.number:
            stopped.cancel()
            return await task
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("stopping failed: %s: %s", type(error).__name__, error)
            leave(1)
        leave(128 + asked.number if code is None else code)
