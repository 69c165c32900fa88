"""Graphs of any shape, given to the import: definitions or a refusal in words, the same each time, nothing changed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.importing.drafts import draft
from schemas.importing.form import ImportRefused, parse_graph
from schemas.loader import load_tables
from schemas.nodes import NodeTable
from tests.attacks.made import QUIET, values
from tests.doubles.programs import ROOT

TABLE = NodeTable.merge(list(load_tables([ROOT / "schemas"]).values()))
CLASSES = sorted(TABLE.classes)
SHIPPED = [json.loads(path.read_text()) for path in sorted(Path(ROOT / "schemas" / "graphs").glob("*.json"))]
IDS = st.integers(1, 6).map(str)
LINKS = st.tuples(IDS | st.integers(-1, 9) | st.text(max_size=3), st.integers(-2, 5) | st.none()).map(list)


@st.composite
def api_nodes(draw: st.DrawFn) -> dict[str, Any]:
    """A node of a known class, with links and values as they come."""
    name = draw(st.sampled_from(CLASSES))
    known = list(TABLE.classes[name].inputs)
    inputs = {one: draw(LINKS | values()) for one in known if draw(st.booleans())}
    return {
        "class_type": name,
        "inputs": {**inputs, **draw(st.dictionaries(st.text(max_size=5), values(), max_size=2))},
    }


API = st.dictionaries(IDS, api_nodes(), max_size=6) | st.dictionaries(st.text(max_size=5), values(), max_size=4)
SLOTS = st.lists(st.dictionaries(st.sampled_from(["name", "type", "link", "links", "widget"]), values()), max_size=3)
UI_NODES = st.fixed_dictionaries(
    {"id": st.integers(0, 6) | values(), "type": st.sampled_from(CLASSES) | st.text(max_size=8)},
    optional={
        "inputs": SLOTS | values(),
        "outputs": SLOTS | values(),
        "widgets_values": st.lists(values(), max_size=6) | values(),
        "mode": st.sampled_from([0, 2, 4, None, "x"]),
        "properties": values(),
    },
)
UI_LINKS = st.lists(values(), min_size=4, max_size=7) | values()
UI = st.fixed_dictionaries(
    {"nodes": st.lists(UI_NODES | values(), max_size=5)},
    optional={"links": st.lists(UI_LINKS, max_size=5) | values(), "definitions": values(), "version": values()},
)


def imported(content: Any) -> Any:
    """What a graph becomes; None where it is refused, in words."""
    before = copy.deepcopy(content)
    try:
        made = draft(content, TABLE, name="mine", pipelines=["text_to_audio"])
    except ImportRefused as error:
        assert error.message  # noqa: PT017 - either outcome is right, and each has its own promise
        made = None
    assert content == before
    return made


@given(content=API)
@QUIET
def test_any_graph_in_api_form(content: dict[str, Any]) -> None:
    assert imported(content) == imported(copy.deepcopy(content))


@given(content=UI)
@QUIET
def test_any_saved_graph(content: dict[str, Any]) -> None:
    assert imported(content) == imported(copy.deepcopy(content))


@given(data=st.data())
@QUIET
def test_a_right_graph_with_something_wrong_in_one_place(data: st.DataObject) -> None:
    content = copy.deepcopy(data.draw(st.sampled_from(SHIPPED)))
    node = content[data.draw(st.sampled_from(sorted(content)))]
    if data.draw(st.booleans()) and node["inputs"]:
        node["inputs"][data.draw(st.sampled_from(sorted(node["inputs"])))] = data.draw(values() | LINKS)
    else:
        node[data.draw(st.sampled_from(["class_type", "inputs", "_meta"]))] = data.draw(values())
    imported(content)


@given(text=st.text() | values().map(json.dumps))
@QUIET
def test_any_text_is_a_graph_or_refused(text: str) -> None:
    try:
        content = parse_graph(text)
    except ImportRefused as error:
        assert error.message  # noqa: PT017 - either outcome is right
        return
    imported(content)
