"""A graph in ComfyUI's API format: nodes by id, each with its class and the values of its inputs."""

from __future__ import annotations

from typing import Final, NamedTuple, NotRequired, TypeAlias, TypeGuard

from typing_extensions import TypedDict

from schemas.json_values import Json

InputValue: TypeAlias = Json  # a scalar, a link, or lists and objects of them


class NodeMeta(TypedDict, total=False):
    """A node's title, as ComfyUI's own page writes it."""

    title: str


class GraphNode(TypedDict):
    """One node. Other fields may stand beside these and are kept."""

    class_type: str
    inputs: dict[str, InputValue]
    _meta: NotRequired[NodeMeta]


# A model of pydantic that holds a graph keeps the fields that other programs wrote beside these.
KEEP_FIELDS: Final = {"extra": "allow"}
NodeMeta.__pydantic_config__ = KEEP_FIELDS  # type: ignore[attr-defined]
GraphNode.__pydantic_config__ = KEEP_FIELDS  # type: ignore[attr-defined]

Graph = dict[str, GraphNode]


def is_node(value: Json) -> TypeGuard[GraphNode]:
    """Return whether a value is a node: an object with a class and inputs."""
    return (
        isinstance(value, dict) and isinstance(value.get("class_type"), str) and isinstance(value.get("inputs"), dict)
    )


class Link(NamedTuple):
    """An input's link to an output of another node; in JSON it is a list of both."""

    node: str
    slot: int


def link_of(value: InputValue) -> Link | None:
    """Return the link that an input's value is; None where it is another value."""
    if isinstance(value, list) and len(value) == 2:
        node, slot = value
        if isinstance(node, str) and type(slot) is int:
            return Link(node, slot)
    return None


def links_of(node: GraphNode) -> list[tuple[str, Link]]:
    """Return the name of every linked input, with its link."""
    return [(name, link) for name, value in node["inputs"].items() if (link := link_of(value)) is not None]
