"""Tables of node classes: what a backend can run, read from `/object_info` or from our own trimmed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict, TypeGuard

from schemas.json_values import Json, JsonObject, read_list, read_object, read_text

# The attributes of an input that decide whether a value fits; tooltips and display hints are left out.
KEPT = ("default", "min", "max", "step", "multiline", "dynamicPrompts", "forceInput", "control_after_generate")
UPLOADS = ("audio_upload", "image_upload", "video_upload", "file_upload")
WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
MODEL_INPUTS = frozenset(
    {
        "ckpt_name",
        "unet_name",
        "vae_name",
        "clip_name",
        "clip_name1",
        "clip_name2",
        "clip_name3",
        "clip_name4",
        "lora_name",
        "control_net_name",
        "style_model_name",
        "gligen_name",
        "hypernetwork_name",
        "photomaker_model_name",
        "audio_encoder_name",
        "model_name",
        "model_path",
    }
)
MODEL_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")


class TrimmedInputs(TypedDict):
    """The inputs of a class in our own form: of each its type, its options and what else decides about values."""

    required: dict[str, JsonObject]
    optional: NotRequired[dict[str, JsonObject]]
    hidden: NotRequired[list[str]]


class TrimmedClass(TypedDict):
    """A class in our own form of a node table."""

    category: str
    output_node: bool
    output: list[str]
    output_name: list[str]
    input: TrimmedInputs


class TableError(ValueError):
    """A value is not a table of node classes."""


@dataclass(frozen=True)
class NodeInput:
    """One input of a node class. `options` is None where any value of the type fits, and () where none is there."""

    name: str
    type: str
    required: bool = True
    options: tuple[Json, ...] | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)

    @property
    def min(self) -> float | None:
        return self._number("min")

    @property
    def max(self) -> float | None:
        return self._number("max")

    @property
    def step(self) -> float | None:
        return self._number("step")

    def _number(self, name: str) -> float | None:
        value = self.attributes.get(name)
        return value if isinstance(value, int | float) else None

    @property
    def upload(self) -> bool:
        """Tell whether the value names an uploaded file, which a list of options made earlier cannot know."""
        return any(self.attributes.get(key) for key in UPLOADS)

    @property
    def is_model(self) -> bool:
        """Tell whether the value names a model file: by the input's name, or because it is offered only such files."""
        if self.type != "COMBO" or self.upload:
            return False
        offered = self.options or ()
        return self.name in MODEL_INPUTS or (bool(offered) and all(is_model_file(option) for option in offered))

    def to_trimmed(self) -> JsonObject:
        """Return a table is about classes, not about one machine: what lies in its folders is left out."""
        spec: JsonObject = {"type": self.type, **self.attributes}
        if self.type == "COMBO":
            spec["options"] = [] if self.options is None or self.is_model or self.upload else list(self.options)
        return spec


@dataclass(frozen=True)
class NodeClass:
    """One class_type: its inputs by name, and the types that its output slots give."""

    name: str
    inputs: Mapping[str, NodeInput]
    output: tuple[str, ...] = ()
    output_name: tuple[str, ...] = ()
    output_node: bool = False
    category: str = ""
    hidden: tuple[str, ...] = ()

    def to_trimmed(self) -> TrimmedClass:
        sections: TrimmedInputs = {"required": self._inputs_trimmed(required=True)}
        if optional := self._inputs_trimmed(required=False):
            sections["optional"] = optional
        if self.hidden:
            sections["hidden"] = [*self.hidden]
        return {
            "category": self.category,
            "output_node": self.output_node,
            "output": [*self.output],
            "output_name": [*self.output_name],
            "input": sections,
        }

    def _inputs_trimmed(self, *, required: bool) -> dict[str, JsonObject]:
        return {each.name: each.to_trimmed() for each in self.inputs.values() if each.required == required}


