"""From a graph to the parameters that people will want to set: text, files, length, size, steps, guidance, seed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from schemas.graph import Graph, GraphNode, InputValue
from schemas.importing import words
from schemas.importing.documents import Scalar
from schemas.importing.tracing import Side, consumers, sides
from schemas.importing.widgets import PRIMITIVES
from schemas.importing.words import Word
from schemas.node_table import UPLOADS, NodeInput, NodeTable, is_model_file
from schemas.values import SEED_MAX, ParameterType

TITLES_KEPT = 4  # three are shown, and that there are more
WIDEST_INT, WIDEST_FLOAT = 2**31 - 1, 1e9  # where neither the node nor what it feeds says a range


@dataclass(frozen=True)
class Proposal:
    """One parameter. `value` is what the graph has; a file has none, since it must be sent with each request."""

    word: Word
    type: ParameterType
    value: Scalar | None
    sets: tuple[tuple[str, str], ...]
    titles: tuple[str, ...]
    min: float | None = None
    max: float | None = None
    step: float | None = None
    choices: tuple[Scalar, ...] = ()

    @property
    def is_same(self) -> tuple[object, ...]:
        """Tell whether two places are one parameter. One seed serves every sampler; files always differ."""
        if self.type == "file":
            return self.sets
        return (self.word.name, self.choices, None if self.type == "seed" else self.value)


def propose(graph: Graph, table: NodeTable) -> dict[str, Proposal]:
    """Return the parameters by name; places with the same meaning and the same value are one, others are numbered."""
    merged: dict[tuple[object, ...], Proposal] = {}
    for proposal in _all(graph, table):
        known = merged.get(proposal.is_same)
        joined = _join(known, proposal) if known else proposal
        if joined is None:
            joined, key = proposal, (*proposal.is_same, proposal.sets)  # the same value, but no range in common
        else:
            key = proposal.is_same
        merged[key] = joined
    proposals = _choose_prompt(list(merged.values()))
    proposals.sort(
        key=lambda proposal: (
            words.ORDER.index(proposal.word.name) if proposal.word.name in words.ORDER else len(words.ORDER)
        )
    )
    named: dict[str, Proposal] = {}
    numbers: dict[str, int] = {}  # the last one that a word was given
    for proposal in proposals:
        name, number = proposal.word.name, numbers.get(proposal.word.name, 1)
        while name in named:
            number += 1
            name = f"{proposal.word.name}_{number}"
        named[name], numbers[proposal.word.name] = proposal, number
    return named


def is_model(node_input: NodeInput, value: InputValue) -> bool:
    """Tell whether a value names a model: by its input, or by the file's ending where the table lists nothing."""
    return node_input.is_model or (node_input.type == "COMBO" and not node_input.upload and is_model_file(value))


def title_of(node: GraphNode) -> str:
    title = (node.get("_meta") or {}).get("title") or node["class_type"]
    return str(title).replace("${", "$ {")


def _all(graph: Graph, table: NodeTable) -> Iterator[Proposal]:
    sided, taken = sides(graph, table), consumers(graph)
    for node_id, node in graph.items():
        node_class = table.classes[node["class_type"]]
        for name, value in node["inputs"].items():
            node_input = node_class.inputs.get(name)
            if node_input is None or not isinstance(value, str | int | float) or name == "filename_prefix":
                continue  # a link, or a value that no request can have
            if is_model(node_input, value):
                continue
            takers = [(node_id, name, node_input)]
            if node_class.name in PRIMITIVES:
                takers = list(_known_inputs(graph, table, taken.get(node_id, ()))) or takers
            word = _word(graph, takers, value, sided)
            if word is None and node_class.name in PRIMITIVES:
                word = _word_of_title(title_of(node), name)
            if word is not None:
                limits = [node_input, *(taker for _, _, taker in takers)]
                proposal = Proposal(word, "text", value, ((node_id, name),), (title_of(node),))
                typed = _with_type(proposal, node_input, limits)
                if typed is not None:
                    yield typed


def _known_inputs(
    graph: Graph, table: NodeTable, places: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, str, NodeInput]]:
    for taker, name in places:
        node_class = table.classes.get(graph[taker]["class_type"])
        node_input = node_class.inputs.get(name) if node_class else None
        if node_input is not None:
            yield taker, name, node_input


def _word(
    graph: Graph, takers: Sequence[tuple[str, str, NodeInput]], value: Scalar, sided: Mapping[str, Side]
) -> Word | None:
    """Return the word for a value, by the first of its takers that has one."""
    for node_id, name, node_input in takers:
        if name in words.OTHERWISE.get(graph[node_id]["class_type"], ()):
            continue
        if isinstance(value, str) and "STRING" in node_input.type:
            if name in words.TEXTS or node_input.attributes.get("multiline"):
                return words.TEXTS.get(name) or _by_side(graph, node_id, sided)
        elif word := _plain_word(name, node_input, value):
            return word
    return None


