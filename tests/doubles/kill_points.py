"""Named points in a run's way at which a server stops, or says that it passes, so that a test can kill it there.

A test arms one point at a time through a folder; the server that `tests.doubles.launcher` starts reads it there.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

import aiohttp

from devserver.comfy import client, collect
from devserver.comfy.client import Client
from devserver.durable.journal import Journal
from devserver.durable.writing import Written
from devserver.media import intake
from devserver.media.tags import TrackTags
from devserver.runs import record
from devserver.runs.dispatch import Dispatcher
from devserver.stages.graph import attempt
from devserver.stages.walk import Walk
from tests.patience import PATIENCE_S

POINTS: Final = (
    "accepted",  # in the journal, not dispatched
    "dispatched",  # walked by a task
    "journalled",  # the prompt id is written down, nothing is submitted
    "submitted",
    "queued",  # the backend runs another prompt first
    "running",
    "written",  # the backend's files are whole, none is collected
    "half_copied",
    "tagged",  # whole and tagged, not verified and without its name
    "taken_in",  # the attempt's end is written down; that of its take is not, unless it ended well
    "before_final",  # every take is there, the last metadata.json is not
)
LONGEST_STOP_S: Final = 120.0


@dataclass(frozen=True)
class Armed:
    """Where to stop: at the `nth` time that `point` is passed. `freeze` names processes that are stopped first.

    `stay` is whether the server stops there; else it says that it passes, and goes on.
    """

    number: int
    point: str
    nth: int = 1
    freeze: tuple[int, ...] = ()
    stay: bool = True


class Points:
    """The folder between a test and a server; the upper half is the test's side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._armed = folder / "armed"
        self._number, self._stay = 0, False

    def arm(self, point: str, nth: int = 1, freeze: tuple[int, ...] = (), *, stay: bool = True) -> None:
        if point not in POINTS:
            raise ValueError(f"{point} is no kill point; they are {', '.join(POINTS)}")
        self._number, self._stay = self._number + 1, stay
        new = self._armed.with_suffix(".new")
        new.write_text(json.dumps(asdict(Armed(self._number, point, nth, freeze, stay))))
        new.replace(self._armed)

    def disarm(self) -> None:
        self._armed.unlink(missing_ok=True)

    @property
    def stopped(self) -> bool:
        """Whether the server stands still now."""
        return self._stay and self._armed.exists() and self.comes(0.0)

    def comes(self, within_s: float) -> bool:
        """Whether the server is at the point that was armed last, or was there, before the time is over."""
        deadline = time.monotonic() + within_s
        while not (there := (self.folder / f"reached-{self._number}").exists()) and time.monotonic() < deadline:
            time.sleep(0.002)
        return there

    def wait(self, patience_s: float = PATIENCE_S) -> None:
        """Until the server is at the point."""
        if not self.comes(patience_s):
            raise AssertionError(f"the server did not come to {self._armed.read_text()} in {patience_s} s")

    def let_go(self, server: int) -> None:
        """Let a server that stopped go on from there."""
        self.disarm()
        (self.folder / f"go-{self._number}").touch()
        os.kill(server, signal.SIGCONT)

    # The server's side

    def passing(self, point: str) -> None:
        """Stop here, if this is where to stop. A worker process stops the server with it."""
        armed = self._read()
        if armed is None or armed.point != point:
            return
        with (self.folder / f"passed-{armed.number}").open("ab") as passed:
            passed.write(b".")
            passed.flush()
            if passed.tell() != armed.nth:
                return
        for pid in armed.freeze:
            os.kill(pid, signal.SIGSTOP)
        (self.folder / f"reached-{armed.number}").touch()
        if not armed.stay:
            return
        if _is_server():
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        os.kill(os.getppid(), signal.SIGSTOP)
        go, deadline = self.folder / f"go-{armed.number}", time.monotonic() + LONGEST_STOP_S
        while not go.exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def _read(self) -> Armed | None:
        try:
            told = json.loads(self._armed.read_text())
        except FileNotFoundError:
            return None
        return Armed(**{**told, "freeze": tuple(told["freeze"])})


