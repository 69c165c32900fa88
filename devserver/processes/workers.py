"""Worker processes that do what takes long: each does one job at a time, and can be ended at any moment.

A worker speaks over its stdin and stdout, so nothing of it outlives a kill: no named semaphore, no shared memory. It
has a session of its own, so that a signal to our process group is heard by us alone.
"""

from __future__ import annotations

import importlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, TypeVar, TypeVarTuple

from devserver.processes.signals import ignore_stops

ROOT: Final = Path(__file__).parents[2]
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class WorkerDied(Exception):
    """The worker process ended in the middle of a job: killed, out of memory, or brought down by what it worked on."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the worker process ended with code {code}")
        self.code = code


class WorkerTimedOut(WorkerDied):
    """The job took longer than it may, so its worker was ended."""


class Workers:
    """At most `count` worker processes; one that died is replaced at the next job.

    Args:
        modules: what each worker imports before its first job.
    """

    def __init__(self, count: int, modules: Sequence[str] = ()) -> None:
        self._modules = modules
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._lock = threading.Lock()
        self._idle: deque[_Worker] = deque()
        self._all: set[_Worker] = set()
        self._closed = False

    def submit(
        self, function: Callable[[*Arguments], Result], *args: *Arguments, limit_s: float | None = None
    ) -> Future[Result]:
        """Have a function of a module called in a worker.

        The future raises what the function raised, `WorkerDied`, or `WorkerTimedOut` once the job has run for
        `limit_s`; waiting for a free worker does not count.
        """
        if self._closed:
            raise WorkerDied(0)
        return self._threads.submit(self._work, function, args, limit_s)

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that there are now."""
        with self._lock:
            return [worker.process.pid for worker in self._all]

    def close(self) -> None:
        """End every worker now; jobs that are at work raise `WorkerDied`, jobs that wait are cancelled."""
        with self._lock:
            self._closed = True
            workers = list(self._all)
        for worker in workers:
            worker.process.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in workers:
            worker.end()

    def _work(self, function: Callable[[*Arguments], Result], args: tuple[*Arguments], limit_s: float | None) -> Result:
        worker = self._take()
        try:
            answer = worker.ask(pickle.dumps((function, args)), limit_s)
        except (OSError, EOFError) as error:
            with self._lock:
                self._all.discard(worker)
            died = WorkerTimedOut if isinstance(error, TimeoutError) else WorkerDied
            raise died(worker.end()) from error
        with self._lock:
            self._idle.append(worker)
        outcome: tuple[Result, None] | tuple[None, Exception] = pickle.loads(answer)  # noqa: S301 - our own process wrote it
        if outcome[1] is not None:
            raise outcome[1]
        return outcome[0]

    def _take(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise WorkerDied(0)
            while self._idle:
                worker = self._idle.pop()
                if worker.process.poll() is None:
                    return worker
                self._all.discard(worker)
                worker.end()  # it is dead; its pipes are still open
            worker = _Worker(self._modules)
            self._all.add(worker)
            return worker


class _Worker:
    """Our side of one worker process."""

    def __init__(self, modules: Sequence[str]) -> None:
        command = [sys.executable, "-m", "devserver.processes.workers", *modules]
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True
        )

    def ask(self, job: bytes, limit_s: float | None) -> bytes:
        """Send a job and return its answer.

        Raises:
            TimeoutError: it took longer than `limit_s`; the process is ended.
            OSError, EOFError: the process ended first.
        """
        assert self.process.stdin is not None  # noqa: S101 - it was started with pipes
        assert self.process.stdout is not None  # noqa: S101
        late = threading.Event()

        def end_late() -> None:
            late.set()
            self.process.kill()  # the pipe closes, which ends the reading below

        timer = None if limit_s is None else threading.Timer(limit_s, end_late)
        if timer is not None:
            timer.start()
        try:
            _write(self.process.stdin, job)
            answer = _read(self.process.stdout)
        except (OSError, EOFError):
            if late.is_set():
                raise TimeoutError from None
            raise
        finally:
            if timer is not None:
                timer.cancel()
                timer.join()
        if late.is_set():  # it answered in the last moment, and was ended all the same
            raise TimeoutError
        return answer

    def end(self) -> int:
        """End the process and return its exit code."""
        self.process.kill()
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what it was still to be sent
                    pipe.close()
        return code


def _write(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(8) + message)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes:
    length = stream.read(8)
    message = stream.read(int.from_bytes(length)) if len(length) == 8 else b""
    if not length or len(message) < int.from_bytes(length):
        raise EOFError
    return message


def _call(job: bytes) -> bytes:
    """Do a job and return what is sent back: the result and None, or None and the error."""
    try:
        function, args = pickle.loads(job)  # noqa: S301 - our own process wrote it
        return pickle.dumps((function(*args), None))
    except Exception as error:  # noqa: BLE001 # reason: whatever a job raises is raised again where it was submitted
        error.add_note(f"In the worker process:\n{traceback.format_exc()}")
        try:
            return pickle.dumps((None, error))
        except Exception:  # noqa: BLE001 # reason: an error that cannot be sent is sent as its text
            return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))


def main() -> None:
    """Do jobs until stdin closes. The arguments are modules that are imported first."""
    ignore_stops()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        with suppress(EOFError):
            while True:
                jobs.put(_read(sys.stdin.buffer))
        os._exit(0)  # the parent is gone; a job must not outlive it

    threading.Thread(target=listen, daemon=True).start()
    for name in sys.argv[1:]:
        importlib.import_module(name)
    with suppress(BrokenPipeError):
        while True:
            _write(answers, _call(jobs.get()))


if __name__ == "__main__":
    main()
