"""Take in a file: tag the copy, verify that it can be played, and only then give it its name.

Decoding takes long, so it happens in worker processes (`IntakePool`); `ingest` is the work itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from devserver.errors.disk import disk_error_of
from devserver.media.measure import Content, Truncated, Undecodable, measure
from devserver.media.tags import TagError, TrackTags, write_tags
from devserver.model.entity import MediaFacts
from devserver.processes.workers import WorkerDied, Workers
from devserver.system.atomic import sync
from devserver.system.sniff import Medium

SILENT_BELOW_DBFS = -60.0
LIBRARIES = ("av", "mutagen", "numpy")  # every job needs these, and they take long to import
# The thread that waits for the disk while the process works.
DISK = ThreadPoolExecutor(1, thread_name_prefix="disk")

Result = TypeVar("Result")
Reason = Literal["empty", "undecodable", "truncated", "wrong_media", "too_short", "silent"]


class OutputRefused(Exception):
    """A finished file is unusable.

    Args:
        reason: a code.
        measured: the measured value.
        allowed: the accepted values.
    """

    def __init__(self, reason: Reason, measured: str, allowed: str) -> None:
        super().__init__(reason, measured, allowed)
        self.reason = reason
        self.measured = measured
        self.allowed = allowed

    def __str__(self) -> str:
        return f"the file is refused ({self.reason}): {self.measured}; allowed: {self.allowed}"


class IntakeCrashed(Exception):
    """The worker process died twice while it took in one file."""


@dataclass(frozen=True)
class Verify:
    """The conditions for an output.

    Attributes:
        min_seconds: least length of sound and video.
        silence: whether a sound whose peak lies below -60 dBFS is refused.
        media: the medium that was asked for, or None for any.
    """

    min_seconds: float = 0.1
    silence: Literal["refuse", "allow"] = "refuse"
    media: Medium | None = None


@dataclass(frozen=True)
class IngestedFile:
    """A file that was taken in. `bytes` and `sha256` are those of the file with its tags."""

    media: Medium
    mime: str
    bytes: int
    sha256: str
    facts: MediaFacts


def ingest(part: Path, final: Path, tags: TrackTags, verify: Verify, *, embed: bool = True) -> IngestedFile:
    """Make a finished file from a working copy in the same folder.

    The work can be repeated: if the copy is gone and the file exists, the file is measured again and its facts are
    returned.

    Args:
        part: the copy; tagged in place, gone afterwards. It stays if the file is refused.
        final: the name of the file, replaced if it exists.
        tags: replace the backend's.
        verify: the conditions for the file.
        embed: False leaves the graph and our record out of the tags.

    Raises:
        OutputRefused: the file does not meet the conditions.
        OSError: the disk is full, or neither copy nor file is there.
    """
    if not part.exists() and final.exists():
        return _describe_file(final, _verify(final, final.name, verify))
    if part.stat().st_size == 0:
        raise OutputRefused("empty", "0 bytes", "a file with content")
    try:
        write_tags(part, tags, name=final.name, embed=embed)
    except TagError as error:
        if (full := disk_error_of(error)) is not None:
            raise full from error
        raise OutputRefused("undecodable", str(error), "a file that can be decoded to its end") from error
    synced = DISK.submit(sync, part)  # while the processor decodes
    facts = _describe_file(part, _verify(part, final.name, verify))
    synced.result()
    part.replace(final)
    return facts


def _verify(path: Path, name: str, verify: Verify) -> Content:
    try:
        content = measure(path, name)
    except Undecodable as error:
        raise OutputRefused("undecodable", str(error), "a file that can be decoded to its end") from error
    except Truncated as error:
        raise OutputRefused("truncated", str(error), f"the declared {error.declared_seconds:.3f} seconds") from error
    if verify.media is not None and content.kind.media != verify.media:
        raise OutputRefused("wrong_media", f"{content.kind.media} ({content.kind.mime})", verify.media)
    if content.seconds is not None and content.seconds < verify.min_seconds:
        raise OutputRefused("too_short", f"{content.seconds:.3f} seconds", f"at least {verify.min_seconds:g} seconds")
    silent = content.peak_dbfs is not None and content.peak_dbfs < SILENT_BELOW_DBFS
    if silent and verify.silence == "refuse":
        raise OutputRefused("silent", f"a peak of {content.peak_dbfs:.1f} dBFS", f"at least {SILENT_BELOW_DBFS:g} dBFS")
    return content


def _describe_file(path: Path, content: Content) -> IngestedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    facts = MediaFacts(
        seconds=content.seconds,
        sample_rate_hz=content.sample_rate_hz,
        channels=content.channels,
        codec=content.codec,
        peak_dbfs=content.peak_dbfs,
        clipped_samples=content.clipped_samples,
        width=content.width,
        height=content.height,
    )
    return IngestedFile(content.kind.media, content.kind.mime, path.stat().st_size, digest, facts)


class IntakePool:
    """Worker processes that take files in, and do other long work on them.

    A worker that dies (killed, out of memory, crashed by a damaged file) is replaced and its job repeated once.

    Args:
        workers: how many files are decoded at the same time.
    """

    def __init__(self, workers: int = 2) -> None:
        self._count = workers
        self._workers: Workers | None = None

    async def ingest(
        self, part: Path, final: Path, tags: TrackTags, verify: Verify, *, embed: bool = True
    ) -> IngestedFile:
        """Ingest a file in a worker, like the function `ingest`.

        Raises:
            OutputRefused: as there.
            OSError: as there.
            IntakeCrashed: the worker died twice.
        """
        return await self.work(_job, part, final, tags, verify, embed)

    async def work(self, function: Callable[..., Result], *args: Any) -> Result:
        """Call a slow function in a worker process. It may be called twice.

        Raises:
            IntakeCrashed: the worker died twice.
        """
        try:
            return await self._submit(function, *args)
        except WorkerDied:
            pass
        try:
            return await self._submit(function, *args)
        except WorkerDied as error:
            files = [arg.name for arg in args if isinstance(arg, Path)]
            raise IntakeCrashed(f"the worker died twice while it worked on {files[-1]}") from error

    async def warm(self) -> None:
        """Start the workers and load the codecs, so that the first file is not delayed."""
        await asyncio.gather(*(self._submit(os.getpid) for _ in range(self._count)))

    async def close(self) -> None:
        """Kill the workers; their jobs begin again at the next start."""
        workers, self._workers = self._workers, None
        if workers is not None:
            await asyncio.to_thread(workers.close)

    @property
    def pids(self) -> list[int]:
        return self._workers.pids if self._workers is not None else []

    async def _submit(self, function: Callable[..., Result], *args: Any) -> Result:
        if self._workers is None:
            self._workers = Workers(self._count, LIBRARIES)
        result: Result = await asyncio.wrap_future(self._workers.submit(function, *args))
        return result


def _job(part: Path, final: Path, tags: TrackTags, verify: Verify, embed: bool) -> IngestedFile:
    return ingest(part, final, tags, verify, embed=embed)
