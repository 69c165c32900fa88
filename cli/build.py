"""From settings to parts: the one place where configuration becomes objects."""

from __future__ import annotations

import os
from pathlib import Path

from config import ROOT, Settings
from devserver.definitions import Definitions
from devserver.parts import Parts
from devserver.pool import Address, answers_comfyui
from devserver.store import Exports
from schemas.loader import load_tables

SHIPPED = ROOT / "schemas"
COMFYUI_USUALLY = "http://127.0.0.1:8188"


def folders_of(settings: Settings) -> list[Path]:
    """The shipped definitions, and the user's own over them."""
    return [SHIPPED, *settings.definitions]


def definitions_of(settings: Settings) -> Definitions:
    """The shipped definitions with the user's own over them.

    Raises:
        schemas.errors.DefinitionError: with every problem in them.
    """
    folders = folders_of(settings)
    return Definitions(folders, load_tables(folders))


def addresses_of(settings: Settings) -> list[Address]:
    """The configured backends, in their order."""
    return [Address(b.name, b.kind, b.url.rstrip("/"), b.headers, b.output_folder) for b in settings.backends]


async def discover(settings: Settings) -> list[Address]:
    """A ComfyUI on its usual port, unless it is configured anyway."""
    known = {backend.url.rstrip("/").replace("localhost", "127.0.0.1") for backend in settings.backends}
    if not settings.discover or COMFYUI_USUALLY in known or not await answers_comfyui(COMFYUI_USUALLY):
        return []
    return [Address("comfyui-8188", "comfyui", COMFYUI_USUALLY, discovered=True)]


async def build_parts(settings: Settings) -> Parts:
    """Every part of a server, not started yet.

    Raises:
        devserver.errors.FolderLocked: another server has the exports folder.
        schemas.errors.DefinitionError: the definitions are wrong.
    """
    exports = Exports(settings.exports)
    exports.lock({"pid": os.getpid(), "url": f"http://{settings.host}:{settings.port}"})
    return Parts(
        exports=exports,
        definitions=definitions_of(settings),
        addresses=[*addresses_of(settings), *await discover(settings)],
        embedded=settings.embedded,
        probe_s=settings.probe_s,
        backend_wait_s=settings.backend_wait_s,
        embed_tags=settings.embed_tags,
    )
