"""Reads the signature of a view: where each of its arguments comes from, and what it returns.

A parameter of the path is an argument of its name. `query` and `body` are models of the query and of the JSON body; a
body that has a default may be left out. An argument annotated with a `Header` is that header. Every other argument is
handed in by its type: the visitor, the headers, the body as it was sent, the request of aiohttp, the objects of
the server (`Runs`, `Keys`, `Definitions`, ...).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Final, Generic, Literal, NewType, TypeVar, get_args, get_origin, get_type_hints

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from devserver.errors import InputError, refused_field
from my_app.incoming.bodies import read_json
from schemas.wording import requirement

Result = TypeVar("Result")
JsonObject = dict[str, Any]
DIGITS: Final = re.compile(r"[0-9]{1,18}")


def _check_digits(text: Any) -> Any:
    if isinstance(text, str) and not DIGITS.fullmatch(text):
        raise PydanticCustomError("int_parsing", "must be a whole number")
    return text


Whole = Annotated[int, BeforeValidator(_check_digits)]  # a number in a path, a query or a header: of few plain digits
Headers = NewType("Headers", Mapping[str, str])  # by any case
Received = NewType("Received", JsonObject)  # the body as it was sent


@dataclass(frozen=True)
class Header:
    """Marks an argument that is a header: `Annotated[int | None, Header("Last-Event-ID")]`."""

    name: str


@dataclass(frozen=True)
class Reply(Generic[Result]):
    """An answer with another status than the route's usual one, or with headers of its own."""

    body: Result
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request, as either framework has it; `given` holds what views are handed by its type."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    given: Mapping[Any, Any]


@dataclass(frozen=True)
class Argument:
    """One argument of a view. `wire_name` is its name in the request, `annotation` the type of its value."""

    name: str
    kind: Literal["path", "query", "header", "body", "given"]
    wire_name: str
    annotation: Any
    default: Any = inspect.Parameter.empty

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.annotation)

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty

    def read(self, text: str | None, refused_as: int) -> Any:
        """Read the value of a path parameter or a header."""
        if text is None and not self.is_required:
            return self.default
        try:
            return self.adapter.validate_python(text)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            literals = next((get_args(one) for one in _parts(self.annotation) if get_origin(one) is Literal), None)
            allowed = list(literals) if literals else requirement(fault)
            code = "unknown_in_path" if self.kind == "path" else "header_unusable"
            raise InputError(code, status=refused_as, field=self.wire_name, value=text, allowed=allowed) from error

    def validate(self, values: Mapping[str, Any], missing_status: int) -> Any:
        """Validate the values of a model, from the query or the body."""
        try:
            return self.annotation.model_validate(values)
        except ValidationError as error:
            raise refused_field(error, self.annotation, missing_status=missing_status) from error


@dataclass(frozen=True)
class Signature:
    """The arguments of a view and the type of its answer: None for no body, a response for what is no JSON."""

    arguments: Sequence[Argument]
    returns: Any
    missing_status: int = 422

    def argument(self, kind: str) -> Argument | None:
        """Return the first argument of a kind."""
        return next((one for one in self.arguments if one.kind == kind), None)

    def bind(self, asked: Asked) -> dict[str, Any]:
        """Return the arguments for a call of the view.

        Raises:
            InputError: a value is not allowed; in the path it names something that there is not (404).
        """
        given, arguments = dict(asked.given), dict[str, Any]()
        body = self.argument("body")
        if body is not None:
            given[Received] = read_json(asked.body) if asked.body or body.is_required else {}
        for one in self.arguments:
            if one.kind == "path":
                arguments[one.name] = one.read(asked.path[one.name], 404)
            elif one.kind == "header":
                arguments[one.name] = one.read(asked.headers.get(one.wire_name) or None, 400)
            elif one.kind == "query":
                arguments[one.name] = one.validate({name: asked.query[name] for name in asked.query}, 422)
            elif one.kind == "body":
                arguments[one.name] = one.validate(given[Received], self.missing_status)
            else:
                arguments[one.name] = given[one.annotation]
        return arguments


def read_signature(view: Callable[..., Any], in_path: Sequence[str], missing_status: int = 422) -> Signature:
    """Read the signature of a view whose path has these parameters."""
    hints = get_type_hints(view, include_extras=True)
    named = inspect.signature(view).parameters
    found = (_argument(one, hints[name], in_path) for name, one in named.items())
    arguments = tuple(one for one in found if one is not None)
    return Signature(arguments, _answer_type(hints.get("return")), missing_status)


def _argument(parameter: inspect.Parameter, annotation: Any, in_path: Sequence[str]) -> Argument | None:
    name = parameter.name
    header = next((one for one in get_args(annotation) if isinstance(one, Header)), None)
    if name in in_path:
        return Argument(name, "path", name, annotation)
    if header is not None:
        return Argument(name, "header", header.name, annotation, parameter.default)
    if name in ("query", "body") and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Argument(name, "query" if name == "query" else "body", name, annotation, parameter.default)
    # An argument with a default may be left out: the view answers another route too.
    return Argument(name, "given", name, annotation) if parameter.default is inspect.Parameter.empty else None


def _answer_type(annotation: Any) -> Any:
    """Return the type of an answer's body; `Annotated[web.StreamResponse, Model]` is a response that carries it."""
    if get_origin(annotation) is Reply:
        return get_args(annotation)[0]
    if get_origin(annotation) is Annotated and get_args(annotation)[0] is web.StreamResponse:
        return get_args(annotation)[1]
    return annotation


def _parts(annotation: Any) -> list[Any]:
    """Return an annotation and the annotations inside it."""
    return [annotation, *(inner for one in get_args(annotation) for inner in _parts(one))]
