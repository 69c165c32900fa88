"""Bringing a backend's file here: copied from a shared folder where it lies there whole, else downloaded."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from devserver.comfy.client import Client, Way
from devserver.comfy.errors import BackendError, OutputMissing, Unreachable
from devserver.comfy.files import RemoteFile, files_of
from devserver.comfy.watch import until_whole
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
    on_way: Callable[[Way], None] | None = None,
) -> Path:
    """Copy a file that a prompt has made to `target`, whose name ends in `.part`; the original stays.

    Args:
        client: the backend that names the file; it alone says whether the file exists and how long it is.
        file: as the history names it.
        target: replaced if it exists.
        shared_folder: the backend's output folder as this machine sees it, if it does.
        close_limit_seconds: how long a file that is missing or short in the shared folder is waited for before it is
            downloaded instead.
        on_way: told the way on which the file came.

    Returns:
        `target`, complete.

    Raises:
        OutputMissing: the backend has no such file.
        UnsafePath: the file would lie outside of the shared folder.
        Unreachable, BackendError: no complete answer after three tries.
    """
    way = await _bring(client, file, target, shared_folder, close_limit_seconds)
    if on_way is not None:
        on_way(way)
    return target


async def _bring(
    client: Client, file: RemoteFile, target: Path, shared_folder: Path | None, close_limit_seconds: float
) -> Way:
    if shared_folder is not None and file.type == "output":
        size = await _told_size(client, file)
        root = await asyncio.to_thread(shared_folder.resolve)
        source = file.below(root)
        if await _whole(source, size, root, close_limit_seconds):
            copied = await asyncio.to_thread(_copy, source, target)
            if size is None or copied == size:
                return "shared_folder"
        log.warning("%s is not whole in the shared folder %s: downloading it", file.path, shared_folder)
    return await _download(client, file, target)


async def _told_size(client: Client, file: RemoteFile) -> int | None:
    try:
        return await client.size(file)
    except OutputMissing:
        raise
    except BackendError as error:
        log.warning("%s does not tell the length of %s: %s", client.base_url, file.path, error)
        return None


async def _whole(source: Path, size: int | None, shared_folder: Path, limit_seconds: float) -> bool:
    """Whether the source is there with its full length, at once or before the limit."""
    if _has(source, size):
        return True
    # Without its length a file that appears now could be half a file.
    if size is None:
        return False
    try:
        async with asyncio.timeout(limit_seconds):
            await until_whole(source, shared_folder, lambda: _has(source, size))
    except (TimeoutError, FileNotFoundError):
        return False
    return True


def _copy(source: Path, target: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    return shutil.copyfile(source, target).stat().st_size


def _has(source: Path, size: int | None) -> bool:
    return source.is_file() and (size is None or source.stat().st_size == size)


async def _download(client: Client, file: RemoteFile, target: Path) -> Way:
    for _ in range(DOWNLOAD_TRIES - 1):
        try:
            return await client.fetch(file, target)
        except Unreachable as error:
            log.warning("the download of %s broke, trying again: %s", file.path, error)
    return await client.fetch(file, target)
