"""Where each argument of a view comes from, and what is said of a value that does not fit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from aiohttp import web
from pydantic import BaseModel, Field

from devserver.errors import InputError
from my_app.views.signature import Asked, Header, Received, Reply, Whole, read_signature


class Page(BaseModel):
    limit: int = Field(20, ge=1)


class Words(BaseModel):
    words: str = "none"


class Shelf:
    """An object of the server."""


def view(
    *,
    medium: Literal["audio", "video"],
    index: Whole,
    query: Page,
    body: Words,
    last: Annotated[Whole | None, Header("Last-Event-ID")] = None,
    received: Received,
    shelf: Shelf,
    more: Shelf | None = None,
) -> Reply[Words]:
    """Say what came, and take what the framework hands in."""
    _ = medium, index, query, last, received, shelf, more
    return Reply(body)


SIGNATURE = read_signature(view, ["medium", "index"], missing_status=400)
SHELF = Shelf()


def bound(
    path: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: bytes = b'{"words": "x", "more": 1}',
) -> dict[str, Any]:
    asked = Asked({"medium": "audio", "index": "3", **(path or {})}, query or {}, headers or {}, body, {Shelf: SHELF})
    return SIGNATURE.bind(asked)


def refused(**asked: Any) -> InputError:
    with pytest.raises(InputError) as wrong:
        bound(**asked)
    return wrong.value


def test_every_argument_comes_from_where_its_name_and_type_say() -> None:
    kinds = {one.name: one.kind for one in SIGNATURE.arguments}
    assert kinds == {
        "medium": "path",
        "index": "path",
        "query": "query",
        "body": "body",
        "last": "header",
        "received": "given",
        "shelf": "given",  # `more` has a default, and is of another route
    }
    assert bound(query={"limit": "5"}, headers={"Last-Event-ID": "7"}) == {
        "medium": "audio",
        "index": 3,
        "query": Page(limit=5),
        "body": Words(words="x"),
        "last": 7,
        "received": {"words": "x", "more": 1},
        "shelf": SHELF,
    }


def test_a_header_that_is_empty_or_missing_has_its_default() -> None:
    assert bound()["last"] is bound(headers={"Last-Event-ID": ""})["last"] is None


def test_a_value_that_does_not_fit_is_named_with_the_status_of_its_place() -> None:
    wrong = [
        refused(path={"medium": "smell"}),
        refused(path={"index": "-1"}),
        refused(headers={"Last-Event-ID": "x"}),
        refused(query={"limit": "0"}),
        refused(body=b'{"words": 1}'),
    ]
    assert [(one.field, one.status, one.value) for one in wrong] == [
        ("medium", 404, "smell"),
        ("index", 404, "-1"),
        ("Last-Event-ID", 400, "x"),
        ("limit", 422, "0"),
        ("words", 422, 1),
    ]
    assert wrong[0].allowed == ["audio", "video"]
    assert all(one.allowed for one in wrong)


@pytest.mark.parametrize("digits", ["1" * 19, "+1", "1_0", " 1", "\u0661"])
def test_a_whole_number_is_of_few_plain_digits(digits: str) -> None:
    assert refused(path={"index": digits}).message_code == "unknown_in_path"


def test_a_body_is_needed_unless_it_has_a_default() -> None:
    assert refused(body=b"").status == 400

    def relaxed(body: Words = Words()) -> None:  # noqa: B008 - the default of a view
        """Take a body or none."""

    assert read_signature(relaxed, []).bind(Asked({}, {}, {}, b"", {})) == {"body": Words()}


def test_the_answer_is_what_a_reply_or_a_response_carries() -> None:
    def stream() -> Annotated[web.StreamResponse, Words]:
        return web.StreamResponse()

    def plain() -> list[Words]:
        return []

    found = [SIGNATURE.returns, *(read_signature(one, []).returns for one in (stream, plain))]
    assert found == [Words, Words, list[Words]]
