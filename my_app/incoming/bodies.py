"""Bodies of requests: read up to a limit, and as JSON that can be kept and sent on."""

from __future__ import annotations

import json
import math
from tempfile import SpooledTemporaryFile
from typing import Any, Final

from aiohttp import web

from devserver.errors import InputError
from devserver.errors.sentences import Quoted
from my_app.incoming.arriving import read_blocks

IN_MEMORY_BYTES: Final = 1 << 20
READ_BYTES: Final = 1 << 16
MOST_DIGITS: Final = 400  # the largest float has 309
DEEPEST: Final = 64
MOST_VALUES: Final = 1_000_000  # the largest graph that is imported has half of them


async def read_body(request: web.Request, max_bytes: int) -> bytes:
    """Read the body of a request; a large one waits on disk until it is whole.

    Raises:
        InputError: it is larger than that (413).
    """
    if (request.content_length or 0) > max_bytes:
        raise InputError("body_too_large", status=413, limit_bytes=max_bytes)
    with SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
        size = 0
        async for chunk in read_blocks(request, lambda: request.content.read(READ_BYTES)):
            size += len(chunk)
            if size > max_bytes:
                raise InputError("body_too_large", status=413, limit_bytes=max_bytes)
            body.write(chunk)
        body.seek(0)
        return body.read()


def read_json(raw: bytes) -> dict[str, Any]:
    """Read a body as a JSON object. Raises InputError: 400 where it is none, 413 where it has too many values."""
    if (values := raw.count(b",")) > MOST_VALUES:  # reading them would hold all other threads up
        raise InputError("body_too_many_values", status=413, value=values, most=MOST_VALUES)
    try:
        body = json.loads(
            raw.decode(),
            parse_constant=_refuse_constant,
            parse_int=_read_int,
            parse_float=_read_float,
            object_pairs_hook=_no_doubles,
        )
        _check_depth_and_text(body)
    except json.JSONDecodeError as error:
        raise InputError(
            "body_no_json", status=400, problem=Quoted(error.msg), line=error.lineno, column=error.colno
        ) from error
    except UnicodeError as error:
        raise InputError("body_no_utf8", status=400) from error
    except (RecursionError, ValueError) as error:
        why = f"it is deeper than {DEEPEST} levels" if isinstance(error, RecursionError) else error
        raise InputError("body_unusable", status=400, problem=str(why)) from error
    if not isinstance(body, dict):
        raise InputError("body_no_object", status=400, value=body)
    return body


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; refuse a name that is there twice, since two programs could read two things."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        double = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {double!r} is there twice")
    return found


def _check_depth_and_text(body: Any) -> None:
    """Refuse what is deeper than anything here is, and texts that cannot be stored (zero bytes, halves of pairs)."""
    level: list[Any] = [body]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += [*value, *value.values()]
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str):
                _check_text(value)
        if not inner:
            return
        level = inner
    raise ValueError(f"it is deeper than {DEEPEST} levels")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("a text has a zero byte")
    if not text.isascii():
        text.encode()


def _read_int(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits, and {MOST_DIGITS} are allowed")
    return int(digits)


def _read_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):  # an answer that quotes it would be no JSON
        raise ValueError(f"{digits[:40]} is larger than any number that can be kept")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")
