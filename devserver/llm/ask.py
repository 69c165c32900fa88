"""Ask the configured language models, retry if that can help, and free their memory."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypedDict, TypeVar

import aiohttp

from devserver.errors.sentences import Quoted, say
from devserver.http.answers import PLAIN, parse_off_loop
from devserver.http.answers import read_answer as read_body
from devserver.llm.answer import Shape, partial_text, read_answer
from devserver.llm.chat import ANSWER_BYTES, CONNECT_SECONDS, ChatMessage, ChatRequest, Endpoint, converse
from devserver.llm.errors import HttpProblem, LlmError
from schemas.json_values import Json, read_object

ATTEMPTS: Final = 2
AT_ONCE: Final = 4  # conversations with one endpoint; more would wait there while their time limit runs
SEEDS: Final = 2**31  # every server accepts these
RELEASE_SECONDS: Final = 10.0
S = TypeVar("S", bound=Shape)


@dataclass(frozen=True)
class Question(Generic[S]):
    """A question to a model: an instruction, the user's text as a separate message, and the shape of the answer."""

    instruction: str
    text: str
    shape: type[S]
    temperature: float
    seed: int

    def body(self, model: str, attempt: int, *, bare: bool) -> ChatRequest:
        """Return the request; `bare` leaves out the fields that not every server understands."""
        schema = self.shape.model_json_schema()
        fields = {name: about.get("description") or about["type"] for name, about in schema["properties"].items()}
        field_lines = json.dumps(fields, ensure_ascii=False)
        system = f"{self.instruction}\n\nAnswer with one JSON object and nothing else, with these fields: {field_lines}"
        messages: list[ChatMessage] = [{"role": "system", "content": system}, {"role": "user", "content": self.text}]
        body: ChatRequest = {"model": model, "messages": messages, "stream": True}
        if not bare:
            form = {"name": "answer", "strict": True, "schema": schema}
            body["temperature"], body["seed"] = self.temperature, self.seed_for(attempt)
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return body

    def seed_for(self, attempt: int) -> int:
        """Return the seed of an attempt: each has another, since the same seed would give the same wrong answer."""
        return (self.seed + attempt) % SEEDS


class ReplyOrigin(TypedDict):
    """The model that answered, and its settings."""

    endpoint: str
    model: str
    remote: bool
    seed: int
    temperature: float
    attempts: int


@dataclass(frozen=True)
class Reply(Generic[S]):
    """An answer and its origin."""

    answer: S
    endpoint: Endpoint
    seed: int
    temperature: float
    attempts: int

    def as_dict(self) -> ReplyOrigin:
        return {
            "endpoint": self.endpoint.name,
            "model": self.endpoint.model,
            "remote": self.endpoint.remote,
            "seed": self.seed,
            "temperature": self.temperature,
            "attempts": self.attempts,
        }


class Models:
    """The configured endpoints, in order of preference. Lives on one event loop."""

    def __init__(self, endpoints: Sequence[Endpoint], seconds: float = 120.0) -> None:
        self.endpoints = tuple(endpoints)
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        self._turns: Mapping[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
        self._talking: Counter[str] = Counter()
        self._loaded: set[str] = set()

    def for_step(self, step: str, *, remote: bool) -> list[Endpoint]:
        """Return the endpoints that may be used for a step of a run."""
        return [each for each in self.endpoints if step in each.steps and (remote or not each.remote)]

    async def ask(self, endpoint: Endpoint, question: Question[S], on_text: Callable[[str], None]) -> Reply[S]:
        """Ask one endpoint, and retry once if that can help; `on_text` gets the answer's text as it grows.

        A server that refuses optional fields of the request is asked again without them.

        Raises:
            LlmError: the error of the last attempt.
        """
        bare, problem = False, LlmError(endpoint.name, "not asked")
        async with self._turns[endpoint.name]:
            self._talking[endpoint.name] += 1
            self._loaded.add(endpoint.name)
            try:
                for attempt in range(ATTEMPTS):
                    try:
                        answer = await self._ask_once(endpoint, question, attempt, on_text, bare=bare)
                    except LlmError as e:
                        problem = e
                        bare = isinstance(e, HttpProblem) and e.status in (400, 422)
                        if not e.again:
                            break
                        continue
                    return Reply(answer, endpoint, question.seed_for(attempt), question.temperature, attempt + 1)
            finally:
                self._talking[endpoint.name] -= 1
        raise problem

    async def _ask_once(
        self, endpoint: Endpoint, question: Question[S], attempt: int, on_text: Callable[[str], None], *, bare: bool
    ) -> S:
        def on_content(said: str) -> None:
            text = partial_text(said, "text")
            if text:
                on_text(text)

        body = question.body(endpoint.model, attempt, bare=bare)
        said = await converse(self._http_session(), endpoint, body, self._seconds, on_content)
        return await asyncio.to_thread(read_answer, said, question.shape, endpoint.name)

    async def release(self) -> list[LlmError]:
        """Let Ollama free the memory of idle models, as `keep_alive` says.

        Only Ollama's own route does that; the OpenAI-compatible one ignores the field.
        """
        problems = []
        for endpoint in self.endpoints:
            if endpoint.keep_alive is None or endpoint.name not in self._loaded or self._talking[endpoint.name]:
                continue
            self._loaded.discard(endpoint.name)
            try:
                await self._release(endpoint)
            except (aiohttp.ClientError, OSError, HttpProblem) as e:
                said = say("llm_keeps_memory", endpoint=endpoint.name, problem=Quoted(e))
                problems.append(LlmError(endpoint.name, said))
        return problems

    async def _release(self, endpoint: Endpoint) -> None:
        url = f"{endpoint.url.rstrip('/').removesuffix('/v1')}/api/generate"
        body = {"model": endpoint.model, "keep_alive": endpoint.keep_alive}
        async with (
            asyncio.timeout(RELEASE_SECONDS),
            self._http_session().post(url, json=body, headers=endpoint.headers, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise HttpProblem(endpoint.name, response.status, "")

    async def list_models(self, endpoint: Endpoint) -> list[str]:
        """Return the models that an endpoint lists; LlmError if it does not answer."""
        url = f"{endpoint.url.rstrip('/')}/models"
        try:
            async with (
                asyncio.timeout(CONNECT_SECONDS),
                self._http_session().get(url, headers=endpoint.headers, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise HttpProblem(endpoint.name, response.status, "")
                answer = await parse_off_loop(await read_body(response, ANSWER_BYTES))
                return _model_ids(answer)
        except (aiohttp.ClientError, OSError) as e:
            raise LlmError(endpoint.name, f"{endpoint.name} does not answer at {endpoint.url}: {e}") from e
        except (ValueError, KeyError) as e:
            raise LlmError(endpoint.name, f"{endpoint.name} lists no models at {url}") from e

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _http_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=limits, headers=PLAIN, auto_decompress=False)
        return self._session


def _model_ids(answer: Json) -> list[str]:
    """Return the ids in an answer of `/models`; ValueError or KeyError if it is malformed."""
    listed = read_object(answer)["data"]
    if not isinstance(listed, list):
        raise ValueError("the models are not a list")  # noqa: TRY004 - the caller treats all faults alike
    return [str(read_object(model)["id"]) for model in listed]
