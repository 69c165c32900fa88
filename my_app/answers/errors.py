"""Every error of the HTTP side in one shape: `{"error": {stage, code, message, hint, field, value, allowed}}`.

A run that ended badly answers with its whole body instead (`devserver/runs/answer.py`); its `error` has the same keys.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, Field

from devserver.durable.patience import patience
from devserver.errors import VALUE_CODES, DatabaseGone, InputError
from devserver.errors.disk import STATUS as DISK_STATUS
from devserver.errors.disk import disk_trouble
from devserver.errors.sentences import MESSAGES
from devserver.users.keys import KeysUnreadable

LOG: Final = logging.getLogger(__name__)
CODES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    412: "precondition_failed",
    413: "too_large",
    422: "invalid_value",
    429: "too_many",
    500: "internal",
    503: "not_ready",
}
PATIENCE_S: Final = 3.5  # how long a request waits for each answer of the database
PACKED_HERE_BYTES: Final = 8192  # an answer of less is packed sooner than a thread is there for it
BEGUN: Final = web.RequestKey("begun", bool)  # whether the answer has begun: no other one can be given then


class ErrorDetail(BaseModel):
    """An error. For a failed stage, `details` has missing nodes and models, and measured values."""

    model_config = ConfigDict(extra="allow")

    stage: str = Field(description="`request`, or the stage of the run that failed")
    code: str = Field(description="the kind of error, for programs")
    message: str
    message_code: str = Field(
        "",
        description="names the sentence of a refusal, so that it can be said in any language",
        examples=sorted({*MESSAGES, *VALUE_CODES}),
    )
    values: dict[str, Any] = Field({}, description="the values in the sentence, by name")
    hint: str = Field(description="a remedy")
    field: str = Field("", description="the field that is to blame, '' where none is")
    value: Any = Field(None, description="the value that was sent")
    allowed: Any = Field(None, description="the allowed values: a list, or words; then for programs in `values`")
    details: dict[str, Any] = {}


class Error(BaseModel):
    """The body of every refusal, and of every failure but that of a run."""

    error: ErrorDetail


def error_body(status: int, message_code: str, **about: Any) -> dict[str, Any]:
    """Return the body of a refusal that is made here; `about` are the arguments of an `InputError`."""
    return input_error_body(InputError(message_code, status=status, **about))


def input_error_body(error: InputError) -> dict[str, Any]:
    """Return the body of a refusal."""
    return {
        "error": {
            "stage": "request",
            "code": error.code or CODES.get(error.status) or HTTPStatus(error.status).name.lower(),
            "message": error.message,
            "message_code": error.message_code,
            "values": error.values,
            "hint": error.hint,
            "field": error.field,
            "value": error.value,
            "allowed": error.allowed,
        }
    }


def retry_header(error: InputError) -> dict[str, str]:
    return {} if error.retry_after_s is None else {"Retry-After": str(math.ceil(error.retry_after_s))}


def dump(body: Any) -> bytes:
    """Encode JSON for the wire. A value that is no JSON (in an error from outside) is shown as text.

    Bytes of a name or header that are no UTF-8 arrive as halves of surrogate pairs; each is shown as a question mark.
    """
    return json.dumps(body, ensure_ascii=False, default=str).encode(errors="replace")


def json_response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=dump(body),
        status=status,
        headers=headers,
        content_type="application/json",
        zlib_executor_size=PACKED_HERE_BYTES,
    )


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a view raises into an answer in the one shape, or end the connection where an answer has begun."""
    try:
        with patience(PATIENCE_S):
            return await handler(request)
    except ConnectionError:
        raise  # the client went away; there is nobody to answer
    except Exception as error:  # reason: a second answer inside the first would leave the client waiting for its end
        if BEGUN not in request:
            return _answer(request, error)
        LOG.warning("%s %s ended in the middle of its answer", request.method, request.path, exc_info=error)
        raise ConnectionAbortedError("the answer cannot go on") from error


def _answer(request: web.Request, error: Exception) -> web.Response:
    match error:
        case InputError():
            return json_response(error.status, input_error_body(error), retry_header(error))
        case web.HTTPException():
            return _http_error(request, error)
        case DatabaseGone() | KeysUnreadable():
            LOG.warning("%s %s: %s", request.method, request.path, error)
            return json_response(503, _gone(error), {"Retry-After": "2"})
    if (trouble := disk_trouble(error)) is not None:
        LOG.error("%s %s: %s (%s)", request.method, request.path, trouble.message, error)
        said = trouble.said
        body = error_body(DISK_STATUS, said.message_code, hint=said.hint, code=trouble.code, **said.values)
        return json_response(DISK_STATUS, body)
    LOG.error("%s %s failed", request.method, request.path, exc_info=error)
    return json_response(500, error_body(500, "internal"))


def _gone(error: DatabaseGone | KeysUnreadable) -> dict[str, Any]:
    """Answer 503 or 507 where the database or the keys are unavailable. Paths are for the log alone."""
    if isinstance(error, DatabaseGone):
        return error_body(503, "database_gone", code="database_gone", problem=str(error))
    return error_body(503, "keys_unreadable", code="keys_unreadable")


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    """Answer for aiohttp's own refusals: an unknown path, a wrong method."""
    headers: dict[str, str] = {}
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = sorted(error.allowed_methods)
        headers["Allow"] = ", ".join(allowed)
        body = error_body(
            405, "method_not_allowed", field="method", value=request.method, allowed=allowed, path=request.path
        )
    elif isinstance(error, web.HTTPNotFound):
        body = error_body(404, "unknown_address", field="path", value=request.path)
    else:
        body = error_body(error.status, "http_error", reason=error.reason)
    return json_response(error.status, body, headers)
