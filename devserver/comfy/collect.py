"""Fetch a backend's file: copy it from a shared folder if it is complete there, else download it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from devserver.comfy.client import Client, Route
from devserver.comfy.errors import BackendError, OutputMissing, Unreachable
from devserver.comfy.files import RemoteFile, files_of
from devserver.comfy.watch import wait_until_whole
from devserver.system.sniff import sniff

__all__ = ["RemoteFile", "collect", "files_of", "sniff"]

# A file that the history names was closed before; this is for shared folders that lag behind.
CLOSE_LIMIT_SECONDS = 3.0
DOWNLOAD_TRIES = 3

log = logging.getLogger(__name__)


async def collect(
    client: Client,
    file: RemoteFile,
    target: Path,
    shared_folder: Path | None = None,
    *,
    close_limit_seconds: float = CLOSE_LIMIT_SECONDS,
    on_way: Callable[[Route], None] | None = None,
) -> Path:
    """Copy an output of a prompt to `target`, whose name ends in `.part`; the original stays.

    Args:
        client: the backend that lists the file; only it knows whether the file exists and its length.
        file: as the history names it.
        target: replaced if it exists.
        shared_folder: the backend's output folder as this machine sees it, if it does.
        close_limit_seconds: how long to wait for a file that is missing or incomplete in the shared folder before
            downloading it instead.
        on_way: called with the route on which the file came.

    Returns:
        `target`, complete.

    Raises:
        OutputMissing: the backend has no such file.
        UnsafePath: the file would lie outside of the shared folder.
        Unreachable, BackendError: no complete answer after three tries.
    """
    way = await _fetch(client, file, target, shared_folder, close_limit_seconds)
    if on_way is not None:
        on_way(way)
    return target


async def _fetch(
    client: Client, file: RemoteFile, target: Path, shared_folder: Path | None, close_limit_seconds: float
) -> Route:
    if shared_folder is not None and file.type == "output":
        size = await _size_or_none(client, file)
        root = await asyncio.to_thread(shared_folder.resolve)
        source = file.below(root)
        if await _wait_until_whole(source, size, root, close_limit_seconds):
            copied = await asyncio.to_thread(_copy, source, target)
            if size is None or copied == size:
                return "shared_folder"
        log.warning("%s is incomplete in the shared folder %s: downloading it", file.path, shared_folder)
    return await _download(client, file, target)


async def _size_or_none(client: Client, file: RemoteFile) -> int | None:
    try:
        return await client.size(file)
    except OutputMissing:
        raise
    except BackendError as error:
        log.warning("%s does not report the length of %s: %s", client.base_url, file.path, error)
        return None


async def _wait_until_whole(source: Path, size: int | None, shared_folder: Path, limit_seconds: float) -> bool:
    """Wait until the source has its full length; return whether it does before the limit."""
    if _has_size(source, size):
        return True
    # Without a known length, a file that appears now could be incomplete.
    if size is None:
        return False
    try:
        async with asyncio.timeout(limit_seconds):
            await wait_until_whole(source, shared_folder, lambda: _has_size(source, size))
    except (TimeoutError, FileNotFoundError):
        return False
    return True


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
