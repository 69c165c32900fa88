"""Fetch a backend's file: copy it from a shared folder if it is complete there, else download it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from functools import partial
from pathlib import Path
from typing import NamedTuple

from devserver.comfy.client import Client, Route
from devserver.comfy.errors import BackendError, OutputMissing, Unreachable
from devserver.comfy.files import RemoteFile, files_of
from devserver.comfy.watch import wait_until_whole
from devserver.system.sniff import Kind, sniff

__all__ = ["collect", "files_of"]

# A file that the history names was closed before; this is for shared folders that lag behind.
CLOSE_LIMIT_SECONDS = 3.0
DOWNLOAD_TRIES = 3

log = logging.getLogger(__name__)


class Collected(NamedTuple):
    """The kind of a file that was collected, and the route on which it came."""

    kind: Kind
    route: Route


async def collect(
    client: Client,
    file: RemoteFile,
    target: Path,
    shared_folder: Path | None = None,
    *,
    close_limit_seconds: float = CLOSE_LIMIT_SECONDS,
) -> Collected:
    """Copy an output of a prompt to `target`, whose name ends in `.part`; the original stays.

    Args:
        client: the backend that lists the file; only it knows whether the file exists and its length.
        file: as the history names it.
        target: replaced if it exists.
        shared_folder: the backend's output folder as this machine sees it, if it does.
        close_limit_seconds: how long to wait for a file that is missing or incomplete in the shared folder before
            downloading it instead.

    Raises:
        OutputMissing: the backend has no such file.
        UnsafePath: the file would lie outside of the shared folder.
        Unreachable, BackendError: no complete answer after three tries.
    """
    if shared_folder is not None and file.type == "output":
        size = await _size_or_none(client, file)
        copy = partial(_copy_whole, file, size, shared_folder, target)
        kind = await asyncio.to_thread(copy)
        # Without a known length, a file that appears now could be incomplete.
        if kind is None and size is not None and await _becomes_whole(file, size, shared_folder, close_limit_seconds):
            kind = await asyncio.to_thread(copy)
        if kind is not None:
            return Collected(kind, "shared_folder")
        log.warning("%s is incomplete in the shared folder %s: downloading it", file.path, shared_folder)
    route = await _download(client, file, target)
    return Collected(await asyncio.to_thread(sniff, target, file.filename), route)


async def _size_or_none(client: Client, file: RemoteFile) -> int | None:
    try:
        return await client.size(file)
    except OutputMissing:
        raise
    except BackendError as error:
        log.warning("%s does not report the length of %s: %s", client.base_url, file.path, error)
        return None


async def _becomes_whole(file: RemoteFile, size: int, shared_folder: Path, limit_seconds: float) -> bool:
    """Wait until a file has its full length; return whether it does before the limit."""
    root = await asyncio.to_thread(shared_folder.resolve)
    source = file.below(root)
    try:
        async with asyncio.timeout(limit_seconds):
            await wait_until_whole(source, root, lambda: _has_size(source, size))
    except (TimeoutError, FileNotFoundError):
        return False
    return True


def _copy_whole(file: RemoteFile, size: int | None, shared_folder: Path, target: Path) -> Kind | None:
    """Copy a file that has its full length; return the kind of the copy, None where it lacks something."""
    source = file.below(shared_folder)
    if not _has_size(source, size):
        return None
    copied = _copy(source, target)
    return sniff(target, file.filename) if size in (None, copied) else None


def _copy(source: Path, target: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    return shutil.copyfile(source, target).stat().st_size


def _has_size(source: Path, size: int | None) -> bool:
    return source.is_file() and (size is None or source.stat().st_size == size)


async def _download(client: Client, file: RemoteFile, target: Path) -> Route:
    for _ in range(DOWNLOAD_TRIES - 1):
        try:
            return await client.fetch(file, target)
        except Unreachable as error:
            log.warning("the download of %s broke, trying again: %s", file.path, error)
    return await client.fetch(file, target)
