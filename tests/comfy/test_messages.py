"""Messages of the event socket, also those that another program wrote."""

from __future__ import annotations

from typing import Any

import pytest

from devserver.comfy.messages import (
    READERS,
    Message,
    NodeDone,
    NodeEntered,
    NodeProgress,
    NodesCached,
    NodeState,
    PieceMade,
    PreviewSeen,
    PromptEnded,
    QueueStatus,
    read_message,
    read_preview,
)


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("status", {"status": {"exec_info": {"queue_remaining": 3}}, "sid": "ours"}, QueueStatus("", 3, "ours")),
        ("execution_cached", {"nodes": ["1", 2], "prompt_id": "p"}, NodesCached("p", ("1", "2"))),
        ("executing", {"node": "1", "display_node": "9", "prompt_id": "p"}, NodeEntered("p", "1", "9")),
        ("executing", {"node": None, "prompt_id": "p"}, NodeEntered("p", None, "None")),
        ("executed", {"node": 4, "display_node": 4, "prompt_id": "p"}, NodeDone("p", "4", "4")),
        ("execution_error", {"prompt_id": "p"}, PromptEnded("p")),
        ("progress", {"node": "1", "value": 2, "max": 8, "prompt_id": "p"},
         NodeProgress("p", (NodeState("1", 2, 8),), of_all=False)),
        ("tonewright.partial", {"prompt_id": "p", "node": "3", "index": 0, "file": {"filename": "a"}},
         PieceMade("p", "3", 0, {"filename": "a"})),
        ("crystools.monitor", {"cpu": 1}, Message("")),
    ],
)  # fmt: skip
def test_a_message_is_read_by_its_type(kind: str, data: dict[str, Any], message: Message) -> None:
    assert read_message(kind, data) == message


def test_the_state_of_every_node_is_one_message() -> None:
    nodes: Any = {"1": {"node_id": "1", "value": 4, "max": 4, "state": "finished"}, "2": "torn", "3": {"node_id": "3"}}
    read = read_message("progress_state", {"prompt_id": "p", "nodes": nodes})
    assert read == NodeProgress(
        "p", (NodeState("1", 4, 4, "finished"), NodeState("3", None, None, "None")), of_all=True
    )


JUNK: list[Any] = [None, "x", 5, [], {}, [[]], {"exec_info": []}, True]


@pytest.mark.parametrize("kind", [*READERS, "unheard_of"])
def test_a_part_of_another_shape_counts_as_not_there(kind: str) -> None:
    for junk in JUNK:
        for name in ("status", "nodes", "node", "value", "max", "prompt_id", "sid", "file"):
            assert isinstance(read_message(kind, {name: junk}), Message)


def test_a_queue_length_that_is_no_number_is_unknown() -> None:
    read = read_message("status", {"status": {"exec_info": {"queue_remaining": "3"}}, "sid": 5})
    assert read == QueueStatus("", None, None)


def test_a_preview_names_its_prompt_its_node_and_its_form() -> None:
    assert read_preview({"prompt_id": "p", "node_id": 7, "image_type": "image/png"}, b"x") == PreviewSeen(
        "p", "7", "image/png", b"x"
    )
    assert read_preview({"prompt_id": "p"}, b"x") == PreviewSeen("p", None, "image/jpeg", b"x")


@pytest.mark.parametrize(
    ("state", "share", "counts"),
    [
        (NodeState("1", 2, 8), 0.25, True),
        (NodeState("1", 9, 8), 1.0, True),
        (NodeState("1", -1, 8), 0.0, True),
        (NodeState("1", 0, 8, "finished"), 1.0, False),
        (NodeState("1", 0, 1), 0.0, False),  # a node that does not count says so
        (NodeState("1", 1, 0), 0.0, False),
        (NodeState("1", 5, 12346), 0.0, False),  # SwarmUI's word for the kind of a result
        (NodeState("1", None, None), 0.0, False),
    ],
)
def test_how_far_a_node_is(state: NodeState, share: float, counts: bool) -> None:
    assert (state.share, state.counts) == (share, counts)
