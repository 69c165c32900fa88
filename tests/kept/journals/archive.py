"""A journal with its exports as one file: what a server that was killed or stopped left, and what its host had."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Final

from tests.kept.journals.hosts import GATE
from tests.kept.journals.places import AT_THE_HOST, DUMP

FOLDER: Final = Path(__file__).parent / "archives"
LEFT_OUT: Final = ("embedded", "nodes", "lock", ".shared")  # a server makes them again


def pack(folder: Path, name: str) -> None:
    """Write exports, dump, prompts and open gates of a folder into an archive."""
    FOLDER.mkdir(exist_ok=True)
    paths = [path for path in sorted((folder / "exports").rglob("*")) if path.is_file() and not _is_left_out(path)]
    paths += sorted((folder / "host" / GATE).glob("*"))
    paths += [path for path in (folder / DUMP, folder / AT_THE_HOST) if path.exists()]
    with tarfile.open(FOLDER / f"{name}.tar.xz", "w:xz", preset=9) as archive:
        for path in paths:
            content = path.read_bytes()
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size, entry.mode = len(content), path.stat().st_mode & 0o777
            archive.addfile(entry, io.BytesIO(content))


def _is_left_out(path: Path) -> bool:
    beside = path.parts[path.parts.index(".state") + 1 :] if ".state" in path.parts else ()
    return bool(beside) and (beside[0] in LEFT_OUT or path.name.endswith(("-shm", ".lock")))


def unpack(name: str, folder: Path) -> None:
    """Write the files of an archive into a folder."""
    with tarfile.open(FOLDER / f"{name}.tar.xz", "r:xz") as archive:
        archive.extractall(folder, filter="data")


def names() -> list[str]:
    """Return the names of all archives."""
    return sorted(path.name.removesuffix(".tar.xz") for path in FOLDER.glob("*.tar.xz"))
