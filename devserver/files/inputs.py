"""Files as inputs: `{run, entity}` or an upload becomes a content hash, and a backend gets each content once."""

from __future__ import annotations

import asyncio
import copy
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self
from weakref import WeakValueDictionary

from devserver.comfy.client import Client
from devserver.comfy.errors import BackendError, OutputMissing
from devserver.comfy.files import RemoteFile
from devserver.durable.database import Database
from devserver.durable.reading import Reading
from devserver.durable.sql import Transaction
from devserver.errors import InputError, StageError
from devserver.errors.sentences import say
from devserver.files.exports import Exports
from devserver.files.uploads import MIB, UPLOAD_ID, Look, Uploads, display_name
from devserver.media.examine import SHORTEST_SECONDS, describe_missing_sound
from devserver.model.entity import Entity
from devserver.system.sniff import KINDS

SUBFOLDER: Final = "tonewright"
KEEP_SENT: Final = (
    "INSERT INTO sent_files (backend, file, name) VALUES ($1, $2, $3)"
    " ON CONFLICT (backend, file) DO UPDATE SET name = excluded.name"
)


@dataclass(frozen=True)
class InputFile:
    """A file that a run works on: its `{sha256, ext}`, and what the run warns of, by code."""

    stored: dict[str, str]
    warnings: tuple[tuple[str, str], ...] = ()


