"""HTTP to a backend, with every fault turned into an error of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

import aiohttp

from devserver.comfy.errors import Unreachable
from devserver.errors.sentences import Quoted, say
from devserver.http.addresses import header_secrets, redact
from devserver.http.answers import MIB, PLAIN, BrokenAnswer, parse_off_loop, read_answer
from schemas.json_values import Json

CONNECT_SECONDS = 5.0
# A backend that loads a model blocks its interpreter for seconds; a longer silence counts as no answer.
ANSWER_SECONDS = 30.0
# A refusal repeats every choice of an input, and there may be thousands of models.
ANSWER_BYTES = 16 * MIB
TEXT_CHARACTERS = 20_000
REASON_CHARACTERS = 300  # the library quotes unreadable answers


class Connection:
    """Requests to one base URL.

    Args:
        base_url: without the slash at its end.
        headers: sent with every request.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.headers = dict(headers or {})
        self.secrets = header_secrets(self.headers)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection. Later requests raise `Unreachable`."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        json_body: Mapping[str, object] | None = None,
        form: aiohttp.FormData | None = None,
        seconds: float = ANSWER_SECONDS,
        limit_bytes: int = ANSWER_BYTES,
    ) -> tuple[int, Json]:
        """Make one request; return the status and the body, parsed if it is JSON, else as text.

        Raises:
            Unreachable: no complete answer within `seconds` and `limit_bytes`.
        """
        try:
            async with (
                asyncio.timeout(seconds),
                self.request(method, path, json_body=json_body, form=form, seconds=seconds) as response,
            ):
                body = redact(await read_answer(response, limit_bytes), self.secrets)
        except TimeoutError as error:
            request = f"{method} {self.base_url}{path}"
            raise Unreachable(say("backend_too_slow", request=request, limit_s=seconds)) from error
        try:
            return response.status, await parse_off_loop(body)
        except BrokenAnswer:
            return response.status, body[:TEXT_CHARACTERS].decode(errors="replace")

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json_body: Mapping[str, object] | None = None,
        form: aiohttp.FormData | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Exchange:
        """Return a request for `async with`, whose answer is read piece by piece.

        `seconds` bounds the time until the body begins, and each wait for a piece of it.

        Raises:
            Unreachable: the connection was closed, since its backend was removed.
        """
        if self._closed:
            raise Unreachable(say("backend_closed", request=f"{method} {self.base_url}{path}"))
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={**PLAIN, **self.headers},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                # Without these a long upload or download would end at aiohttp's five minutes.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS),
                connector=aiohttp.TCPConnector(limit=64),
            )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=seconds)
        url = self.base_url + path
        # A redirect is a login page or another program: never the protocol.
        context = self._session.request(
            method,
            url,
            params=params,
            headers=headers,
            json=json_body,
            data=form,
            timeout=timeout,
            allow_redirects=False,
        )
        return Exchange(context, f"{method} {url}", seconds)


class Exchange:
    """An aiohttp request whose errors become ours, while sending and while reading."""

    def __init__(
        self, context: AbstractAsyncContextManager[aiohttp.ClientResponse], request: str, seconds: float
    ) -> None:
        self._context = context
        self._request = request
        self._seconds = seconds

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._context.__aenter__()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error) from error

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._context.__aexit__(kind, error, trace)
        if isinstance(error, aiohttp.ClientError | TimeoutError | BrokenAnswer):
            raise self._unreachable(error) from error

    def _unreachable(self, error: BaseException) -> Unreachable:
        reason = " ".join(str(error).split())[:REASON_CHARACTERS] or type(error).__name__
        return Unreachable(say("backend_no_answer", request=self._request, problem=Quoted(reason)))
