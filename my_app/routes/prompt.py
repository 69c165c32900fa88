"""What a text asks for, field by field, before anything is made of it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from devserver.briefing import refused_value
from devserver.errors import InputError
from devserver.nodes.prompting.brief import FIELDS, LISTS, BadValue, BriefValues
from devserver.nodes.prompting.complete import parse_text
from devserver.understanding import Understood
from my_app.bodies import read_body, read_json
from my_app.context import CONTEXT
from my_app.errors import json_response
from my_app.route import SMALL_BODY_BYTES, Reply, Route

MAX_TEXT_CHARACTERS: Final = 10_000
KNOWN: Final = ("text", "locked", "llm", "execution_mode")
MODES: Final = ["eco", "fast"]
TEXT: Final = "A high-energy drum and bass track at 174 bpm with a heavy reese bass"


async def parse(request: web.Request) -> web.StreamResponse:
    """Read a text in English or German into a brief: no model, no network, the same answer for the same text.

    With `llm` a language model that has the step `brief` fills what the words leave open; what goes wrong with it is
    among the `warnings`, and `execution_mode` `fast` allows remote ones.

    `origin` says where a value is from: `user` (in so many words in the text, or locked), `parsed` (concluded from its
    words), `llm`, or `genre default`. `span` counts in characters (Unicode code points) of the text.
    """
    text, locked, mode = _checked(read_json(await read_body(request, SMALL_BODY_BYTES)))
    if mode is None:
        found = Understood(await asyncio.to_thread(parse_text, text, locked))
    else:
        found = await request.app[CONTEXT].parts.understand(text, locked, remote=mode == "fast")
    return json_response(HTTPStatus.OK, found.as_json())


def _checked(body: dict[str, Any]) -> tuple[str, BriefValues, str | None]:
    """The text, what is locked, and the mode in which a language model is asked; None where none is."""
    if unknown := sorted(set(body) - set(KNOWN)):
        name = unknown[0]
        raise InputError(f"There is no field {name}.", field=name, value=body[name], allowed=list(KNOWN))
    llm, mode = body.get("llm", False), body.get("execution_mode", "eco")
    if not isinstance(llm, bool):
        raise InputError("llm is true or false.", field="llm", value=llm, allowed="true or false")
    if mode not in MODES:
        raise InputError(f"There is no execution_mode {mode!r}.", field="execution_mode", value=mode, allowed=MODES)
    if "text" not in body:
        raise InputError("The text is missing.", status=400, field="text", allowed="a text")
    text = body["text"]
    if not isinstance(text, str) or len(text) > MAX_TEXT_CHARACTERS:
        shown = text if not isinstance(text, str) else f"{len(text)} characters"
        allowed = f"a text of up to {MAX_TEXT_CHARACTERS} characters"
        raise InputError("The text cannot be read.", field="text", value=shown, allowed=allowed)
    try:
        locked = BriefValues.checked(body.get("locked") or {})
    except BadValue as error:
        raise refused_value(error, "locked") from error
    return text, locked, mode if llm else None


def _schema() -> dict[str, Any]:
    """The schema of the answer, from that of the values."""
    values = BriefValues.model_json_schema()["properties"]
    span = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "maxItems": 2}
    no_span = {"anyOf": [span, {"type": "null"}]}
    fields = {}
    for name in FIELDS:
        reading: dict[str, Any] = {
            "type": "object",
            "required": ["value", "span", "confidence", "origin"],
            "properties": {
                "value": {key: value for key, value in values[name].items() if key not in {"default", "title"}},
                "span": no_span,
                "confidence": {"type": "number", "minimum": 0, "maximum": 1},
                "origin": {"enum": ["user", "parsed", "llm", "genre default"]},
            },
            "additionalProperties": False,
        }
        if name in LISTS:
            reading["properties"]["spans"] = {"type": "array", "items": no_span}
        fields[name] = {"anyOf": [reading, {"type": "null"}]}
    words = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "object",
        "required": ["brief", "unmatched", "conflicts", "notes", "llm", "warnings"],
        "properties": {
            "brief": {"type": "object", "required": list(FIELDS), "properties": fields},
            "unmatched": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["word", "span"],
                    "properties": {"word": {"type": "string"}, "span": span},
                },
            },
            "conflicts": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["fields", "message"],
                    "properties": {"fields": words, "message": {"type": "string"}},
                },
            },
            "notes": {**words, "description": "What is used in the place of what was said, and what cannot be used."},
            "llm": {"type": ["object", "null"], "description": "The language model that helped, where one did."},
            "warnings": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                },
            },
        },
    }


def _asked() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["text"],
        "properties": {
            "text": {"type": "string", "maxLength": MAX_TEXT_CHARACTERS},
            "locked": {**BriefValues.model_json_schema(), "description": "Values that stay, whatever the text says."},
            "llm": {"type": "boolean", "default": False, "description": "Ask a language model for what is left open."},
            "execution_mode": {"enum": MODES, "default": "eco", "description": "fast: also a remote model."},
        },
        "additionalProperties": False,
    }


ROUTES: Final = (
    Route(
        "POST",
        "/api/prompt/parse",
        parse,
        "prompt",
        "Read what a text asks for",
        {
            200: Reply("The brief.", _schema(), example=Understood(parse_text(TEXT)).as_json()),
            400: Reply("The body is no JSON object, or the text is missing.", "Error"),
            413: Reply("The body is too large.", "Error"),
            422: Reply("The text is too long, or a locked field has a value that is not allowed.", "Error"),
        },
        body=_asked(),
        body_example={"text": TEXT, "locked": {"key": "A minor"}},
        body_required=True,
    ),
)
