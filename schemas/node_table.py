"""Tables of node classes: what a backend can run, read from `/object_info` or from our own trimmed form."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# What of an input's attributes decides whether a value fits; the rest (tooltips, display hints) is left out.
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


class TableError(ValueError):
    """What should be a table of node classes has another shape."""


@dataclass(frozen=True)
class NodeInput:
    """One input of a node class. `options` is None where any value of the type fits, and () where none is there."""

    name: str
    type: str
    required: bool = True
    options: tuple[Any, ...] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def min(self) -> float | None:
        return self.attributes.get("min")

    @property
    def max(self) -> float | None:
        return self.attributes.get("max")

    @property
    def upload(self) -> bool:
        """Whether the value names an uploaded file, which a list of options made earlier cannot know."""
        return any(self.attributes.get(key) for key in UPLOADS)

    @property
    def is_model(self) -> bool:
        """Whether the value names a model file: by the input's name, or because it is offered only such files."""
        if self.type != "COMBO" or self.upload:
            return False
        offered = self.options or ()
        return self.name in MODEL_INPUTS or (bool(offered) and all(is_model_file(option) for option in offered))

    def to_trimmed(self) -> dict[str, Any]:
        """A table is about classes, not about one machine: what lies in its folders is left out."""
        spec: dict[str, Any] = {"type": self.type, **self.attributes}
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

    def to_trimmed(self) -> dict[str, Any]:
        sections: dict[str, Any] = {"required": {}}
        for entry in self.inputs.values():
            sections.setdefault("required" if entry.required else "optional", {})[entry.name] = entry.to_trimmed()
        if self.hidden:
            sections["hidden"] = list(self.hidden)
        return {
            "category": self.category,
            "output_node": self.output_node,
            "output": list(self.output),
            "output_name": list(self.output_name),
            "input": sections,
        }


@dataclass(frozen=True)
class NodeTable:
    """The node classes that one backend, or one set of definitions, knows.

    `unreadable` tells, by class_type, why an entry of `/object_info` could not be read; such a class is not there.
    """

    classes: Mapping[str, NodeClass]
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_trimmed(cls, data: Any) -> NodeTable:
        """Reads our own form; an empty list of options means any string. TableError if the shape is another."""
        return cls._read(data, _trimmed_input)

    @classmethod
    def from_object_info(cls, data: Any) -> NodeTable:
        """Reads a live `/object_info`, with combos in the old style `[[...], {...}]` and the new `["COMBO", {...}]`."""
        return cls._read(data, _live_input)

    @classmethod
    def from_json(cls, data: Any) -> NodeTable:
        """Reads either form; they differ in how an input is written."""
        for entry in data.values() if isinstance(data, Mapping) else ():
            found = entry.get("input") if isinstance(entry, Mapping) else None
            sections: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
            for section in ("required", "optional"):
                inputs = sections.get(section)
                for spec in inputs.values() if isinstance(inputs, Mapping) else ():
                    return cls.from_trimmed(data) if isinstance(spec, Mapping) else cls.from_object_info(data)
        return cls.from_trimmed(data)

    @classmethod
    def _read(cls, data: Any, read_input: Any) -> NodeTable:
        if not isinstance(data, Mapping):
            raise TableError(f"a table of nodes is a JSON object of classes by name, not {type(data).__name__}")
        classes: dict[str, NodeClass] = {}
        unreadable: dict[str, str] = {}
        for name, entry in data.items():
            try:
                classes[name] = _node_class(name, entry, read_input)
            except (TypeError, ValueError, KeyError, IndexError, AttributeError) as e:
                unreadable[name] = f"{type(e).__name__}: {e}"  # one strange class must not hide the others
        return cls(classes, unreadable)

    @classmethod
    def merged(cls, tables: Iterable[NodeTable]) -> NodeTable:
        """All classes of all tables; where two know a class, the later one's is taken."""
        classes: dict[str, NodeClass] = {}
        unreadable: dict[str, str] = {}
        for table in tables:
            classes.update(table.classes)
            unreadable.update(table.unreadable)
        return cls(classes, unreadable)

    @classmethod
    def for_chunk(cls, tables: Mapping[str, NodeTable], first: str | None, named: Collection[str] = ()) -> NodeTable:
        """All tables by name, merged; the classes of the one named `first` stand over those of all others.

        Those that chunks name (`named`) come before all others, since they are there for these chunks: they change
        nothing for a chunk that does not name them.
        """
        own = [table for name, table in tables.items() if name in named]
        others = [table for name, table in tables.items() if name not in named]
        over = [tables[first]] if first is not None and first in tables else []
        return cls.merged([*own, *others, *over])

    def to_trimmed(self) -> dict[str, Any]:
        return {name: entry.to_trimmed() for name, entry in sorted(self.classes.items())}


def is_model_file(value: Any) -> bool:
    return isinstance(value, str) and value.lower().endswith(MODEL_SUFFIXES)


def types_fit(given: str, wanted: str) -> bool:
    """Whether an output of one type may be linked to an input of another, as ComfyUI decides it.

    A type may be several ("INT,FLOAT"); "*" fits everything, and so do the types that newer versions of ComfyUI
    work out from the graph ("COMFY_MATCHTYPE_V3").
    """
    for name in (given, wanted):
        if name in ("*", "") or name.startswith("COMFY_"):
            return True
    return not {part.strip() for part in given.split(",")}.isdisjoint(part.strip() for part in wanted.split(","))


def _node_class(name: str, entry: Mapping[str, Any], read_input: Any) -> NodeClass:
    sections = entry["input"]
    inputs = {
        key: read_input(key, spec, section == "required")
        for section in ("required", "optional")
        for key, spec in (sections.get(section) or {}).items()
    }
    output = tuple(kind if isinstance(kind, str) else "COMBO" for kind in entry["output"] or ())
    return NodeClass(
        name=name,
        inputs=inputs,
        output=output,
        output_name=tuple(map(str, entry.get("output_name") or output)),
        output_node=bool(entry.get("output_node")),
        category=str(entry.get("category") or ""),
        hidden=tuple(sections.get("hidden") or ()),
    )


def _kept(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A bound without an end is none, and NaN is no default: no file of ours could hold them."""
    kept = {key: attributes[key] for key in (*KEPT, *UPLOADS) if key in attributes and attributes[key] is not None}
    return {key: value for key, value in kept.items() if not isinstance(value, float) or math.isfinite(value)}


def _finite(options: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(option for option in options if not isinstance(option, float) or math.isfinite(option))


def _trimmed_input(name: str, spec: Mapping[str, Any], required: bool) -> NodeInput:
    options = _finite(spec.get("options") or ()) or None
    return NodeInput(name, spec["type"], required, options, _kept(spec))


def _live_input(name: str, spec: Any, required: bool) -> NodeInput:
    kind, attributes = spec[0], spec[1] if len(spec) > 1 else {}
    options: tuple[Any, ...] | None = None
    if isinstance(kind, list):
        kind, options = "COMBO", _finite(kind)
    elif kind == "COMBO" and not attributes.get("remote"):  # a remote combo is filled by the browser
        options = _finite(attributes.get("options") or ())
    if not isinstance(kind, str):
        raise TableError(f"input {name} has a type of the kind {type(kind).__name__}")
    return NodeInput(name, kind, required, options, _kept(attributes))
