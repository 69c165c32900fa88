"""Drawings of a run's sounds: made on request, once, in a worker process, and stored beside the files."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devserver.errors import InputError
from devserver.files.exports import Exports
from devserver.media.draw import draw
from devserver.media.drawing_kinds import DrawingKind, NoSound
from devserver.media.intake import IntakeCrashed, IntakePool
from devserver.model.entity import Entity

FOLDER: Final = ".drawn"
MIMES: Final[Mapping[DrawingKind, str]] = {
    "peaks.json": "application/json",
    "waveform.png": "image/png",
    "spectrogram.png": "image/png",
}


@dataclass(frozen=True)
class Media:
    """One file of a run, ready to be served; `etag` stands for its content."""

    path: Path
    mime: str
    filename: str
    etag: str


@dataclass(frozen=True)
class StemFile:
    """One voice of a run's music, by a name of its own."""

    name: str
    file: Media
    seconds: float


class Drawings:
    """Pictures and peaks of sounds. Simultaneous requests for a drawing share one job."""

    def __init__(self, exports: Exports, intake: IntakePool) -> None:
        self._exports, self._intake = exports, intake
        self._drawing: dict[Path, asyncio.Task[None]] = {}

    async def get(self, run_id: str, entity: Entity, drawing: DrawingKind) -> Media:
        """Return the drawing of one of a run's sounds.

        Raises:
            InputError: the sound is gone or cannot be decoded (404).
        """
        folder = self._exports.folder(run_id)
        target = folder / FOLDER / f"{entity.sha256[:16]}_{drawing}"
        if not await asyncio.to_thread(target.is_file):
            task = self._drawing.get(target)
            if task is None:
                task = asyncio.create_task(self._draw(folder / entity.filename, target, drawing))
                self._drawing[target] = task
                task.add_done_callback(lambda _: self._drawing.pop(target))
            await asyncio.shield(task)  # a cancelled request must not cancel it for the others
        tag = hashlib.sha256(f"{entity.sha256} {drawing}".encode()).hexdigest()
        return Media(target, MIMES[drawing], drawing, tag)

    async def _draw(self, source: Path, target: Path, drawing: DrawingKind) -> None:
        try:
            await self._intake.work(draw, source, target, drawing)
        except (NoSound, FileNotFoundError, IntakeCrashed) as e:
            raise InputError(
                "not_drawable", status=404, field="run_id", value=source.parent.name, name=source.name, problem=str(e)
            ) from e
