"""The worker process of a host: it imports the node table, runs prompts in order, and keeps the cache of results.

The host starts it with pipes for stdin and stdout; it exits when stdin closes.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from devserver.host import frames
from devserver.host.executor import Executor
from devserver.host.folders import Folders
from devserver.host.tables import load
from devserver.processes.signals import ignore_stops
from schemas.json_values import JsonObject

PRELOADED = ("av", "mido")  # nearly every prompt of ours needs these, and they take long to import


class Worker:
    """Reads requests on a thread, so that a cancel arrives while a node computes."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests, self._answers = requests, answers
        self._writing = threading.Lock()
        self._prompts: queue.SimpleQueue[frames.RunRequest] = queue.SimpleQueue()

    def serve(self, executor: Executor) -> None:
        """Run prompts until the host is gone; this does not return."""
        threading.Thread(target=self._listen, args=(executor,), daemon=True).start()
        while True:
            prompt = self._prompts.get()
            executor.run(prompt["prompt_id"], prompt["graph"], prompt["extra_data"], prompt["outputs"])
            self.emit("done", {})

    def emit(self, event: str, data: JsonObject) -> None:
        """Send one event to the host; nodes may call it from several threads."""
        packed = frames.pack({"event": event, "data": data})
        try:
            with self._writing:
                self._answers.write(packed)
                self._answers.flush()
        except BrokenPipeError:
            os._exit(0)  # the host is gone, perhaps killed

    def _listen(self, executor: Executor) -> None:
        while (message := frames.read_request(self._requests)) is not None:
            if message["do"] == "cancel":
                executor.cancel(message["prompt_id"])
            else:
                self._prompts.put(message)
        os._exit(0)  # the host is gone; a node that computes must not outlive it


def preload() -> None:
    """Import modules that the first prompt would otherwise wait for; a table may not need them."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def main() -> None:
    """Run a worker. Arguments: table name, base folder."""
    name, base = sys.argv[1:3]
    ignore_stops()  # the host decides when we end
    # Output of nodes must not get between the frames, so stdout becomes stderr.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    folders = Folders(Path(base))
    threading.Thread(target=preload, daemon=True).start()
    # A separate reader: Python closes `sys.stdin` at exit, and aborts if a thread still reads from it.
    worker = Worker(os.fdopen(os.dup(0), "rb"), answers)
    worker.serve(Executor(load(name, folders), folders, worker.emit))


if __name__ == "__main__":
    main()