@dataclass(frozen=True)
class NodeTable:
    """The node classes that one backend, or one set of definitions, knows.

    `unreadable` tells, by class_type, why an entry of `/object_info` could not be read; such a class is not there.
    """

    classes: Mapping[str, NodeClass]
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_trimmed(cls, data: object) -> NodeTable:
        """Read our own form; an empty list of options means any string. TableError if the shape is another."""
        return cls._read(data, _trimmed_input)

    @classmethod
    def from_object_info(cls, data: object) -> NodeTable:
        """Read a live `/object_info`, with combos in the old style `[[...], {...}]` and the new `["COMBO", {...}]`."""
        return cls._read(data, _live_input)

    @classmethod
    def from_json(cls, data: object) -> NodeTable:
        """Read either form; they differ in how an input is written."""
        for entry in read_object(data).values():
            sections = read_object(read_object(entry).get("input"))
            for section in ("required", "optional"):
                for spec in read_object(sections.get(section)).values():
                    return cls.from_trimmed(data) if isinstance(spec, dict) else cls.from_object_info(data)
        return cls.from_trimmed(data)

    @classmethod
    def _read(cls, data: object, read_input: ReadInput) -> NodeTable:
        if not isinstance(data, dict):
            raise TableError(f"a table of nodes is a JSON object of classes by name, not {type(data).__name__}")
        classes: dict[str, NodeClass] = {}
        unreadable: dict[str, str] = {}
        for name, entry in data.items():
            try:
                classes[name] = _node_class(name, entry, read_input)
            except TableError as e:
                unreadable[name] = str(e)  # one strange class must not hide the others
        return cls(classes, unreadable)

    @classmethod
    def merge(cls, tables: Iterable[NodeTable]) -> NodeTable:
        """Return all classes of all tables; where two know a class, the later one's is taken."""
        classes: dict[str, NodeClass] = {}
        unreadable: dict[str, str] = {}
        for table in tables:
            classes.update(table.classes)
            unreadable.update(table.unreadable)
        return cls(classes, unreadable)

    @classmethod
    def for_chunk(cls, tables: Mapping[str, NodeTable], first: str | None, named: Collection[str] = ()) -> NodeTable:
        """Return all tables by name, merged; the classes of the one named `first` stand over those of all others.

        Those that chunks name (`named`) come before all others, since they are there for these chunks: they change
        nothing for a chunk that does not name them.
        """
        own = [table for name, table in tables.items() if name in named]
        others = [table for name, table in tables.items() if name not in named]
        over = [tables[first]] if first is not None and first in tables else []
        return cls.merge([*own, *others, *over])

    def to_trimmed(self) -> dict[str, TrimmedClass]:
        return {name: entry.to_trimmed() for name, entry in sorted(self.classes.items())}


def is_model_file(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.lower().endswith(MODEL_SUFFIXES)


def types_fit(given: str, wanted: str) -> bool:
    """Tell whether an output of one type may be linked to an input of another, as ComfyUI decides it.

    A type may be several ("INT,FLOAT"); "*" fits everything, and so do the types that newer versions of ComfyUI
    work out from the graph ("COMFY_MATCHTYPE_V3").
    """
    for name in (given, wanted):
        if name in ("*", "") or name.startswith("COMFY_"):
            return True
    return not {part.strip() for part in given.split(",")}.isdisjoint(part.strip() for part in wanted.split(","))


def _node_class(name: str, entry: Json, read_input: ReadInput) -> NodeClass:
    entry = _object(entry, "the class")
    sections = _object(entry.get("input"), "input")
    inputs = {
        key: read_input(key, spec, section == "required")
        for section in ("required", "optional")
        for key, spec in _object(sections.get(section) or {}, section).items()
    }
    slots = entry.get("output", ())
    if not isinstance(slots, list | tuple | None):
        raise TableError(f"output is a {type(slots).__name__}, not a list")
    output = tuple(kind if isinstance(kind, str) else "COMBO" for kind in slots or ())
    names, hidden = read_list(entry.get("output_name")), sections.get("hidden")
    return NodeClass(
        name=name,
        inputs=inputs,
        output=output,
        output_name=tuple(map(str, names)) or output,
        output_node=bool(entry.get("output_node")),
        category=read_text(entry.get("category")),
        hidden=tuple(map(str, hidden)) if isinstance(hidden, dict | list) else (),
    )


def _object(value: Json, what: str) -> JsonObject:
    if not isinstance(value, dict):
        raise TableError(f"{what} is a {type(value).__name__}, not an object")
    return value


def _finite_options(attributes: JsonObject) -> JsonObject:
    """Return a bound without an end is none, and NaN is no default: no file of ours could hold them."""
    kept = {key: attributes[key] for key in (*KEPT, *UPLOADS) if key in attributes and attributes[key] is not None}
    return {key: value for key, value in kept.items() if not isinstance(value, float) or math.isfinite(value)}


def _finite(options: Json) -> tuple[Json, ...]:
    return tuple(each for each in read_list(options) if not isinstance(each, float) or math.isfinite(each))


def _trimmed_input(name: str, spec: Json, required: bool) -> NodeInput:
    spec = _object(spec, f"input {name}")
    return NodeInput(
        name, _type(name, spec.get("type")), required, _finite(spec.get("options")) or None, _finite_options(spec)
    )


def _live_input(name: str, spec: Json, required: bool) -> NodeInput:
    if not isinstance(spec, list | tuple) or not spec:
        raise TableError(f"input {name} is a {type(spec).__name__}, not a list that begins with its type")
    kind, attributes = spec[0], read_object(spec[1]) if len(spec) > 1 else {}
    if isinstance(kind, list):
        return NodeInput(name, "COMBO", required, _finite(kind), _finite_options(attributes))
    # A remote combo is filled by the browser.
    listed = _finite(attributes.get("options")) if kind == "COMBO" and not attributes.get("remote") else None
    return NodeInput(name, _type(name, kind), required, listed, _finite_options(attributes))


def _type(name: str, kind: Json) -> str:
    if not isinstance(kind, str):
        raise TableError(f"input {name} has a type of the kind {type(kind).__name__}")
    return kind


ReadInput = Callable[[str, Json, bool], NodeInput]
