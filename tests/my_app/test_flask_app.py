"""The Flask side alone: a table of routes becomes an app that calls each view with its arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel

from devserver.errors import InputError
from devserver.users.keys import Keys
from my_app.door.visitors import Visitor
from my_app.flask_app import create_flask
from my_app.views.bridge import ENVIRON_USER_ID
from my_app.views.route import Route
from my_app.views.signature import Headers, JsonObject


class Words(BaseModel):
    words: str


class Shelf:
    """One of the server's objects, handed to a view by its type."""

    books = 7


def greet(name: str, body: Words, visitor: Visitor, headers: Headers, shelf: Shelf) -> JsonObject:
    """Greet somebody."""
    return {"said": f"{body.words} {name}", "by": visitor.user_id, "in": headers["x-room"], "books": shelf.books}


def full() -> None:
    """Refuse, for a while."""
    raise InputError("unknown_host", status=429, field="x", value="y", retry_after_s=1.2)


def broken() -> None:
    """Make a mistake."""
    raise ZeroDivisionError


async def native() -> None:
    """A view of the front."""


ROUTES = (
    Route("POST", "/greetings/{name}", greet, "x", (201,)),
    Route("GET", "/full", full, "x"),
    Route("GET", "/broken", broken, "x"),
    Route("GET", "/native", native, "x"),
)


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    app = create_flask({Keys: Keys(tmp_path), Shelf: Shelf()}, ROUTES)
    found: FlaskClient = app.test_client()
    found.environ_base[ENVIRON_USER_ID] = "anna"
    return found


def test_a_view_gets_the_path_the_body_the_visitor_and_the_objects_of_the_server(client: FlaskClient) -> None:
    reply = client.post("/greetings/Bob", json={"words": "Hello"}, headers={"X-Room": "studio"})
    assert reply.status_code == 201
    assert reply.json == {"said": "Hello Bob", "by": "anna", "in": "studio", "books": 7}


def test_a_location_and_an_address_lie_below_the_path_of_the_server(tmp_path: Path) -> None:
    def show() -> JsonObject:
        """Show an address."""
        return {"url": "/api/runs"}

    client = create_flask({Keys: Keys(tmp_path)}, (Route("GET", "/shown", show, "x"),)).test_client()
    reply = client.get("/shown", environ_overrides={ENVIRON_USER_ID: "anna", "SCRIPT_NAME": "/studio"})
    assert reply.json == {"url": "/studio/api/runs"}


def test_a_refusal_of_a_view_is_answered_with_its_status_and_when_to_ask_again(client: FlaskClient) -> None:
    reply = client.get("/full")
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "2")
    assert error_of(reply.json)["field"] == "x"


def test_a_path_that_flask_alone_does_not_know_is_refused_in_the_same_shape(client: FlaskClient) -> None:
    reply = client.get("/greetings/a/b")
    assert (reply.status_code, error_of(reply.json)["field"]) == (404, "path")
    assert error_of(reply.json)["value"] == "/greetings/a/b"


def test_a_mistake_of_a_view_goes_on_to_the_front(client: FlaskClient) -> None:
    with pytest.raises(ZeroDivisionError):
        client.get("/broken")


def test_a_native_view_is_none_of_its_own(client: FlaskClient) -> None:
    assert client.get("/native").status_code == 404


def error_of(body: Any) -> dict[str, Any]:
    error: dict[str, Any] = body["error"]
    return error
