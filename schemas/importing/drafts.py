"""A graph made into definitions: the chunk, the output config, the graph, and the node classes they need."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from schemas.graph import Graph
from schemas.importing import words
from schemas.importing.documents import ChunkDocument, ConfigDocument, ModelDocument, OutputDocument, ParameterDocument
from schemas.importing.form import (
    Form,
    ImportRefused,
    absent_classes_error,
    clean_graph,
    detect_form,
    refuse_excess,
    shorten,
    unwrap,
)
from schemas.importing.proposals import Proposal, is_model, propose
from schemas.importing.saves import (
    SEVERAL,
    SavedFiles,
    add_saves,
    drop_broken_branches,
    saved_format,
    saves_of,
    silent_nodes,
)
from schemas.importing.ui import convert
from schemas.importing.yaml_text import yaml_text
from schemas.json_values import Json, JsonObject
from schemas.limits import OUTPUTS, PARAMETERS
from schemas.model import NAME_PATTERN, Role
from schemas.node_table import NodeTable

TIMEOUTS_S = {"audio": 1800, "image": 1800, "video": 7200, "file": 1800}


@dataclass(frozen=True)
class Draft:
    """Definitions that are not written yet.

    Attributes:
        name: of the chunk, the output config, the graph and the table of its classes alike.
        form: which form the graph had, `api` or `ui`.
        graph: in API form.
        chunk: as it is written, and `config` as well.
        table: the classes that the graph needs, without what one machine has of models and files.
        warnings: the parts that could not be imported unchanged.
    """

    name: str
    form: Form
    graph: Graph
    chunk: ChunkDocument
    config: ConfigDocument
    table: NodeTable
    warnings: tuple[str, ...]

    def files(self, origin: str, known: NodeTable) -> dict[str, str]:
        """Return each file's text by its place in a definitions folder; the table has the classes not in `known`."""
        head = f"Imported from {origin}."
        new = {name: entry for name, entry in self.table.classes.items() if name not in known.classes}
        texts = {
            f"chunks/{self.name}.yaml": yaml_text(self.chunk, head=head),
            f"configs/output/{self.name}.yaml": yaml_text(self.config, head=head),
            f"graphs/{self.name}.json": json.dumps(self.graph, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        }
        if new:
            rows = (
                f"{json.dumps(name)}: {json.dumps(c.to_trimmed(), allow_nan=False)}" for name, c in sorted(new.items())
            )
            texts[f"tables/{self.name}.json"] = "{\n" + ",\n".join(rows) + "\n}\n"
        return texts


def name_from(text: str) -> str:
    """Return a definition's name from any text, such as a file's name."""
    return re.sub(r"[^a-z0-9_]+", "_", text.casefold()).strip("_")[:60] or "imported"


def draft(content: JsonObject, table: NodeTable, *, name: str, pipelines: Sequence[str]) -> Draft:
    """Make definitions from a graph in either form.

    Args:
        content: the graph as exported, or as it lies under `prompt` or `workflow`.
        table: every node class that is known.
        name: of the new definitions.
        pipelines: the names of those that there are.

    Raises:
        ImportRefused: with every absent class, or every reason.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise ImportRefused(f"{name!r} is no name: small letters, digits, _ and - are allowed")
    content = unwrap(content)
    form = detect_form(content)
    table = NodeTable.from_json(table.to_trimmed())  # of the classes, not of one machine's models
    models = _saved_folders(content)
    if form == "ui":
        graph, warnings = convert(content, table)
        graph, warnings_of_saves = add_saves(graph, table)
        graph, left_out = drop_broken_branches(graph, table)
        warnings += warnings_of_saves + left_out
    else:
        graph = clean_graph(content)
        absent = [node["class_type"] for node in graph.values() if node["class_type"] not in table.classes]
        if absent:
            raise absent_classes_error(absent)
        graph, warnings = add_saves(graph, table)
    outputs = _outputs(graph, table)
    proposed = propose(graph, table)
    if len(proposed) > PARAMETERS:
        warnings.append(
            f"{len(proposed) - PARAMETERS} values could be parameters, too; they stay as the graph has them"
        )
    chunk = _chunk(name, dict(islice(proposed.items(), PARAMETERS)), _models(graph, table, models), outputs)
    config = _config(name, chunk, pipelines)
    used = {node["class_type"]: table.classes[node["class_type"]] for node in graph.values()}
    return Draft(name, form, graph, chunk, config, NodeTable(used), shorten(warnings))


def _saved_folders(content: JsonObject) -> dict[str, str]:
    """Return the folder of each model file, where the saved graph tells it."""
    folders: dict[str, str] = {}
    pending: list[Json] = [content]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            name, folder = value.get("name"), value.get("directory")
            if isinstance(name, str) and isinstance(folder, str) and folder:
                folders[name] = folder
            pending += value.values()
    return folders


def _chunk(
    name: str, proposed: Mapping[str, Proposal], models: list[ModelDocument], outputs: list[OutputDocument]
) -> ChunkDocument:
    words_of_name = name.replace("_", " ").replace("-", " ")
    content: ChunkDocument = {
        "kind": "graph",
        "description": {"en": f"The graph {words_of_name}, imported.", "de": f"Der Graph {words_of_name}, importiert."},
        "graph": name,
    }
    if proposed:
        content["parameters"] = {key: _parameter(proposal) for key, proposal in proposed.items()}
    if models:
        content["models"] = models
    content["outputs"] = outputs
    return content


def _parameter(proposal: Proposal) -> ParameterDocument:
    where = ", ".join(proposal.titles[:3]) + (" ..." if len(proposal.titles) > 3 else "")
    content: ParameterDocument = {"type": proposal.type}
    if proposal.word.unit and proposal.type in ("int", "float"):
        content["unit"] = proposal.word.unit
    if proposal.min is not None:
        content["min"] = proposal.min
    if proposal.max is not None:
        content["max"] = proposal.max
    if proposal.step is not None:
        content["step"] = proposal.step
    if proposal.choices:
        content["choices"] = [*proposal.choices]
    if proposal.value is not None:
        content["default"] = proposal.value
    content["description"] = {"en": f"{proposal.word.en} ({where}).", "de": f"{proposal.word.de} ({where})."}
    content["sets"] = [f"{node}.{name}" for node, name in proposal.sets]
    return content


def _models(graph: Graph, table: NodeTable, saved_folders: Mapping[str, str]) -> list[ModelDocument]:
    models: list[ModelDocument] = []
    for node_id, node in graph.items():
        for name, value in node["inputs"].items():
            node_input = table.classes[node["class_type"]].inputs.get(name)
            if node_input is None or not isinstance(value, str) or not is_model(node_input, value):
                continue
            folder = (
                saved_folders.get(value)
                or words.CLASS_FOLDERS.get(node["class_type"])
                or words.FOLDERS.get(name)
                or name.removesuffix("_name")
            )
            models.append({"node": node_id, "input": name, "file": value, "folder": folder})
    return models


def _outputs(graph: Graph, table: NodeTable) -> list[OutputDocument]:
    """Return every save node; the main one is a sound or a video if there is one, since pictures are often steps."""
    saves = saves_of(graph, table)
    refuse_excess(OUTPUTS, len(saves))
    made = [(node_id, *saved_format(graph[node_id], graph, table)) for node_id in saves]
    order = ("audio", "video", "image", "file")
    if any(media == "video" for _, media, _ in made):
        order = ("video", "audio", "image", "file")
    main, main_media, _ = min(made, key=lambda output: order.index(output[1]))
    outputs: list[OutputDocument] = []
    silent = silent_nodes(graph, table)
    for node_id, media, ending in made:
        role: Role = "main" if node_id == main else "take" if media == main_media else "data"
        entry: OutputDocument = {"node": node_id, "media": media, "format": ending, "role": role}
        if node_id != main:
            entry["name"] = f"output_{name_from(node_id)}"
        if node_id in silent:
            entry["verify"] = {"silence": "allow"}
        key, others = SEVERAL.get(graph[node_id]["class_type"], ("", ()))
        if key:
            entry["key"] = key
        outputs.append(entry)
        outputs += [_other_output(entry, files) for files in others]
    return outputs


def _other_output(entry: OutputDocument, files: SavedFiles) -> OutputDocument:
    """Return a further output of the node that `entry` is an output of."""
    output: OutputDocument = {
        "node": entry["node"],
        "key": files.key,
        "media": files.media,
        "format": files.format,
        "role": files.role,
    }
    if files.optional:
        output["optional"] = True
    if "name" in entry:
        output["name"] = entry["name"]
    return output


def _config(name: str, chunk: ChunkDocument, pipelines: Sequence[str]) -> ConfigDocument:
    media = next(entry["media"] for entry in chunk["outputs"] if entry["role"] == "main")
    label = name.replace("_", " ").replace("-", " ").strip().capitalize()
    wanted = [f"text_to_{media}", "text_to_audio", *pipelines]
    prompt = chunk.get("parameters", {}).get("prompt")
    values = {"prompt": "${text}"} if prompt is not None and prompt["type"] == "text" else {}
    made = {"audio": ("A sound", "Ton"), "video": ("A video", "Ein Video"), "image": ("A picture", "Ein Bild")}
    en, de = made.get(media, ("A file", "Eine Datei"))
    return {
        "label": {"en": label, "de": label},
        "description": {
            "en": f"{en} by the imported graph {label}, on a ComfyUI that has its nodes and models.",
            "de": f"{de} mit dem importierten Graphen {label}, auf einem ComfyUI, das seine Knoten und Modelle hat.",
        },
        "pipeline": next(pipeline for pipeline in wanted if pipeline in pipelines or not pipelines),
        "chunk": name,
        "values": values,
        "run_timeout_s": TIMEOUTS_S[media],
    }
