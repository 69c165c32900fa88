"""Sessions: a browser sends a token in place of its user's key.

Each is a file under `.state/sessions/`, named by the hash of a random token. So every process that shares the exports
folder knows it, signing out ends it everywhere, and nobody can sign in with the contents of the folder.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from devserver.system.clock import Clock
from devserver.users.keys import Key, Keys, write_private
from schemas.texts import Unreadable, parse_json, read_text

LASTS: Final = timedelta(days=30)
MOST_OF_ONE: Final = 50  # sessions of one key; the oldest goes first


@dataclass(frozen=True)
class _Session:
    key: str
    name: str
    ends_at: float  # seconds since 1970


class Sessions:
    """Every method may be called from any thread."""

    def __init__(self, state: Path, keys: Keys, clock: Clock | None = None) -> None:
        self._folder, self._keys, self._clock = state / "sessions", keys, clock or Clock()

    def begin(self, key: Key) -> str:
        """Begin a session with this key and return the token for the browser's cookie."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clear(key)
        token = secrets.token_urlsafe(32)
        kept = _Session(key.id, key.name, (self._clock.now() + LASTS).timestamp())
        write_private(self._file(token), json.dumps(asdict(kept)).encode())
        return token

    def find(self, token: str) -> Key | None:
        """Return the key that the session was begun with, if both are still valid."""
        kept = _read(self._file(token))
        if kept is None or kept.ends_at < self._clock.now().timestamp():
            return None
        key = self._keys.find_by_name(kept.name)
        return key if key is not None and key.id == kept.key else None

    def end(self, token: str) -> None:
        self._file(token).unlink(missing_ok=True)

    def _file(self, token: str) -> Path:
        return self._folder / sha256(token.encode(errors="replace")).hexdigest()

    def _clear(self, key: Key) -> None:
        """Delete expired sessions, and the oldest of a key that has too many."""
        own, now = [], self._clock.now().timestamp()
        for path in self._folder.iterdir():
            if not path.is_file():
                continue  # not a session
            kept = _read(path)
            if kept is None or kept.ends_at < now:
                path.unlink(missing_ok=True)
            elif kept.key == key.id:
                own.append((kept.ends_at, path))
        for _, path in sorted(own)[: max(0, len(own) + 1 - MOST_OF_ONE)]:
            path.unlink(missing_ok=True)


def _read(path: Path) -> _Session | None:
    """Read a session's file; None if it is damaged, and the browser has to sign in again."""
    try:
        kept = parse_json(read_text(path))
    except Unreadable:
        return None
    match kept:
        case {"key": str(key), "name": str(name), "ends_at": int() | float() as ends_at}:
            return _Session(key, name, ends_at)
    return None
