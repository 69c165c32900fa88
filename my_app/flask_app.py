"""The Flask side: the plain JSON routes, each a function that answers at once."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final, cast

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from devserver.errors import InputError
from my_app.addresses import below
from my_app.bridge import ENVIRON_USER_ID
from my_app.errors import dump, error_body, input_error_body, retry_header
from my_app.ports import Parts
from my_app.route import Route

PARTS: Final = "tonewright"
MOST_DIGITS: Final = 400  # the largest float has 309
DEEPEST: Final = 64
MOST_VALUES: Final = 1_000_000  # the largest graph that is imported has half of them


def create_flask(parts: Parts, routes: Sequence[Route]) -> Flask:
    """An app with every Flask route of the table. What a view raises beside `InputError` goes on to the front."""
    app = Flask("tonewright", static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.extensions[PARTS] = parts
    for route in routes:
        if not route.native:
            app.add_url_rule(route.flask_rule, route.name, cast(Any, route.view), methods=[route.method])
    app.register_error_handler(
        InputError, lambda error: json_reply(input_error_body(error), error.status, retry_header(error))
    )
    app.register_error_handler(HTTPException, _http_error)
    return app


def _http_error(error: HTTPException) -> Response:
    """The front routes first, so this is a path that the two understand differently (an encoded slash)."""
    return json_reply(error_body(error.code or 500, error.name, field="path", value=request.path), error.code or 500)


def the_parts() -> Parts:
    return cast(Parts, current_app.extensions[PARTS])


def user_id() -> str:
    """Who asks, as the front's middleware found."""
    return cast(str, request.environ[ENVIRON_USER_ID])


def viewer() -> str | None:
    """Whose runs and files are shown: the user's own, or None for everybody's."""
    return the_parts().keys.viewer(user_id())


def json_reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(dump(below(request.script_root, body)), status, headers, mimetype="application/json")


def json_body(*, required: bool = True) -> dict[str, Any]:
    """The request's body, a JSON object. The content type is not looked at: `curl -d` sends another one by itself."""
    raw = request.get_data(cache=False)
    return {} if not raw and not required else read_json(raw)


def read_json(raw: bytes) -> dict[str, Any]:
    """A body as a JSON object. Raises InputError (400) where it is something else, 413 where it has too many values."""
    if (values := raw.count(b",")) > MOST_VALUES:  # reading them would hold all other threads up
        message = "The body has too many values."
        raise InputError(message, status=413, value=values, allowed=f"at most {MOST_VALUES} commas")
    try:
        body = json.loads(
            raw.decode(),
            parse_constant=_refuse_constant,
            parse_int=_read_int,
            parse_float=_read_float,
            object_pairs_hook=_no_doubles,
        )
        _check_depth_and_text(body)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(
            f"The body is not JSON: {error.msg} at {where}.", status=400, allowed="a JSON object"
        ) from error
    except UnicodeError as error:
        raise InputError(
            "The body is not JSON: it is no text in UTF-8.", status=400, allowed="a JSON object in UTF-8"
        ) from error
    except (RecursionError, ValueError) as error:
        why = f"it is deeper than {DEEPEST} levels" if isinstance(error, RecursionError) else error
        message = f"The body is not JSON that can be used: {why}."
        raise InputError(message, status=400, allowed="a JSON object") from error
    if not isinstance(body, dict):
        raise InputError("The body is JSON, but no object.", status=400, value=body, allowed="a JSON object")
    return body


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; with a name twice in it, two programs could read two things."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        double = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {double!r} is there twice")
    return found


def _check_depth_and_text(body: Any) -> None:
    """Refuse what is deeper than anything here is, and texts that cannot be stored (zero bytes, halves of pairs)."""
    level: list[Any] = [body]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += [*value, *value.values()]
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str):
                _check_text(value)
        if not inner:
            return
        level = inner
    raise ValueError(f"it is deeper than {DEEPEST} levels")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("a text has a zero byte")
    if not text.isascii():
        text.encode()


def _read_int(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits, and {MOST_DIGITS} are allowed")
    return int(digits)


def _read_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):  # an answer that quotes it would be no JSON
        raise ValueError(f"{digits[:40]} is larger than any number that can be kept")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")
