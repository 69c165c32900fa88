"""One conversation over HTTP: `POST /chat/completions`, streamed, with everything that can go wrong told in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NotRequired, TypedDict

import aiohttp

from devserver.http.addresses import secrets_of, without_secrets
from devserver.http.answers import MIB, BrokenAnswer, parse, read_answer, refuse_packed
from devserver.llm.errors import (
    CutOff,
    Declined,
    HttpProblem,
    LlmError,
    NotTheRoute,
    TooSlow,
    Unreachable,
    WebPage,
    quoted,
)
from schemas.json_values import JsonObject

CONNECT_SECONDS = 5.0
ANSWER_BYTES = 4 * MIB
PROBLEM_BYTES = 64 * 1024
# Of what the model says itself: a song with every thought about it has a tenth of this.
SAID_CHARACTERS = 200_000
# Each listener gets the whole answer so far, so a long one is passed on only after it has grown by 1/64.
GROWTH_SHARE = 64
OnContent = Callable[[str], None]


class ChatMessage(TypedDict):
    role: Literal["system", "user"]
    content: str


class ResponseFormat(TypedDict):
    """The JSON Schema of the answer, under `json_schema.schema`."""

    type: Literal["json_schema"]
    json_schema: Mapping[str, object]


class ChatRequest(TypedDict):
    """The body of POST /chat/completions. Not every server understands what may be left out."""

    model: str
    messages: list[ChatMessage]
    stream: bool
    temperature: NotRequired[float]
    seed: NotRequired[int]
    response_format: NotRequired[ResponseFormat]


@dataclass(frozen=True)
class Endpoint:
    """A model at an address.

    Args:
        url: where the routes begin, usually ending in /v1.
        remote: whether the text leaves the user's own machines; such a one is used in mode `fast` alone.
        keep_alive: what Ollama is told about keeping the model loaded before media are made; None tells nothing.
        steps: the steps that it is used for.
    """

    name: str
    url: str
    model: str
    api_key: str = field(default="", repr=False)
    remote: bool = False
    keep_alive: str | int | None = None
    steps: frozenset[str] = frozenset(("safety", "interception", "translation", "brief"))
    authorization: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        shown = f"Bearer {self.api_key}" if self.api_key else self.authorization
        return {"Authorization": shown} if shown else {}


async def converse(
    session: aiohttp.ClientSession, endpoint: Endpoint, body: ChatRequest, seconds: float, on_content: OnContent
) -> str:
    """Everything that the model said; `on_content` gets what it said so far, each time that there is more.

    Raises:
        LlmError: the one that says what went wrong.
    """
    url = f"{endpoint.url.rstrip('/')}/chat/completions"
    try:
        async with (
            asyncio.timeout(seconds),
            session.post(url, json=body, headers=endpoint.headers, allow_redirects=False) as response,
        ):
            return await _read(endpoint, response, on_content)
    except aiohttp.ServerTimeoutError as e:
        raise Unreachable(endpoint.name, f"{endpoint.name} does not answer at {endpoint.url}.") from e
    except TimeoutError as e:
        raise TooSlow(endpoint.name, f"{endpoint.name} gave no whole answer within {seconds:g} s.") from e
    except (aiohttp.ClientError, OSError) as e:
        raise Unreachable(endpoint.name, f"{endpoint.name} does not answer at {endpoint.url}: {e}") from e
    except BrokenAnswer as e:
        raise NotTheRoute(endpoint.name, f"{endpoint.name} sends {e}") from e


async def _read(endpoint: Endpoint, response: aiohttp.ClientResponse, on_content: OnContent) -> str:
    name, kind = endpoint.name, response.content_type
    if response.status != 200:
        raw = await response.content.read(PROBLEM_BYTES)
        told = without_secrets(raw, secrets_of(endpoint.headers)).decode(errors="replace")  # some quote the key
        if kind == "text/html" and response.status in (404, 405):
            raise WebPage(name)
        raise HttpProblem(name, response.status, _reason(told) if kind != "text/html" else "")
    if kind == "text/html":
        raise WebPage(name)
    said, ended = _Said(name, on_content), False
    async for message in _messages(endpoint, response):
        choice = _choice(name, message)
        piece = choice.get("delta") or choice.get("message") or {}
        if not isinstance(piece, dict):
            raise NotTheRoute(name, f"{name} sends a choice without a message: {quoted(json.dumps(choice))}")
        if piece.get("refusal"):
            raise Declined(name, f"{name} declines: {quoted(str(piece['refusal']))}")
        said.add(str(piece.get("content") or ""))
        reason = choice.get("finish_reason")
        if reason == "content_filter":
            raise Declined(name, f"{name} declines: its filter stopped the answer.")
        if reason == "length":
            raise CutOff(name, f"{name} stopped in the middle of its answer: it may not write more.")
        ended = ended or reason is not None
    said.finish()
    if said.text and not ended:
        raise CutOff(name, f"{name} stopped in the middle of its answer.")
    return said.text


class _Said:
    """Collects an answer and passes it on as it grows: each piece of a short one, ever larger pieces of a long one."""

    def __init__(self, name: str, on_content: OnContent) -> None:
        self.text = ""
        self._told = 0
        self._name, self._on_content = name, on_content

    def add(self, piece: str) -> None:
        self.text += piece
        if len(self.text) > SAID_CHARACTERS:
            raise NotTheRoute(self._name, f"{self._name} does not stop: more than {SAID_CHARACTERS} characters.")
        if len(self.text) - self._told > self._told // GROWTH_SHARE:
            self.finish()

    def finish(self) -> None:
        """Tell what was not told yet."""
        if len(self.text) > self._told:
            self._on_content(self.text)
            self._told = len(self.text)


async def _messages(endpoint: Endpoint, response: aiohttp.ClientResponse) -> AsyncIterator[JsonObject]:
    """The answer's JSON objects: many where it is streamed, one where the server does not stream."""
    name, secrets = endpoint.name, secrets_of(endpoint.headers)
    if response.content_type != "text/event-stream":
        body = without_secrets(await read_answer(response, ANSWER_BYTES), secrets)
        yield await asyncio.to_thread(_parsed, name, body.decode(errors="replace"))
        return
    refuse_packed(response)
    rest, size = b"", 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > ANSWER_BYTES:
            raise NotTheRoute(name, f"{name} does not stop: more than {ANSWER_BYTES} bytes.")
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            field, _, value = without_secrets(line, secrets).decode(errors="replace").strip().partition(":")
            if field in ("data", "error") and value.strip() and value.strip() != "[DONE]":
                yield _parsed(name, value)


def _parsed(name: str, text: str) -> JsonObject:
    try:
        message = parse(text)
    except BrokenAnswer as e:
        raise NotTheRoute(name, f"{name} sends what is no JSON: {quoted(text)}") from e
    if not isinstance(message, dict):
        raise NotTheRoute(name, f"{name} sends no object: {quoted(text)}")
    if message.get("error"):
        raise LlmError(name, f"{name} reports an error: {quoted(_reason(text))}")
    return message


def _choice(name: str, message: JsonObject) -> JsonObject:
    match message.get("choices"):
        case []:  # a closing message that only counts tokens
            return {}
        case [dict() as choice, *_]:
            return choice
    raise NotTheRoute(name, f"{name} sends no choices: {quoted(json.dumps(message))}")


def _reason(told: str) -> str:
    """The message in the body of an error, in whichever way it is wrapped."""
    try:
        value = parse(told)
    except BrokenAnswer:
        return told
    while isinstance(value, dict):
        inner = next((value[key] for key in ("error", "message", "detail") if key in value), None)
        if inner is None:
            return told
        value = inner
    return value if isinstance(value, str) else told