def _is_server() -> bool:
    return os.environ[SERVER] == str(os.getpid())


SERVER: Final = "KILL_POINTS_SERVER"
FOLDER: Final = "KILL_POINTS_FOLDER"


def install(folder: Path) -> None:
    """Wrap the calls at which this process shall stop."""
    os.environ[SERVER], os.environ[FOLDER] = str(os.getpid()), str(folder)
    points = Points(folder)
    _before(points, Dispatcher, "submit", "accepted")
    _after(points, Walk, "__init__", "dispatched")
    _wrap_submit(points)
    _wrap_tell(points)
    _before(points, attempt, "take_in_all", "written")
    _wrap_copies(points)
    _in(intake)._job = job
    _wrap_end(points)
    _before(points, record, "_write_final", "before_final")


def _in(owner: Any) -> Any:
    """A module or class, to put another function into it."""
    return owner


def _before(points: Points, owner: Any, name: str, point: str) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    @wraps(original)
    def stopping(*args: Any, **named: Any) -> Any:
        points.passing(point)
        return original(*args, **named)

    setattr(owner, name, stopping)


def _after(points: Points, owner: Any, name: str, point: str) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    @wraps(original)
    def stopping(*args: Any, **named: Any) -> Any:
        result = original(*args, **named)
        points.passing(point)
        return result

    setattr(owner, name, stopping)


def _wrap_submit(points: Points) -> None:
    original = Client.submit

    async def submit(self: Client, graph: Any, prompt_id: str, *args: Any) -> None:
        points.passing("journalled")
        await original(self, graph, prompt_id, *args)
        points.passing("submitted")
        armed = points._read()
        if armed is not None and armed.point == "queued" and prompt_id in (await self.queue()).pending:
            points.passing("queued")

    _in(Client).submit = submit


def _wrap_tell(points: Points) -> None:
    original = attempt._tell

    def tell(walk: Any, job: Any, event: Any, partials: Any) -> None:
        original(walk, job, event, partials)
        if event.kind == "node":
            points.passing("running")

    _in(attempt)._tell = tell


def _wrap_end(points: Points) -> None:
    original = Journal.publish

    def publish(self: Journal, written: list[Written]) -> None:
        original(self, written)
        for _ in (one for one in written if one.event.kind == "attempt.ended"):
            points.passing("taken_in")

    _in(Journal).publish = publish


def _wrap_copies(points: Points) -> None:
    """Both ways by which a file comes here write a half of it, stop, and go on with the whole."""
    whole_copy, whole_stream = collect._copy, client.stream

    def copy(source: Path, target: Path) -> int:
        content = source.read_bytes()
        target.write_bytes(content[: len(content) // 2])
        points.passing("half_copied")
        return whole_copy(source, target)

    async def stream(response: aiohttp.ClientResponse, target: Path, mode: str = "wb") -> int:
        with target.open(mode) as out:
            first = await response.content.readexactly((response.content_length or 0) // 2)
            out.write(first)
        points.passing("half_copied")
        return len(first) + await whole_stream(response, target, "ab")

    collect._copy, client.stream = copy, stream


def job(part: Path, final: Path, tags: TrackTags, verify: intake.Verify, embed: bool) -> intake.IngestedFile:
    """The job of a worker process, which stops once the copy is tagged."""
    verified = intake._verify

    def stopping(path: Path, name: str, wanted: intake.Verify) -> Any:
        Points(Path(os.environ[FOLDER])).passing("tagged")
        return verified(path, name, wanted)

    _in(intake)._verify = stopping
    try:
        return intake.ingest(part, final, tags, verify, embed=embed)
    finally:
        _in(intake)._verify = verified
