"""One conversation over HTTP: `POST /chat/completions`, streamed, with a plain error for each fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NotRequired, TypedDict

import aiohttp

from devserver.errors.sentences import Quoted, say
from devserver.http.addresses import header_secrets, redact
from devserver.http.answers import MIB, BrokenAnswer, parse, read_answer, refuse_compressed
from devserver.llm.errors import (
    CutOff,
    Declined,
    HttpProblem,
    LlmError,
    NotTheRoute,
    TooSlow,
    Unreachable,
    WebPage,
    quote,
)
from schemas.json_values import JsonObject

CONNECT_SECONDS = 5.0
ANSWER_BYTES = 4 * MIB
PROBLEM_BYTES = 64 * 1024
# The longest answer: a song with all of the model's thoughts about it has a tenth of this.
MAX_ANSWER_CHARACTERS = 200_000
# The callback gets the whole answer so far, so a long one is passed on only after it has grown by 1/64.
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
    """The body of POST /chat/completions. Not every server understands the optional fields."""

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
        url: the base of the routes, usually ending in /v1.
        remote: whether the text leaves the user's own machines; remote models are only used in mode `fast`.
        keep_alive: the value of Ollama's field of this name, sent before media are made; None sends nothing.
        steps: the steps that use it.
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
    """Return the whole answer of the model; `on_content` gets the answer so far, each time that it has grown.

    Raises:
        LlmError: the subclass for the fault.
    """
    url = f"{endpoint.url.rstrip('/')}/chat/completions"
    place = {"endpoint": endpoint.name, "url": endpoint.url}
    try:
        async with (
            asyncio.timeout(seconds),
            session.post(url, json=body, headers=endpoint.headers, allow_redirects=False) as response,
        ):
            return await _read(endpoint, response, on_content)
    except aiohttp.ServerTimeoutError as e:
        raise Unreachable(endpoint.name, say("llm_no_answer", **place)) from e
    except TimeoutError as e:
        raise TooSlow(endpoint.name, say("llm_too_slow", endpoint=endpoint.name, limit_s=seconds)) from e
    except (aiohttp.ClientError, OSError) as e:
        raise Unreachable(endpoint.name, say("llm_no_answer_because", problem=Quoted(e), **place)) from e
    except BrokenAnswer as e:
        raise NotTheRoute(endpoint.name, f"{endpoint.name} sends {e}") from e


async def _read(endpoint: Endpoint, response: aiohttp.ClientResponse, on_content: OnContent) -> str:
    name, kind = endpoint.name, response.content_type
    if response.status != 200:
        raw = await response.content.read(PROBLEM_BYTES)
        problem = redact(raw, header_secrets(endpoint.headers)).decode(errors="replace")  # some servers repeat the key
        if kind == "text/html" and response.status in (404, 405):
            raise WebPage(name)
        raise HttpProblem(name, response.status, _error_message(problem) if kind != "text/html" else "")
    if kind == "text/html":
        raise WebPage(name)
    answer, ended = _AnswerBuffer(name, on_content), False
    async for message in _messages(endpoint, response):
        choice = _choice(name, message)
        piece = choice.get("delta") or choice.get("message") or {}
        if not isinstance(piece, dict):
            raise NotTheRoute(name, f"{name} sends a choice without a message: {quote(json.dumps(choice))}")
        if piece.get("refusal"):
            raise Declined(name, say("llm_declines", endpoint=name, problem=quote(str(piece["refusal"]))))
        answer.add(str(piece.get("content") or ""))
        reason = choice.get("finish_reason")
        if reason == "content_filter":
            raise Declined(name, say("llm_declines_by_filter", endpoint=name))
        if reason == "length":
            raise CutOff(name, say("llm_cut_off_by_length", endpoint=name))
        ended = ended or reason is not None
    answer.flush()
    if answer.text and not ended:
        raise CutOff(name, say("llm_cut_off", endpoint=name))
    return answer.text


class _AnswerBuffer:
    """Collects an answer and passes it on as it grows: after each piece at first, less often as it gets long."""

    def __init__(self, name: str, on_content: OnContent) -> None:
        self.text = ""
        self._passed_on = 0
        self._name, self._on_content = name, on_content

    def add(self, piece: str) -> None:
        self.text += piece
        if len(self.text) > MAX_ANSWER_CHARACTERS:
            raise NotTheRoute(self._name, f"{self._name} does not stop: more than {MAX_ANSWER_CHARACTERS} characters.")
        if len(self.text) - self._passed_on > self._passed_on // GROWTH_SHARE:
            self.flush()

    def flush(self) -> None:
        """Pass the answer on if it has grown."""
        if len(self.text) > self._passed_on:
            self._on_content(self.text)
            self._passed_on = len(self.text)


async def _messages(endpoint: Endpoint, response: aiohttp.ClientResponse) -> AsyncIterator[JsonObject]:
    """Yield the answer's JSON objects: many if it is streamed, one if the server does not stream."""
    name, secrets = endpoint.name, header_secrets(endpoint.headers)
    if response.content_type != "text/event-stream":
        body = redact(await read_answer(response, ANSWER_BYTES), secrets)
        yield await asyncio.to_thread(_parse_message, name, body.decode(errors="replace"))
        return
    refuse_compressed(response)
    rest, size = b"", 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > ANSWER_BYTES:
            raise NotTheRoute(name, f"{name} does not stop: more than {ANSWER_BYTES} bytes.")
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            field, _, value = redact(line, secrets).decode(errors="replace").strip().partition(":")
            if field in ("data", "error") and value.strip() and value.strip() != "[DONE]":
                yield _parse_message(name, value)


def _parse_message(name: str, text: str) -> JsonObject:
    try:
        message = parse(text)
    except BrokenAnswer as e:
        raise NotTheRoute(name, f"{name} sends invalid JSON: {quote(text)}") from e
    if not isinstance(message, dict):
        raise NotTheRoute(name, f"{name} sends JSON that is not an object: {quote(text)}")
    if message.get("error"):
        raise LlmError(name, say("llm_reports_error", endpoint=name, problem=quote(_error_message(text))))
    return message


def _choice(name: str, message: JsonObject) -> JsonObject:
    match message.get("choices"):
        case []:  # a closing message that only counts tokens
            return {}
        case [dict() as choice, *_]:
            return choice
    raise NotTheRoute(name, f"{name} sends no choices: {quote(json.dumps(message))}")


def _error_message(text: str) -> str:
    """Return the message in the body of an error, however it is nested."""
    try:
        value = parse(text)
    except BrokenAnswer:
        return text
    while isinstance(value, dict):
        inner = next((value[key] for key in ("error", "message", "detail") if key in value), None)
        if inner is None:
            return text
        value = inner
    return value if isinstance(value, str) else text
