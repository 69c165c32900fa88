"""Uploads: streamed to disk, told by their content, kept once by hash under `.state/uploads/`."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from devserver.errors import InputError
from devserver.media.examine import NO_MEDIA, UNKNOWN, Examined, Refusal
from devserver.system.atomic import sync, write_atomic
from devserver.system.sniff import KINDS, Kind, sniff

OLD_PART_S: Final = 86400.0  # what is younger may be on its way to another process
MIB: Final = 1 << 20
DEFAULT_LIMIT_BYTES: Final = 512 * MIB
UPLOAD_ID: Final = re.compile(r"([0-9a-f]{64})(?:\.([a-z0-9]{1,5}))?")
TAKEN: Final = (*(kind.ext for kind in KINDS.values() if kind.media != "file"), "mid")


EVERYBODY: Final = "_"  # no user's name; theirs who need no key
LONGEST_NAME: Final = 200

Look = Callable[[Path, str, Path], Examined]  # at a file of that name; a stereo mix is written to the second path


@dataclass(frozen=True)
class Upload:
    """A file that is kept. `new` is False where the same content was here already."""

    sha256: str
    kind: Kind
    bytes: int
    new: bool
    examined: Examined | None = None

    @property
    def id(self) -> str:
        """The id that a `file` parameter of a request takes."""
        return f"{self.sha256}.{self.kind.ext}"


def display_name(name: str) -> str:
    """Return a file's own name as the beginning of a sentence."""
    return f'"{name[:LONGEST_NAME]}"' if name else "The file"


class Uploads:
    """The folder of everything that was sent here to be worked on; its files have their SHA-256 as name.

    The same content is kept once, whoever sends it. A `viewer` is a user who sees the own uploads alone: an empty file
    beside the folder says what is theirs, so that a hash that somebody has heard of opens nothing. None sees them all.
    That file holds the name which the content had where it came from.

    Args:
        look: looks into what is sent; without it nothing is known of a file but its kind.
    """

    def __init__(self, folder: Path, limit_bytes: int = DEFAULT_LIMIT_BYTES, look: Look | None = None) -> None:
        self.folder, self.limit_bytes, self._look = folder, limit_bytes, look
        self._owners = folder.with_name("upload_owners")
        self._facts = folder.with_name("upload_facts")

    def receive(self, name: str = "", viewer: str | None = None) -> Incoming:
        """Open a file that is about to arrive; `name` is its name at the sender."""
        return Incoming(self, name, viewer)

    def may_see(self, viewer: str | None, sha256: str) -> bool:
        return viewer is None or (self._owners / viewer / sha256).is_file()

    def grant(self, viewer: str | None, sha256: str, name: str = "") -> None:
        """Let a viewer see a kept file, under the name that it had where it came from."""
        mark = self._owners / (viewer or EVERYBODY) / sha256
        if name or (viewer is not None and not mark.exists()):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.write_text(name[:LONGEST_NAME], encoding="utf-8", errors="replace")

    def name_of(self, viewer: str | None, sha256: str) -> str:
        """Return the name that a file had at its sender, or ''."""
        try:
            return (self._owners / (viewer or EVERYBODY) / sha256).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def examined(self, sha256: str) -> Examined | None:
        """Return the facts of a kept file; it is examined now if it never was. None without a `look`."""
        return self.examine_once(self.folder / sha256, "", sha256)

    def examine_once(self, path: Path, name: str, sha256: str) -> Examined | None:
        """Look into a file, unless that was done; what was found is kept under its hash, a stereo mix under its own."""
        if self._look is None:
            return None
        with suppress(FileNotFoundError, ValueError):
            found = Examined.model_validate_json((self._facts / f"{sha256}.json").read_bytes())
            if found.mix is None or (self.folder / found.mix.sha256).is_file():
                return found
        mix_to = self.folder / f"{secrets.token_hex(8)}.part"
        try:
            found = self._look(path, name, mix_to)
            if found.refusal is None:
                if found.mix is not None:
                    sync(mix_to)
                    mix_to.replace(self.folder / found.mix.sha256)
                self._facts.mkdir(exist_ok=True)
                write_atomic(self._facts / f"{sha256}.json", found.model_dump_json().encode(), synced=False)
        finally:
            mix_to.unlink(missing_ok=True)
        return found

    def check_length(self, length: int) -> None:
        """Refuse a file that is longer than the limit (InputError, 413)."""
        if length > self.limit_bytes:
            limit = f"{self.limit_bytes / MIB:g} MiB"
            refuse = partial(InputError, "file_too_large", status=413, field="file", value=length)
            raise refuse(limit=limit, limit_bytes=self.limit_bytes)

    def clear_parts(self, older_than_s: float | None = None) -> None:
        """Delete what a killed process left half written."""
        for part in self.folder.glob("*.part"):
            with suppress(FileNotFoundError):
                if older_than_s is None or time.time() - part.stat().st_mtime >= older_than_s:
                    part.unlink()

    def find(self, upload_id: str, viewer: str | None = None) -> dict[str, str] | None:
        """Return the `{sha256, ext}` of an id; None where nothing is kept under it, or its ending is another."""
        match = UPLOAD_ID.fullmatch(upload_id)
        path = self.folder / match[1] if match else None
        if match is None or path is None or not path.is_file() or not self.may_see(viewer, match[1]):
            return None
        kind = sniff(path, f"file.{match[2]}" if match[2] else None)
        if kind.mime == UNKNOWN and (found := self.examined(match[1])) is not None:
            kind = found.kind
        return {"sha256": match[1], "ext": kind.ext} if match[2] in (None, kind.ext) else None


