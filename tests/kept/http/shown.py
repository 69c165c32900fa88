"""Answers as they are kept: masked, and without what is the same in all of them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from tests.kept.http.world import NOBODY, Place, Said
from tests.kept.masking import Mask

KEYS: Final = {
    **dict.fromkeys(("execution_time", "low_seconds", "high_seconds", "waited_s", "Retry-After"), "seconds"),
    **dict.fromkeys(("vram_total", "vram_free", "torch_vram_total", "torch_vram_free", "bytes"), "bytes"),
    **dict.fromkeys(("Server", "python_version"), "version"),
    "Content-Length": "length",
    "duration_ms": "ms",
    "seq": "seq",
    "pid": "pid",
}
PATTERNS: Final = {r'(?<=")[0-9a-f]+-[0-9a-f]+(?=")': "etag", r"(?<=tonewright_session=)[\w.-]+": "session"}
LONG: Final = 8  # of a longer list of named things the names are kept and the first one, of numbers how many there are
# What changes by itself in the answer for a run that goes on.
GOING_ON: Final = ("status", "queue", "eta", "steps_completed", "stages", "final_output", "execution_time")


def kept(place: Place, said: Said) -> Any:
    """An answer masked, each for itself, so that it can be compared with another; without usual headers."""
    shown = _masked(place, said)
    usual = usual_headers(place)
    missing = {name: "<missing>" for name in usual if name not in shown["headers"]}
    special = {name: value for name, value in shown["headers"].items() if value != usual.get(name)}
    return {**shown, "headers": {**special, **missing}}


@cache
def usual_headers(place: Place) -> dict[str, str]:
    """The headers that every answer has, masked."""
    headers = _masked(place, place.ask(NOBODY, "GET", "/health"))["headers"]
    return {name: value for name, value in headers.items() if name not in ("Content-Type", "Content-Length")}


def _masked(place: Place, said: Said) -> Any:
    shown = said.shown()
    if said.status == 202:
        shown["body"] = _going_on(shown["body"])
    runs = {re.escape(run_id): name for run_id, name in place.names.items()}
    return Mask(place.folder, KEYS, {**runs, **PATTERNS})(_short(shown, place.owner))


def _going_on(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: "<as it goes>" if name in GOING_ON else _going_on(inner) for name, inner in value.items()}
    return [_going_on(inner) for inner in value] if isinstance(value, list) else value


def _short(value: Any, owner: str) -> Any:
    if isinstance(value, dict):
        timed = {"seconds": "<seconds>"} if value.get("started_at") and "seconds" in value else {}
        short = {name: _short(inner, owner) for name, inner in {**value, **timed}.items()}
        return "<openapi>" if "openapi" in value else short
    if not isinstance(value, list):
        return "<owner>" if value == owner else value
    if len(value) > LONG and all(isinstance(inner, int) for inner in value):
        return f"{len(value)} numbers"
    named = [inner.get("name") for inner in value if isinstance(inner, dict) and "description" in inner]
    if len(named) > LONG:
        return {"names": named, "first": value[0]}
    return [_short(inner, owner) for inner in value]
