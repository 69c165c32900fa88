"""Keys, for admins: who may use the server, and with which limits."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from devserver.errors import InputError
from devserver.users.keys import NAME, Key
from devserver.users.rights import Rights
from my_app.flask_app import json_body, json_reply, the_parts
from my_app.route import Reply, Route
from schemas.model import Level


class NewKey(BaseModel):
    """The body of `POST /api/keys`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(pattern=f"^{NAME.pattern}$", description="The new user's name.")
    admin: bool = Field(False, description="Whether everybody's runs are seen, and keys made.")
    safety_floor: Level | None = Field(None, description="The laxest safety level of its requests.")
    queue_limit: int | None = Field(None, ge=0, description="How many of its runs may be unfinished; 0 has no limit.")
    outputs: list[str] | None = Field(None, description="The output configs that it may ask for; null allows all.")


def list_keys() -> Response:
    """The users and their limits. No key is ever shown again."""
    return json_reply({"keys": [_told(key) for key in the_parts().keys.there]})


def add_key() -> Response:
    """Make a key for a new user. The answer shows it, this once: only its hash is kept."""
    body, keys = json_body(), the_parts().keys
    if unknown := sorted(set(body) - set(NewKey.model_fields)):
        field = unknown[0]
        allowed = list(NewKey.model_fields)
        raise InputError(f"There is no field {field}.", field=field, value=body[field], allowed=allowed)
    name, admin = body.get("name"), body.get("admin", False)
    if not isinstance(name, str):
        raise InputError("A key has a name.", field="name", value=name, allowed="a text")
    if not isinstance(admin, bool):
        raise InputError("admin is true or false.", field="admin", value=admin, allowed="true or false")
    if not admin and not keys.there:
        message = "The first key is an admin's: nobody else could make further ones here."
        raise InputError(message, status=409, field="admin", value=admin, allowed="true")
    rights = Rights.checked(*(body.get(field) for field in ("safety_floor", "queue_limit", "outputs")))
    known = sorted(the_parts().definitions.catalog.outputs) if rights.outputs else []
    if wrong := next((output for output in rights.outputs or () if output not in known), None):
        raise InputError(f"There is no output {wrong}.", field="outputs", value=wrong, allowed=known)
    secret = keys.add(name, admin=admin, rights=rights)
    made = keys.named(name)
    return json_reply({**(_told(made) if made else {"name": name}), "key": secret}, HTTPStatus.CREATED)


def remove_key(user: str) -> Response:
    """Take a user's key away: the sessions and open streams end within two seconds, in every process; the runs stay."""
    keys = the_parts().keys
    admins = [key.name for key in keys.there if key.admin]
    if admins == [user]:
        hint = f"`python server.py keys remove {user}` takes it away all the same."
        message = "This is the last admin's key: nobody could make or remove keys here without it."
        raise InputError(message, status=409, field="user", value=user, allowed="another key", hint=hint)
    keys.remove(user)
    return Response(status=HTTPStatus.NO_CONTENT)


def _told(key: Key) -> dict[str, Any]:
    return {"name": key.name, "admin": key.admin, "created_at": key.created_at, **key.rights.as_dict()}


LIMITED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "admin", "created_at", "safety_floor", "queue_limit", "outputs"],
    "properties": {
        "name": {"type": "string"},
        "admin": {"type": "boolean"},
        "created_at": {"type": "string", "format": "date-time"},
        "safety_floor": {"enum": ["off", "adult", "youth", "kids"], "description": "off allows every level"},
        "queue_limit": {"type": "integer", "minimum": 0, "description": "0 has no limit of its own"},
        "outputs": {"type": ["array", "null"], "items": {"type": "string"}, "description": "null allows all"},
    },
}
MADE: Final = {
    **LIMITED,
    "required": [*LIMITED["required"], "key"],
    "properties": {**LIMITED["properties"], "key": {"type": "string", "description": "shown this once"}},
}
ADMINS: Final = Reply("Only an admin key may do this; or Host or Origin is not one of ours.", "Error")
ROUTES: Final = (
    Route(
        "GET",
        "/api/keys",
        list_keys,
        "keys",
        "Who may use the server",
        {
            200: Reply("The users.", {"type": "object", "properties": {"keys": {"type": "array", "items": LIMITED}}}),
            403: ADMINS,
        },
        only_admins=True,
    ),
    Route(
        "POST",
        "/api/keys",
        add_key,
        "keys",
        "Make a key",
        {
            201: Reply("The new key.", MADE),
            400: Reply("The body is no JSON object.", "Error"),
            403: ADMINS,
            409: Reply("The name is taken, or the first key is no admin's.", "Error"),
            413: Reply("The body is too large.", "Error"),
            422: Reply("A field has a value that is not allowed.", "Error"),
        },
        body=NewKey.model_json_schema(),
        body_required=True,
        body_example={"name": "bob", "safety_floor": "kids", "queue_limit": 3},
        only_admins=True,
    ),
    Route(
        "DELETE",
        "/api/keys/{user}",
        remove_key,
        "keys",
        "Take a key away",
        {
            204: Reply("It is good for nothing any more."),
            403: ADMINS,
            404: Reply("There is no such key.", "Error"),
            409: Reply("It is the last admin's.", "Error"),
        },
        only_admins=True,
    ),
)
