"""The values of a saved node's widgets by name: the page saves them as a list, in the order of the class's inputs.

The list holds two kinds of values that are no inputs: after a seed, what becomes of it after a run, and after a file,
what its upload button holds.
"""

from __future__ import annotations

from collections import deque

from schemas.json_values import Json, JsonObject
from schemas.node_table import WIDGETS, NodeClass, NodeInput

CONTROLS = ("fixed", "increment", "decrement", "randomize")
CONTROLLED = ("seed", "noise_seed")
UPLOAD_VALUES = ("image", "audio", "video", "file", "", None)
PRIMITIVES = ("PrimitiveNode", "PrimitiveInt", "PrimitiveFloat", "PrimitiveString", "PrimitiveStringMultiline")


def widget_inputs(node_class: NodeClass) -> list[NodeInput]:
    """Return the inputs that the page shows as widgets, in the order in which it saves their values."""
    return [
        entry
        for entry in node_class.inputs.values()
        if entry.type in WIDGETS and not entry.attributes.get("forceInput")
    ]


def widget_values(node_class: NodeClass, saved: Json) -> tuple[JsonObject, list[Json]]:
    """Return each widget's value by name, and what was saved beside them that no widget takes.

    A widget that was saved without a value has its default; one without a default is not there.
    """
    widgets = widget_inputs(node_class)
    if isinstance(saved, dict):
        given = {widget.name: saved[widget.name] for widget in widgets if widget.name in saved}
        return _with_defaults(widgets, given), []
    rest = deque(saved if isinstance(saved, list) else ())
    given = {}
    button = False  # the page adds it behind the last required widget
    for number, widget in enumerate(widgets):
        if not rest:
            break
        given[widget.name] = rest.popleft()
        after = len(widgets) - number - 1
        if rest and _is_control(node_class, widget, rest[0], more=len(rest) > after):
            rest.popleft()
        button = button or widget.upload
        while rest and button and len(rest) > after and rest[0] in UPLOAD_VALUES:
            rest.popleft()
    return _with_defaults(widgets, given), [value for value in rest if value not in UPLOAD_VALUES]


def _is_control(node_class: NodeClass, widget: NodeInput, following: Json, *, more: bool) -> bool:
    """Tell whether a widget has a control after it: by the table, or by the names that have one on every page.

    The first pages saved true or false there; that counts where `more` values are left than widgets.
    """
    named = widget.type == "INT" and (widget.name in CONTROLLED or node_class.name in PRIMITIVES)
    declared = bool(widget.attributes.get("control_after_generate"))
    said = (following in CONTROLS) if isinstance(following, str) else (more and isinstance(following, bool))
    return (named or declared) and said


def _with_defaults(widgets: list[NodeInput], given: JsonObject) -> JsonObject:
    values: JsonObject = {}
    for widget in widgets:
        value = given.get(widget.name)
        if value is None:
            value = widget.attributes.get("default")
            if value is None and widget.type == "COMBO" and widget.options and widget.required:
                value = widget.options[0]  # the page shows the first where none is set
        if value is not None:
            values[widget.name] = value
    return values
