"""Read text files of users and other programs as UTF-8, with a plain error for unreadable ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final, NoReturn

from schemas.json_values import Json

MOST_BYTES: Final = 64 << 20
LONGEST_NUMBER: Final = 40  # digits; what is longer is no value of any node
MARKS: Final = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\n|[-+]?[A-Za-z0-9_.+-]+')


class Unreadable(ValueError):
    """A file or a text cannot be read; `line` counts from 1."""

    def __init__(self, reason: str, line: int = 1) -> None:
        self.reason, self.line = reason, line
        super().__init__(reason)


def read_text(path: Path, most_bytes: int = MOST_BYTES) -> str:
    """Return the text of a file, without a byte order mark.

    Raises:
        Unreadable: it is not a file, may not be read, is too large, or is not UTF-8.
    """
    try:
        if not path.is_file():  # a folder or a pipe would fail with another error, or block for ever
            raise Unreadable("cannot be read: it is a folder" if path.is_dir() else "cannot be read: it is no file")
        size = path.stat().st_size
        if size > most_bytes:
            raise Unreadable(f"cannot be read: it has {size} bytes; at most {most_bytes} are allowed")
        raw = path.read_bytes()
    except OSError as e:
        raise Unreadable(f"cannot be read: {e.strerror or e}") from e
    return decode(raw)


def decode(raw: bytes) -> str:
    """Decode bytes as text; Unreadable where they are not UTF-8."""
    for mark, name in MARKS:
        if raw.startswith(mark):
            raise Unreadable(f"cannot be read: this is {name}; save it as UTF-8")
    if b"\0" in raw:
        wide = len(raw) % 2 == 0 and (not any(raw[:64:2]) or not any(raw[1:64:2]))
        guess = "this is UTF-16; save it as UTF-8" if wide else "this is no text"
        raise Unreadable(f"cannot be read: {guess}", raw.count(b"\n", 0, raw.index(b"\0")) + 1)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        raise Unreadable(f"cannot be read: this is no text in UTF-8 (byte 0x{raw[e.start]:02x})", line) from e


def parse_json(text: str, *, endless: bool = False) -> Json:
    """Return the value of a text in JSON.

    Args:
        text: the JSON.
        endless: whether NaN and Infinity may stand there, as Python writes them; else they are refused.

    Raises:
        Unreadable: with the line, where there is one.
    """
    try:
        value: Json = json.loads(
            text,
            parse_constant=None if endless else _no_constant,
            parse_int=_int,
            parse_float=None if endless else _float,
        )
    except json.JSONDecodeError as e:
        raise Unreadable(f"is not JSON: {e.msg}", e.lineno) from e
    except _NoNumber as e:
        raise Unreadable(f"is not JSON: {e}", _line_of(text, e.word)) from e
    except RecursionError as e:
        raise Unreadable("is nested too deeply") from e
    return value


class _NoNumber(ValueError):
    def __init__(self, word: str, reason: str) -> None:
        self.word = word
        super().__init__(f"{word[:LONGEST_NUMBER]} {reason}")


def _no_constant(name: str) -> NoReturn:
    raise _NoNumber(name, "is not a JSON number")


def _int(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise _NoNumber(digits, "is a number of too many digits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _NoNumber(digits, "is larger than any number that can be kept")
    return value


def _line_of(text: str, word: str) -> int:
    line = 1
    for token in TOKEN.finditer(text):
        if token[0] == "\n":
            line += 1
        elif token[0] == word:
            break
    return line
