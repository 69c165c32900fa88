"""Read answers of programs that may be broken or hostile: up to a size, up to a depth, and off the loop."""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import Final

import aiohttp

from schemas.json_values import Json, is_deeper

MIB: Final = 1 << 20
# Asks for uncompressed answers: a few compressed kilobytes can hold gigabytes.
PLAIN: Final = {"Accept-Encoding": "identity"}
PARSED_HERE_BYTES: Final = 64 * 1024  # parsing these takes less than a millisecond; a thread would cost as much
# Workflows with sub-graphs are the deepest, with about 20 levels. Parsed values must be writable again, too.
MAX_DEPTH: Final = 100
# Skips escaped backslashes and whole surrogate pairs; group 1 is half a pair, which no text can hold.
HALF_PAIR: Final = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


class BrokenAnswer(ValueError):
    """An answer that is too long, compressed, nested too deeply, or not JSON."""


async def read_answer(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """Read a body of at most `limit_bytes`; the session must not decompress by itself.

    Raises:
        BrokenAnswer: it is longer, or compressed.
    """
    refuse_compressed(response)
    if response.content_length is not None and response.content_length > limit_bytes:
        raise BrokenAnswer(f"an answer of {response.content_length} bytes, at most {limit_bytes} are read")
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > limit_bytes:
            raise BrokenAnswer(f"an answer of more than {limit_bytes} bytes")
    return bytes(body)


def refuse_compressed(response: aiohttp.ClientResponse) -> None:
    """Refuse a compressed answer, since the request asked for none.

    Raises:
        BrokenAnswer: it is compressed.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise BrokenAnswer(f"an answer compressed as {encoding[:20]!r}, which the request did not ask for")


async def parse_off_loop(text: bytes | str) -> Json:
    """Parse JSON; a long text in a thread.

    Raises:
        BrokenAnswer: it is not JSON, or nested too deeply.
    """
    if len(text) <= PARSED_HERE_BYTES:
        return parse(text)
    return await asyncio.to_thread(parse, text)


def parse(text: bytes | str) -> Json:
    """Parse JSON from an untrusted source.

    Values that could not be written again are replaced: half a surrogate pair by U+FFFD, NaN and infinite numbers by
    null.

    Raises:
        BrokenAnswer: it is not JSON, or nested too deeply.
    """
    try:
        whole = _replace_half_pairs(text if isinstance(text, str) else text.decode("utf-8-sig"))
        value: Json = json.loads(whole, parse_constant=lambda _: None, parse_float=_finite)
    except ValueError as e:
        raise BrokenAnswer(f"invalid JSON: {e}") from e
    except (RecursionError, MemoryError) as e:
        raise BrokenAnswer("JSON that is nested too deeply or too large") from e
    if is_deeper(value, MAX_DEPTH):
        raise BrokenAnswer(f"JSON of more than {MAX_DEPTH} levels")
    return value


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def _replace_half_pairs(text: str) -> str:
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return HALF_PAIR.sub(lambda match: r"\ufffd" if match[1] else match[0], text)