class InputFiles:
    """Finds what a `file` parameter names, keeps it by hash, and sends it to backends."""

    def __init__(
        self,
        exports: Exports,
        database: Database,
        roots: Sequence[Path] = (),
        look: Look | None = None,
    ) -> None:
        self._exports, self._db = exports, database
        self._roots = [root.resolve() for root in roots]
        self._uploads = Uploads(exports.uploads, sys.maxsize, look)  # what a run has made may be of any length
        self._sending: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._viewer: str | None = None
        self._of_runs: Mapping[str, list[str]] = {}

    async def for_viewer(self, viewer: str | None, asked: object = None) -> Self:
        """Return the files that a user may name: of the own runs and uploads, or with None of everybody.

        `asked` is what names them, as JSON: of the runs in it is read now what files they have.
        """
        seen = copy.copy(self)
        seen._viewer = viewer  # noqa: SLF001 - it is ours, only narrower
        if run_ids := set(_runs_in(asked)):
            seen._of_runs = await self._db.read(partial(_files_of_runs, run_ids, viewer))  # noqa: SLF001 - same
        return seen

    def keep(self, path: Path) -> dict[str, str]:
        """Keep a local file for as long as runs may need it; returns its `{sha256, ext}`."""
        with path.open("rb") as file, self._uploads.receive(path.name) as incoming:
            while block := file.read(MIB):
                incoming.write(block)
            return {"sha256": incoming.keep_unchecked(), "ext": path.suffix.lstrip(".").lower() or "bin"}

    def resolve(self, field: str, value: object, accepts: tuple[str, ...] = ()) -> InputFile:
        """Return the file that a request names; `accepts` are the allowed media, () for any.

        A sound of more than two channels, for a parameter that takes sounds, becomes its stereo mix.

        Raises:
            InputError: no `{run, entity}` of a run here, no upload, no path below a root; it is of another medium,
                cannot be used, or has no sound or picture where one is needed.
        """
        found, name = self._resolve(field, value)
        examined = self._uploads.examined(found["sha256"]) if accepts else None
        media = KINDS[found["ext"]].media if found["ext"] in KINDS else examined.media if examined else "file"
        if accepts and media not in accepts:
            kind, wanted = found["ext"], " or ".join(accepts)
            raise InputError("wrong_medium", field=field, value=value, allowed=list(accepts), kind=kind, wanted=wanted)
        if examined is None or media not in ("audio", "video"):
            return InputFile(found)
        refuse = partial(InputError, field=field, value=value)
        if examined.refusal is not None:
            said = examined.refusal.said
            limits = said.values.get("allowed")
            raise refuse("file_refused", hint=said.hint, limits=limits, name=display_name(name), problem=said)
        if "audio" not in accepts:
            if examined.picture is None:
                raise refuse("no_picture", name=display_name(name))
            return InputFile(found)
        if lacks := describe_missing_sound(examined):
            raise refuse("no_sound", seconds=SHORTEST_SECONDS, name=display_name(name), problem=lacks)
        told = tuple((one.code, f"{display_name(name)} ({field}): {one.message}") for one in examined.warnings)
        return InputFile({"sha256": examined.mix.sha256, "ext": "flac"} if examined.mix else found, told)

    def _resolve(self, field: str, value: object) -> tuple[dict[str, str], str]:
        """Return the `{sha256, ext}` of the file that a request names, and its name for people."""
        allowed = "{run, entity} of a run here, or the id of an upload"
        if isinstance(value, dict) and set(value) == {"run", "entity"}:
            names = self._of_runs.get(str(value["run"]), [])
            if str(value["entity"]) in names:
                return self.keep(self._exports.file(str(value["run"]), str(value["entity"]))), str(value["entity"])
            raise InputError("unknown_file_of_run", status=404, field=field, value=value, allowed=names or allowed)
        if isinstance(value, str) and UPLOAD_ID.fullmatch(value):
            found = self._uploads.find(value, self._viewer)
            if found is None:
                raise InputError("unknown_upload_to_use", status=404, field=field, value=value, allowed=allowed)
            return found, self._uploads.name_of(self._viewer, found["sha256"])
        if isinstance(value, str) and value.startswith("/") and self._roots:
            path = self._local(field, value)
            return self.keep(path), path.name
        raise InputError("no_file", field=field, value=value, allowed=allowed)

    def _local(self, field: str, value: str) -> Path:
        """Return the file at a path below one of the roots, links followed. The answer hides whether others exist."""
        try:
            path = Path(value).resolve(strict=True)
            found = path.is_file() and any(path.is_relative_to(root) for root in self._roots)
        except (OSError, ValueError):
            found = False
        if not found:
            allowed = [f"{root}/..." for root in self._roots]
            raise InputError("unknown_local_file", status=404, field=field, value=value, allowed=allowed)
        return path

    async def send(
        self, client: Client, backend: str, names: Iterable[str], places: Mapping[str, Path] | None = None
    ) -> dict[str, str]:
        """Put files (`<sha256>.<ext>`) where a backend's loaders find them, once; returns the backend's names.

        `places` says where those lie that are not kept by hash.
        """
        places = places or {}
        return {name: await self._send(client, backend, name, places.get(name)) for name in names}

    async def _send(self, client: Client, backend: str, name: str, place: Path | None) -> str:
        path = place or self._exports.uploads / name.partition(".")[0]
        lock = self._sending.setdefault((backend, name), asyncio.Lock())
        async with lock:  # runs that need the same file wait for the first of them to send it
            kept = await asyncio.to_thread(path.is_file)
            known = await self._db.read(lambda tx: _sent_as(tx, backend, name))
            if known is not None and kept and await _has(client, known, path.stat().st_size):
                return known
            if not kept:
                raise StageError(say("input_not_kept", file=name), code="input_missing", status=500)
            try:
                known = await client.upload(path, name, SUBFOLDER)
            except BackendError as e:
                if e.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                    raise
                said = say("input_too_large", backend=backend, mib=path.stat().st_size / MIB)
                raise StageError(said, code="input_too_large", status=502) from e
            await self._db.write(lambda tx: tx.execute(KEEP_SENT, (backend, name, known)))
            return known


def _runs_in(asked: object) -> Iterator[str]:
    """Yield every run of which a file is named."""
    if isinstance(asked, dict):
        if set(asked) == {"run", "entity"}:
            yield str(asked["run"])
        asked = list(asked.values())
    if isinstance(asked, list):
        for value in asked:
            yield from _runs_in(value)


def _files_of_runs(run_ids: Iterable[str], viewer: str | None, tx: Transaction) -> dict[str, list[str]]:
    reading = Reading(tx)
    seen = [run_id for run_id in run_ids if (owner := reading.owner(run_id)) is not None and viewer in (None, owner)]
    return {
        run_id: [e.data.filename for e in reading.events(run_id, "entity") if isinstance(e.data, Entity)]
        for run_id in seen
    }


def _sent_as(tx: Transaction, backend: str, name: str) -> str | None:
    rows = tx.rows("SELECT name FROM sent_files WHERE backend = $1 AND file = $2", backend, name)
    return str(rows[0]["name"]) if rows else None


async def _has(client: Client, name: str, length: int) -> bool:
    """Return True where a backend still has an input file in full: its folder may have been emptied or replaced."""
    folder, _, filename = name.rpartition("/")
    try:
        return await client.size(RemoteFile("", "", filename, folder, "input")) == length
    except OutputMissing:
        return False
