"""Keys: they name the users of this server, and the runs and files that each sees.

A key is 256 random bits, so nobody guesses one and a slow hash would protect nothing: BLAKE2b under a secret of this
file's own is enough. Only hashes are kept, in one file under `.state/`: every process that shares the exports folder
reads it anew when it has changed, and it outlives a journal that has to be rebuilt.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from devserver.errors import InputError, TonewrightError
from devserver.system.clock import Clock
from devserver.users.rights import Rights
from schemas.json_values import Json, read_object
from schemas.texts import Unreadable, parse_json, read_text

LOCAL: Final = "local"  # the user of every request from this machine as long as there are no keys
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
PREFIX: Final = "tonewright_"  # makes a leaked key easy to recognise
LONGEST_KEY: Final = 200
LARGEST_CLASS: Final = 99
# A code has 60 random bits, too many to guess over HTTP. It has no characters that look alike.
CODE_SIGNS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
CODE: Final = re.compile(f"[{CODE_SIGNS}]{{12}}")
MISREAD: Final = str.maketrans({"o": "0", "i": "1", "l": "1", "-": "", " ": ""})


class KeysUnreadable(TonewrightError):
    """The file of the keys is damaged or unreadable: every request is refused until somebody repairs it."""


@dataclass(frozen=True)
class Key:
    """A stored key. `name` is its user; `id` distinguishes it from an earlier key of the same name."""

    id: str
    name: str
    admin: bool
    hash: str
    created_at: str
    rights: Rights = field(default_factory=Rights)

    def as_dict(self) -> dict[str, Any]:
        """Return the key as its file has it."""
        about = {"id": self.id, "name": self.name, "admin": self.admin, "hash": self.hash}
        return {**about, "created_at": self.created_at, "rights": self.rights.as_dict()}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Key:
        """Read the output of `as_dict`; a key without `rights` has no limits.

        Raises:
            TypeError: a field has another type; a text for `admin` would count as true.
        """
        texts = ("id", "name", "hash", "created_at")
        if type(kept["admin"]) is not bool or not all(isinstance(kept[name], str) for name in texts):
            raise TypeError("a key has a field of another type")
        if not kept["hash"].isascii():
            raise TypeError("a key has an invalid hash")
        return cls(**{**kept, "rights": Rights.read(kept.get("rights", {}))})


@dataclass(frozen=True)
class _KeyFile:
    secret: bytes
    keys: tuple[Key, ...]


class Keys:
    """The keys of an exports folder. Every method may be called from any thread."""

    def __init__(self, state: Path, clock: Clock | None = None) -> None:
        self._path, self._clock = state / "keys.json", clock or Clock()
        self._seen: tuple[tuple[int, int, int] | None, _KeyFile] = (None, _KeyFile(b"", ()))

    @property
    def all(self) -> tuple[Key, ...]:
        """Return all keys, the oldest first.

        Raises:
            KeysUnreadable: the file exists and cannot be read.
        """
        return self._read().keys

    def find_by_name(self, name: str) -> Key | None:
        return next((key for key in self.all if key.name == name), None)

    def find(self, secret: str) -> Key | None:
        """Return the key with this secret, if there is one. Every comparison takes the same time."""
        file = self._read()
        shown = _hash(file.secret, read_code(secret)) if len(secret) <= LONGEST_KEY else ""
        matching = [key for key in file.keys if hmac.compare_digest(key.hash, shown)]
        return matching[0] if matching else None

    def viewer(self, name: str) -> str | None:
        """Return the user whose runs and files this user sees; None for everybody's."""
        keys = self.all
        # Without keys only the local user sees everything; a proxy may name other users.
        return None if (not keys and name == LOCAL) or any(key.admin for key in keys if key.name == name) else name

    def rights(self, name: str) -> Rights:
        """Return the rights of a user; a user without a key has no limits."""
        key = self.find_by_name(name)
        return Rights() if key is None else key.rights

    def add(self, name: str, *, admin: bool = False, rights: Rights | None = None) -> str:
        """Make a key for a new user and return it. Only its hash is stored, so it cannot be shown again.

        Raises:
            InputError: the name is taken (409) or invalid (422).
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        self._add({name: secret}, admin=admin, rights=rights or Rights())
        return secret

    def add_class(self, name: str, size: int, rights: Rights | None = None) -> dict[str, str]:
        """Make keys for the new users NAME-01, NAME-02, ..., all or none: codes that are short enough to type.

        Raises:
            InputError: a name is taken (409) or invalid (422), or the class is too large (422).
        """
        if not 1 <= size <= LARGEST_CLASS:
            raise InputError("class_size", field="class", value=size, most=LARGEST_CLASS)
        made = {f"{name}-{number:02}": new_code() for number in range(1, size + 1)}
        self._add(made, admin=False, rights=rights or Rights())
        return made

    def _add(self, made: Mapping[str, str], *, admin: bool, rights: Rights) -> None:
        for name in made:
            if not NAME.fullmatch(name):
                raise InputError("key_name_unusable", field="name", value=name)

        def add_keys(file: _KeyFile) -> _KeyFile:
            taken = {key.name for key in file.keys}
            if name := next((name for name in made if name in taken), ""):
                raise InputError("key_name_taken", status=409, field="name", value=name)
            pepper = file.secret or secrets.token_bytes(32)
            at = self._clock.stamp()
            new = [
                Key(secrets.token_hex(8), name, admin, _hash(pepper, secret), at, rights)
                for name, secret in made.items()
            ]
            return _KeyFile(pepper, (*file.keys, *new))

        self._change(add_keys)

    def remove(self, name: str) -> None:
        """Revoke a key, at once and in every process; its user's runs stay.

        Raises:
            InputError: there is no such key (404).
        """

        def drop_key(file: _KeyFile) -> _KeyFile:
            if all(key.name != name for key in file.keys):
                known = [key.name for key in file.keys]
                raise InputError("unknown_key_name", status=404, field="name", value=name, allowed=known)
            return replace(file, keys=tuple(key for key in file.keys if key.name != name))

        self._change(drop_key)

    def _read(self) -> _KeyFile:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return _KeyFile(b"", ())
        except OSError as e:
            raise _unreadable(self._path, e) from e
        version = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if self._seen[0] != version:
            self._seen = (version, _parse(self._path))
        return self._seen[1]

    def _change(self, change: Callable[[_KeyFile], _KeyFile]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with _file_lock(self._path.with_suffix(".lock")):
            file = change(self._read())
            kept = {"secret": file.secret.hex(), "keys": [key.as_dict() for key in file.keys]}
            write_private(self._path, json.dumps(kept, indent=2).encode())


def new_code() -> str:
    """Return a random key that a person can type: `7k2m-9qpx-4dht`."""
    signs = "".join(secrets.choice(CODE_SIGNS) for _ in range(12))
    return "-".join(signs[at : at + 4] for at in (0, 4, 8))


def read_code(shown: str) -> str:
    """Return a typed code in its canonical spelling; any other text is returned unchanged."""
    signs = shown.lower().translate(MISREAD)
    return "-".join(signs[at : at + 4] for at in (0, 4, 8)) if CODE.fullmatch(signs) else shown


def write_private(path: Path, content: bytes) -> None:
    """Write a file atomically that only its owner may read."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _hash(pepper: bytes, secret: str) -> str:
    return blake2b(secret.encode(errors="replace"), key=pepper, digest_size=32).hexdigest()


def _parse(path: Path) -> _KeyFile:
    try:
        return _key_file(parse_json(read_text(path)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, InputError) as e:
        raise _unreadable(path, e) from e


def _key_file(kept: Json) -> _KeyFile:
    match kept:
        case {"secret": str(secret), "keys": list(keys)}:
            return _KeyFile(bytes.fromhex(secret), tuple(Key.read(read_object(key)) for key in keys))
    raise TypeError("it has no secret or no list of keys")


def _unreadable(path: Path, error: Exception) -> KeysUnreadable:
    place = f"{path}:{error.line}" if isinstance(error, Unreadable) else str(path)
    return KeysUnreadable(f"The keys in {place} cannot be read: {error}. Put the file back, or make new keys.")


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
