"""Graphs as the page saves them, written down shortly."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def node(number: int, kind: str, *values: Any, takes: Json | None = None, gives: str = "", **more: Any) -> Json:
    """A saved node.

    Args:
        number: its id.
        kind: its class, or the id of a sub-graph.
        values: those of its widgets.
        takes: its sockets: name to the number of a link, with the type after a colon in the name (`audio:AUDIO`).
        gives: the types of its outputs, separated by spaces.
        more: `mode`, `title`, `properties` and so on.
    """
    sockets = []
    for name, link in (takes or {}).items():
        key, _, type_ = name.partition(":")
        widget = key.startswith("=")
        key = key.removeprefix("=")
        sockets.append(
            {"name": key, "type": type_ or "*", "link": link, **({"widget": {"name": key}} if widget else {})}
        )
    outputs = [{"name": type_, "type": type_, "links": []} for type_ in gives.split()]
    return {
        "id": number,
        "type": kind,
        "mode": 0,
        "inputs": sockets,
        "outputs": outputs,
        "widgets_values": list(values),
        **more,
    }


def saved(*nodes: Json, links: list[list[Any]], subgraphs: tuple[Json, ...] = ()) -> Json:
    """A saved graph; a link is [number, from node, its output, to node, its input]."""
    content: Json = {"version": 0.4, "nodes": list(nodes), "links": [[*link, "*"] for link in links]}
    if subgraphs:
        content["definitions"] = {"subgraphs": list(subgraphs)}
    return content


def subgraph(name: str, *nodes: Json, inputs: str, outputs: str, links: list[list[int]]) -> Json:
    """A sub-graph; its links begin at -10 for its inputs and end at -20 for its outputs."""
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    return {
        "id": name,
        "name": name,
        "nodes": list(nodes),
        "inputs": [{"name": one, "type": "*"} for one in inputs.split()],
        "outputs": [{"name": one, "type": "*"} for one in outputs.split()],
        "links": [dict(zip(keys, link, strict=True)) for link in links],
    }


def silence(number: int = 1, *, seconds: float = 2.0, **more: Any) -> Json:
    return node(number, "EmptyAudio", seconds, 44100, 2, gives="AUDIO", **more)


def save(number: int = 9, *, link: int | None = 1, **more: Any) -> Json:
    return node(number, "SaveAudio", "audio/x", "", takes={"audio:AUDIO": link}, **more)


def louder(number: int, volume: int, *, link: int | None, **more: Any) -> Json:
    return node(number, "AudioAdjustVolume", volume, takes={"audio:AUDIO": link}, gives="AUDIO", **more)


def sampler(number: int, *values: Any, **links: int) -> Json:
    """A KSampler with widgets' values as saved, and its four links."""
    kinds = {"model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING", "latent_image": "LATENT"}
    takes = {f"{name}:{kind}": links.get(name) for name, kind in kinds.items()}
    return node(number, "KSampler", *values, takes=takes, gives="LATENT")
