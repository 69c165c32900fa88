"""The pieces of a run's main sound that come while it is made: where they lie until the run's record is final."""

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


def name_of(place: Place, index: int, ext: str) -> str:
    """A piece's name below the run's folder; an attempt has a folder of its own."""
    return f"{FOLDER}/{attempt_of(place)}/{index:05d}.{ext}"


def attempt_of(place: Place) -> str:
    """What tells the files of an attempt from those of others of its run."""
    return f"{place.stage}_{place.take}_{place.attempt}"


def path_of(exports: Exports, run_id: str, name: str) -> Path:
    """Where the piece lies that a `partial` event names.

    Raises:
        ValueError: this is no name of a piece.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no piece of a run")
    return exports.folder(run_id) / name


def clear(exports: Exports, run_id: str) -> None:
    """Delete the pieces of a run; its files hold the whole."""
    shutil.rmtree(exports.folder(run_id) / FOLDER, ignore_errors=True)


def clear_attempt(exports: Exports, place: Place) -> None:
    """Delete the pieces of one attempt, which another one makes again."""
    shutil.rmtree(exports.folder(place.run_id) / FOLDER / attempt_of(place), ignore_errors=True)


def kept(exports: Exports) -> list[str]:
    """The runs that have pieces on the disk."""
    return [folder.parent.name for folder in exports.root.glob(f"*/{FOLDER}")]
