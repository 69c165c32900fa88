"""The pieces of a run's main sound that arrive while it is made, and their place until the run's record is final."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from devserver.files.exports import Exports
from devserver.model.rows import Place

FOLDER: Final = ".partials"
LAST_INDEX: Final = 99_999
KINDS: Final = ("wav", "flac")
NAME: Final = re.compile(rf"{re.escape(FOLDER)}/[a-z0-9_-]+/[0-9]{{5}}\.({'|'.join(KINDS)})")


def filename(place: Place, index: int, ext: str) -> str:
    """Return a piece's name below the run's folder; each attempt has a folder of its own."""
    return f"{FOLDER}/{attempt_folder(place)}/{index:05d}.{ext}"


def attempt_folder(place: Place) -> str:
    """Return the name of an attempt's folder, unique in its run."""
    return f"{place.stage}_{place.take}_{place.attempt}"


def path_of(exports: Exports, run_id: str, name: str) -> Path:
    """Return the path of the piece that a `partial` event names.

    Raises:
        ValueError: this is not the name of a piece.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a piece of a run")
    return exports.folder(run_id) / name


def exist(exports: Exports, run_id: str) -> bool:
    """Return True where a run has pieces on the disk."""
    return (exports.folder(run_id) / FOLDER).exists()


def clear(exports: Exports, run_id: str) -> None:
    """Delete the pieces of a run; its main file holds the whole sound."""
    shutil.rmtree(exports.folder(run_id) / FOLDER, ignore_errors=True)


def clear_attempt(exports: Exports, place: Place) -> None:
    """Delete the pieces of one attempt; the next attempt makes them again."""
    shutil.rmtree(exports.folder(place.run_id) / FOLDER / attempt_folder(place), ignore_errors=True)


def run_ids(exports: Exports) -> list[str]:
    """Return the runs that have pieces on the disk."""
    return [folder.parent.name for folder in exports.root.glob(f"*/{FOLDER}")]
