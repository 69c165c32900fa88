"""Answers of programs that may be broken or hostile: read up to a limit, parsed up to a depth, and not on the loop."""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import Final

import aiohttp

from schemas.json_values import Json, is_deeper

MIB: Final = 1 << 20
# What refuses a compressed answer: a few kilobytes of it can hold gigabytes.
PLAIN: Final = {"Accept-Encoding": "identity"}
PARSED_HERE_BYTES: Final = 64 * 1024  # takes less than a millisecond; a thread would cost as much
# The deepest that is sent are workflows with sub-graphs, about 20 levels. What is passed on must also be written again.
MAX_DEPTH: Final = 100
# An escaped backslash and a whole surrogate pair are passed over; what is left is half a pair, which no text can hold.
HALF_PAIR: Final = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


class BrokenAnswer(ValueError):
    """An answer that is too long, packed, nested too deeply, or no JSON."""


async def read_answer(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """Read a body of at most `limit_bytes`; its session must not unpack by itself.

    Raises:
        BrokenAnswer: it is longer, or packed.
    """
    refuse_packed(response)
    if response.content_length is not None and response.content_length > limit_bytes:
        raise BrokenAnswer(f"an answer of {response.content_length} bytes, at most {limit_bytes} are read")
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > limit_bytes:
            raise BrokenAnswer(f"an answer of more than {limit_bytes} bytes")
    return bytes(body)


def refuse_packed(response: aiohttp.ClientResponse) -> None:
    """Refuse an answer that is compressed, since none was asked for.

    Raises:
        BrokenAnswer: it is.
    """
    packed = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise BrokenAnswer(f"an answer packed as {packed[:20]!r}, which was not asked for")


async def parse_off_loop(text: bytes | str) -> Json:
    """Parse JSON, a long one in a thread.

    Raises:
        BrokenAnswer: it is none, or nested too deeply.
    """
    if len(text) <= PARSED_HERE_BYTES:
        return parse(text)
    return await asyncio.to_thread(parse, text)


def parse(text: bytes | str) -> Json:
    """Parse JSON whose depth nobody vouches for.

    What could not be passed on is read as something that can: half a surrogate pair as U+FFFD, NaN and numbers without
    an end as null.

    Raises:
        BrokenAnswer: it is none, or nested too deeply.
    """
    try:
        whole = _without_halves(text if isinstance(text, str) else text.decode("utf-8-sig"))
        value: Json = json.loads(whole, parse_constant=lambda _: None, parse_float=_finite)
    except ValueError as e:
        raise BrokenAnswer(f"no JSON: {e}") from e
    except (RecursionError, MemoryError) as e:
        raise BrokenAnswer("JSON that is nested too deeply or too large") from e
    if is_deeper(value, MAX_DEPTH):
        raise BrokenAnswer(f"JSON of more than {MAX_DEPTH} levels")
    return value


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def _without_halves(text: str) -> str:
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return HALF_PAIR.sub(lambda found: r"\ufffd" if found[1] else found[0], text)
