"""Keys and their limits, for admins."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from devserver.definitions.current import Definitions
from devserver.errors import InputError
from devserver.users.keys import NAME, Key, Keys
from devserver.users.rights import Rights
from my_app.views.route import Route
from my_app.views.shapes import Count, Shown
from schemas.model import Level


class NewKey(BaseModel):
    """The body of `POST /api/keys`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"name": "bob", "safety_floor": "kids", "queue_limit": 3}]},
    )

    name: str = Field(pattern=f"^{NAME.pattern}$", description="The new user's name.")
    admin: bool = Field(False, description="Whether everybody's runs are seen, and keys made.")
    safety_floor: Level | None = Field(None, description="The laxest safety level of its requests.")
    queue_limit: int | None = Field(None, ge=0, description="How many of its runs may be unfinished; 0 has no limit.")
    outputs: list[str] | None = Field(None, description="The output configs that it may ask for; null allows all.")


class KeyShown(Shown):
    """A user and the limits of its key."""

    name: str
    admin: bool
    created_at: str
    safety_floor: Level = Field(description="off allows every level")
    queue_limit: Count = Field(description="0: no limit of its own")
    outputs: list[str] | None = Field(description="null allows all")


class KeyMade(KeyShown):
    """A new key."""

    key: str = Field(description="shown this once")


class KeyList(Shown):
    """The users."""

    keys: list[KeyShown]


def list_keys(keys: Keys) -> KeyList:
    """List the users and their limits, without their keys."""
    return KeyList.model_validate({"keys": [_describe(key) for key in keys.all]})


def add_key(keys: Keys, definitions: Definitions, body: NewKey) -> KeyMade:
    """Make a key for a new user. Only this answer shows it; the server keeps its hash."""
    if not body.admin and not keys.all:
        raise InputError("first_key_admin", status=409, field="admin", value=body.admin)
    rights = Rights.parse(body.safety_floor, body.queue_limit, body.outputs)
    known = sorted(definitions.catalog.outputs) if rights.outputs else []
    if wrong := next((output for output in rights.outputs or () if output not in known), None):
        raise InputError("unknown_output", field="outputs", value=wrong, allowed=known)
    secret = keys.add(body.name, admin=body.admin, rights=rights)
    made = keys.find_by_name(body.name)
    return KeyMade.model_validate({**(_describe(made) if made else {"name": body.name}), "key": secret})


def remove_key(keys: Keys, user: str) -> None:
    """Remove a user's key.

    The sessions and open streams end within two seconds, in every process; the runs stay.
    """
    admins = [key.name for key in keys.all if key.admin]
    if admins == [user]:
        raise InputError("last_admin_key", status=409, field="user", value=user)
    keys.remove(user)


def _describe(key: Key) -> dict[str, Any]:
    return {"name": key.name, "admin": key.admin, "created_at": key.created_at, **key.rights.as_dict()}


ROUTES: Final = (
    Route("GET", "/api/keys", list_keys, "keys", only_admins=True),
    Route("POST", "/api/keys", add_key, "keys", (201, 409), only_admins=True),
    Route("DELETE", "/api/keys/{user}", remove_key, "keys", (204, 409), only_admins=True),
)
