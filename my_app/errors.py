"""Every error of the HTTP side in one shape: `{"error": {stage, code, message, hint, field, value, allowed}}`.

A run that ended badly answers with its whole body instead (see `devserver/answer.py`); its `error` has the same keys.
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

from devserver.disk import STATUS as DISK_STATUS
from devserver.disk import disk_trouble
from devserver.errors import DatabaseGone, InputError
from devserver.runs.patience import patience
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
OUR_FAULT: Final = "The server made a mistake. Its log has the details."


class ErrorDetail(BaseModel):
    """What went wrong. Of a stage that failed, `details` holds missing nodes and models, and measured values."""

    model_config = ConfigDict(extra="allow")

    stage: str = Field(description="`request`, or the stage of the run that failed")
    code: str = Field(description="for programs")
    message: str
    hint: str = Field(description="what can be done about it")
    field: str = Field("", description="the field that is to blame, '' where none is")
    value: Any = Field(None, description="what was sent there")
    allowed: Any = Field(None, description="what may stand there: a list, or words")
    details: dict[str, Any] = {}


class Error(BaseModel):
    """The body of every refusal, and of every failure but that of a run."""

    error: ErrorDetail


def error_body(
    status: int,
    message: str,
    *,
    stage: str = "request",
    hint: str = "",
    field: str = "",
    value: object = None,
    allowed: object = None,
    code: str = "",
) -> dict[str, Any]:
    """The body of an error answer. `field` is '' where no field is to blame."""
    code = code or CODES.get(status) or HTTPStatus(status).name.lower()
    return {
        "error": {
            "stage": stage,
            "code": code,
            "message": message,
            "hint": hint,
            "field": field,
            "value": value,
            "allowed": allowed,
        }
    }


def input_error_body(error: InputError) -> dict[str, Any]:
    return error_body(
        error.status,
        error.message,
        hint=error.hint,
        field=error.field,
        value=error.value,
        allowed=error.allowed,
        code=error.code,
    )


def retry_header(error: InputError) -> dict[str, str]:
    return {} if error.retry_after_s is None else {"Retry-After": str(math.ceil(error.retry_after_s))}


def dump(body: Any) -> bytes:
    """JSON for the wire. What is no JSON (a value in an error that came from outside) is shown as text.

    Bytes of a name or header that are no UTF-8 arrive as halves of surrogate pairs; each is shown as a question mark.
    """
    return json.dumps(body, ensure_ascii=False, default=str).encode(errors="replace")


def json_response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=dump(body), status=status, headers=headers, content_type="application/json")


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a view raises into an answer in the one shape."""
    try:
        with patience(PATIENCE_S):
            return await handler(request)
    except InputError as error:
        return json_response(error.status, input_error_body(error), retry_header(error))
    except web.HTTPException as error:
        return _http_error(request, error)
    except ConnectionError:
        raise  # the client went away; there is nobody to answer
    except (DatabaseGone, KeysUnreadable) as error:
        LOG.warning("%s %s: %s", request.method, request.path, error)
        return json_response(503, _gone(error), {"Retry-After": "2"})
    except Exception as error:  # reason: the last place where our own mistake can be logged and still be answered
        if (trouble := disk_trouble(error)) is not None:
            LOG.error("%s %s: %s (%s)", request.method, request.path, trouble.message, error)  # noqa: TRY400 - no mistake
            body = error_body(DISK_STATUS, trouble.message, hint=trouble.hint, code=trouble.code)
            return json_response(DISK_STATUS, body)
        LOG.exception("%s %s failed", request.method, request.path)
        return json_response(500, error_body(500, OUR_FAULT))


def _gone(error: DatabaseGone | KeysUnreadable) -> dict[str, Any]:
    """What is missing for any answer. Where the keys lie is for the log alone."""
    if isinstance(error, DatabaseGone):
        return error_body(503, str(error), hint="Send it again in a moment.", code="database_gone")
    message = "The server cannot read its keys, so it lets nobody in."
    return error_body(503, message, hint="The server's log names the file.", code="keys_unreadable")


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    """What aiohttp itself refuses: an unknown path, a wrong method, a body that is too large."""
    headers: dict[str, str] = {}
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = sorted(error.allowed_methods)
        headers["Allow"] = ", ".join(allowed)
        message = f"{request.path} does not take {request.method}."
        body = error_body(405, message, field="method", value=request.method, allowed=allowed)
    elif isinstance(error, web.HTTPRequestEntityTooLarge):
        body = error_body(413, "The request's body is too large.", hint=error.text or "")
    elif isinstance(error, web.HTTPNotFound):
        message = f"There is nothing at {request.path}."
        body = error_body(404, message, field="path", value=request.path, hint="/docs lists every route.")
    else:
        body = error_body(error.status, error.reason)
    return json_response(error.status, body, headers)
