"""The Flask side: the plain JSON routes, each a function that answers at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from devserver.errors import InputError
from devserver.users.keys import Keys
from my_app.answers.errors import dump, error_body, input_error_body, retry_header
from my_app.door.visitors import Visitor
from my_app.views.bridge import ENVIRON_USER_ID
from my_app.views.replies import render
from my_app.views.route import Route
from my_app.views.signature import Asked, Headers


def create_flask(given: Mapping[Any, Any], routes: Sequence[Route]) -> Flask:
    """Build an app with every Flask route of the table; `given` has the objects for views, by type.

    What a view raises beside `InputError` goes on to the front.
    """
    app = Flask("tonewright", static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    for route in routes:
        if not route.native:
            app.add_url_rule(route.flask_rule, route.name, _view(given, route), methods=[route.method])
    app.register_error_handler(InputError, _refuse)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _view(given: Mapping[Any, Any], route: Route) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        visitor = Visitor(request.environ[ENVIRON_USER_ID], given[Keys])
        headers = cast(Headers, request.headers)  # a mapping in all that views use
        objects = {**given, Visitor: visitor, Headers: headers}
        asked = Asked(path, request.args, headers, request.get_data(cache=False), objects)
        status, headers_out, content = render(route, route.view(**route.signature.bind(asked)), request.script_root)
        return Response(content, status, headers_out)

    return view


def _refuse(error: InputError) -> Response:
    body = dump(input_error_body(error))
    return Response(body, error.status, retry_header(error), content_type="application/json")


def _http_error(error: HTTPException) -> Response:
    """Answer Flask's own refusals: a path that only the front finds in the table (an encoded slash)."""
    status = error.code or 500
    body = error_body(status, "http_error", field="path", value=request.path, reason=error.name)
    return Response(dump(body), status, content_type="application/json")
