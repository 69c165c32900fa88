"""The Flask side: the plain JSON routes, each a function that answers at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from devserver.errors import InputError
from my_app.addresses import below
from my_app.bodies import read_json
from my_app.bridge import ENVIRON_USER_ID
from my_app.errors import dump, error_body, input_error_body, retry_header
from my_app.ports import Parts
from my_app.route import Route

PARTS: Final = "tonewright"


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
