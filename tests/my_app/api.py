"""A client that holds every answer against /openapi.json."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientSession
from openapi_schema_validator import OAS31Validator


class Api:
    """A client that checks every answer against the description before it hands it on."""

    def __init__(self, http: ClientSession, document: dict[str, Any]) -> None:
        self._http_session, self.document = http, document

    async def ask(self, method: str, template: str, body: Any = None, /, **path: str) -> tuple[int, Any]:
        url = template.format(**path)
        async with self._http_session.request(method, url, json=body) as reply:
            content = await reply.json()
            promised = self.document["paths"][template.partition("?")[0]][method.lower()]["responses"][
                str(reply.status)
            ]
            schema = promised["content"][reply.content_type]["schema"]
            OAS31Validator({**schema, "components": self.document["components"]}).validate(content)
            return reply.status, content