class Incoming:
    """One file on its way in. What is not kept by the end of the `with` block leaves nothing.

    Every method may be called from any thread.
    """

    def __init__(self, uploads: Uploads, name: str, viewer: str | None) -> None:
        self._uploads, self._name, self._viewer = uploads, name, viewer
        self._part = uploads.folder / f"{secrets.token_hex(8)}.part"
        self._digest, self._length = hashlib.sha256(), 0
        self._lock = threading.Lock()  # a request that ends early must not close the file under a block being written
        self._file = self._part.open("xb")

    def write(self, block: bytes) -> None:
        """Add a block.

        Raises:
            InputError: the file has become longer than the limit (413).
        """
        with self._lock:
            self._uploads.check_length(self._length + len(block))
            self._file.write(block)
            self._digest.update(block)
            self._length += len(block)

    def keep(self) -> Upload:
        """Take the file in.

        Raises:
            InputError: it is of a kind that nothing here could use (415), or empty, damaged or cut off (422).
        """
        with self._lock:
            if not self._length:
                raise InputError("file_empty", field="file", value=self._name, name=display_name(self._name))
            self._file.flush()
            kind = sniff(self._part, self._name or None)
            if kind.media == "file" and kind.ext != "mid" and kind.mime != UNKNOWN:
                raise self._refused(NO_MEDIA)
            found = self._uploads.examine_once(self._part, self._name, self._digest.hexdigest())
            if found is not None and found.refusal is not None:
                raise self._refused(found.refusal)
            kind = found.kind if found is not None and kind.mime == UNKNOWN else kind
            if kind.media == "file" and kind.ext != "mid":
                raise self._refused(NO_MEDIA)
            sha256, new = self._take_in()
            return Upload(sha256, kind, self._length, new, found)

    def _refused(self, why: Refusal) -> InputError:
        allowed = list(TAKEN) if why.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE else "a file that can be used"
        return InputError(
            "file_refused",
            status=why.status,
            field="file",
            value=self._name,
            allowed=allowed,
            limits=why.values.get("allowed"),
            hint=why.hint,
            name=display_name(self._name),
            problem=why.said,
        )

    def keep_unchecked(self) -> str:
        """Take in a file of a run, whatever it is; returns its SHA-256."""
        with self._lock:
            return self._take_in()[0]

    def _take_in(self) -> tuple[str, bool]:
        self._file.flush()
        os.fsync(self._file.fileno())
        sha256 = self._digest.hexdigest()
        kept = self._uploads.folder / sha256
        # That somebody else has sent the same is nobody's business.
        new = not kept.exists() or not self._uploads.may_see(self._viewer, sha256)
        self._part.replace(kept)  # two at once write the same bytes under the same name
        self._uploads.grant(self._viewer, sha256, self._name)
        return sha256, new

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._file.close()
            self._part.unlink(missing_ok=True)