def _plain_word(name: str, node_input: NodeInput, value: Scalar) -> Word | None:
    if node_input.upload:
        return words.FILES[next(key for key in UPLOADS if node_input.attributes.get(key))]
    if node_input.type == "COMBO":
        return words.CHOICES.get(name)
    return words.SWITCHES.get(name) if isinstance(value, bool) else words.NUMBERS.get(name)


def _by_side(graph: Graph, node_id: str, sided: Mapping[str, Side]) -> Word:
    side = sided.get(node_id)
    if side is None:
        return words.NEGATIVE if "negative" in title_of(graph[node_id]).casefold() else words.TEXT
    return words.PROMPT if side == "positive" else words.NEGATIVE


def _word_of_title(title: str, name: str) -> Word | None:
    """Return a primitive is there to be set: it is named as its maker named it."""
    slug = re.sub(r"[^a-z0-9]+", "_", title.casefold()).strip("_")
    if not slug or title in PRIMITIVES:
        return None
    known = {**words.NUMBERS, **words.CHOICES}.get(slug)
    return known or Word(slug if slug != name else f"{slug}_value", "A value of the graph", "Ein Wert des Graphen")


def _with_type(proposal: Proposal, node_input: NodeInput, limits: Sequence[NodeInput]) -> Proposal | None:
    """Return the proposal with the type and range from the table; None for values that a request cannot have."""
    if node_input.upload:
        return replace(proposal, type="file", value=None)
    if node_input.type == "COMBO":
        options = tuple(option for option in node_input.options or () if isinstance(option, str | int | float))
        return replace(proposal, type="choice", choices=options) if options else replace(proposal, type="string")
    if node_input.type in ("INT", "FLOAT"):
        return _with_range(proposal, node_input, limits)
    plain: dict[str, ParameterType] = {"BOOLEAN": "bool", "STRING": "text"}
    return replace(proposal, type=plain[node_input.type]) if node_input.type in plain else None


def _with_range(proposal: Proposal, node_input: NodeInput, limits: Sequence[NodeInput]) -> Proposal | None:
    value = proposal.value
    if value is None or isinstance(value, bool | str):
        return None  # the check of the graph says so
    lows = [low for each in limits if (low := each.min) is not None]
    highs = [high for each in limits if (high := each.max) is not None]
    if proposal.word is words.SEED:
        low, high = max([0, *lows]), min([SEED_MAX, *highs])
        return replace(proposal, type="seed", value=None, min=low or None, max=high if high < SEED_MAX else None)
    widest: float = WIDEST_INT if node_input.type == "INT" else WIDEST_FLOAT
    low, high = max([-widest, *lows]), min([widest, *highs])
    step = node_input.step
    whole = node_input.type == "INT"
    return replace(
        proposal,
        type="int" if whole else "float",
        value=value if whole else float(f"{value:.10g}"),  # the page saves 0.99 as 0.9900000000000002
        min=min(low, value),
        max=max(high, value),
        step=step if step is not None and step > 0 else None,
    )


def _join(proposal: Proposal, other: Proposal) -> Proposal | None:
    """Return both places as one parameter, within the range that both allow; None if there is none."""
    low = max((low for low in (proposal.min, other.min) if low is not None), default=None)
    high = min((high for high in (proposal.max, other.max) if high is not None), default=None)
    kind, value = proposal.type, proposal.value
    if {proposal.type, other.type} == {"int", "float"}:
        if not isinstance(value, int | float) or not float(value).is_integer():
            return None
        kind, value = "int", int(value)
    elif proposal.type != other.type:
        return None
    if isinstance(value, int | float) and low is not None and high is not None and not low <= value <= high:
        return None
    return replace(
        proposal,
        type=kind,
        value=value,
        min=low,
        max=high,
        step=max((step for step in (proposal.step, other.step) if step is not None), default=None),
        sets=proposal.sets + other.sets,
        titles=tuple(dict.fromkeys(proposal.titles + other.titles))[:TITLES_KEPT],
    )


def _choose_prompt(proposals: list[Proposal]) -> list[Proposal]:
    """Make the first text the prompt if no text leads to a sampler."""
    if any(proposal.word is words.PROMPT for proposal in proposals):
        return proposals
    first = next((proposal for proposal in proposals if proposal.word is words.TEXT), None)
    return [replace(proposal, word=words.PROMPT) if proposal is first else proposal for proposal in proposals]
