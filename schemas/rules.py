"""The rules between definitions: a chunk against its graph and the node tables, a config against its chunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from schemas.compiler import MARK
from schemas.errors import ParameterError, hint
from schemas.graph import Graph
from schemas.json_values import Json
from schemas.known import Definitions
from schemas.model import (
    GraphChunk,
    Media,
    Output,
    OutputConfig,
    Parameter,
    Target,
)
from schemas.node_table import NodeInput, NodeTable
from schemas.sources import FieldPath
from schemas.values import PLACEHOLDERS, is_random

Finding = tuple[FieldPath, str]
PREFIX_INPUT = "filename_prefix"
# The format of each of ComfyUI's own save nodes. A class that is not here may write any format.
SAVES: Mapping[str, tuple[Media, str]] = {
    "SaveAudio": ("audio", "flac"),
    "SaveAudioMP3": ("audio", "mp3"),
    "SaveAudioOpus": ("audio", "opus"),
    "SaveImage": ("image", "png"),
    "SaveAnimatedPNG": ("image", "png"),
    "SaveAnimatedWEBP": ("image", "webp"),
    "SaveVideo": ("video", "mp4"),
    "SaveWEBM": ("video", "webm"),
}
WIDGET_TYPES: Mapping[str, tuple[str, ...]] = {
    "string": ("STRING", "COMBO"),
    "text": ("STRING",),
    "int": ("INT", "FLOAT"),
    "float": ("FLOAT",),
    "bool": ("BOOLEAN",),
    "choice": ("COMBO", "STRING", "INT", "FLOAT"),
    "seed": ("INT",),
    "file": ("COMBO", "STRING"),
}


def placeholder_findings(content: Json, kind: str, path: FieldPath = ()) -> Iterator[Finding]:
    """Find wrong `${`: only whole values of an output config or a stage may be placeholders, and known ones."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from placeholder_findings(value, kind, (*path, str(key)))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from placeholder_findings(value, kind, (*path, index))
    elif isinstance(content, str) and "${" in content:
        place = {"output": path[:1], "pipeline": path[2:3]}.get(kind)
        if not (place == ("values",) and content in PLACEHOLDERS):
            known = " or ".join(PLACEHOLDERS)
            allowed = f"only a whole value of an output config or of a stage may be {known}"
            yield path, f"unresolved placeholder in {content!r}; {allowed}"


def mark_findings(graph: Graph) -> Iterator[Finding]:
    """Find values that would read as a mark of the compiler's own."""
    for node_id, node in graph.items():
        for name, value in node["inputs"].items():
            if isinstance(value, str) and MARK.match(value):
                yield (node_id, "inputs", name), f"{value!r} looks like the mark of an input file; use another value"


def chunk_findings(chunk: GraphChunk, definitions: Definitions) -> Iterator[Finding]:
    graph = definitions.graphs.get(chunk.graph)
    if graph is None:
        message = definitions.describe_unknown("graph", chunk.graph, definitions.graphs)
        if message:
            yield ("graph",), message
        return
    if chunk.table is not None and chunk.table not in definitions.tables:
        yield ("table",), f"there is no table named {chunk.table}; {hint(chunk.table, definitions.tables)}"
    table = NodeTable.for_chunk(definitions.tables, chunk.table, definitions.named_tables)
    setters: dict[tuple[str, str], str] = {}
    yield from _model_findings(chunk, graph, table, setters)
    for name, parameter in chunk.parameters.items():
        for index, target in enumerate(parameter.sets):
            path: FieldPath = ("parameters", name, "sets", index)
            if twice := _bound_twice(target, f"parameter {name}", setters):
                yield path, twice
            else:
                yield from _target_findings(parameter, target, path, graph, table)
    yield from _undeclared_models(graph, setters, table)
    yield from _output_findings(chunk, graph, table)


def _model_findings(
    chunk: GraphChunk, graph: Graph, table: NodeTable, setters: dict[tuple[str, str], str]
) -> Iterator[Finding]:
    for index, model in enumerate(chunk.models):
        path: FieldPath = ("models", index)
        target = Target(node=model.node, input=model.input)
        if twice := _bound_twice(target, "the model", setters):
            yield path, twice
        node_input, message = _find_input(target, graph, table)
        if message:
            yield path, message
        elif node_input and node_input.type not in ("COMBO", "STRING"):
            yield path, f"{model.node}.{model.input} takes {node_input.type}, not the name of a model"


def _bound_twice(target: Target, who: str, setters: dict[tuple[str, str], str]) -> str:
    key = (target.node, target.input)
    if key in setters:
        return f"{target.node}.{target.input} is already set by {setters[key]}"
    setters[key] = who
    return ""


def _find_input(target: Target, graph: Graph, table: NodeTable) -> tuple[NodeInput | None, str]:
    """Return the node input that a target names, or its fault; (None, "") where the graph is reported itself."""
    node = graph.get(target.node)
    if node is None:
        return None, f"node {target.node} is not in the graph; {hint(target.node, graph)}"
    node_class = table.classes.get(node["class_type"])
    if node_class is None:
        return None, ""
    node_input = node_class.inputs.get(target.input)
    if node_input is None:
        inputs = hint(target.input, node_class.inputs)
        return None, f"node {target.node} ({node_class.name}) has no input {target.input}; {inputs}"
    if isinstance(node["inputs"].get(target.input), list):
        return None, f"{target.node}.{target.input} is linked to another node in the graph"
    return node_input, ""


def _target_findings(
    parameter: Parameter, target: Target, path: FieldPath, graph: Graph, table: NodeTable
) -> Iterator[Finding]:
    where = f"{target.node}.{target.input}"
    if target.input == PREFIX_INPUT:
        yield path, f"{where} is set for every run and cannot be a parameter"
        return
    node_input, message = _find_input(target, graph, table)
    if node_input is None:
        if message:
            yield path, message
        return
    kinds = [
        kind for kind in WIDGET_TYPES[parameter.type] if kind in node_input.type.split(",") or node_input.type == "*"
    ]
    if not kinds:
        yield path, f"{where} takes {node_input.type}, which a parameter of type {parameter.type} cannot set"
    elif "COMBO" in kinds and node_input.options is not None and not node_input.upload:
        if parameter.type != "choice":
            yield path, f"{where} takes one of {len(node_input.options)} names: the parameter must be of type choice"
        for choice in (parameter.writes.get(str(choice), choice) for choice in parameter.choices):
            if choice not in node_input.options:
                at = ("parameters", parameter.name, "choices")
                yield at, f"{where} does not take {choice!r}; {hint(choice, node_input.options)}"
    elif kinds[0] in ("INT", "FLOAT"):
        yield from _range_findings(parameter, node_input, where)


def _range_findings(parameter: Parameter, node_input: NodeInput, where: str) -> Iterator[Finding]:
    """Yield every value that the parameter allows must be one that the node takes."""
    low: float | None = parameter.min
    high: float | None = parameter.max
    if parameter.type == "seed":
        low, high = parameter.rule.seed_range
    choices = [parameter.writes.get(str(choice), choice) for choice in parameter.choices]
    for choice in choices:
        if isinstance(choice, str):
            yield ("parameters", parameter.name, "choices"), f"{where} takes {node_input.type}, not {choice!r}"
            return
    if choices:
        low, high = min(map(float, choices)), max(map(float, choices))
    field = "choices" if parameter.choices else None
    if low is not None and node_input.min is not None and low < node_input.min:
        yield ("parameters", parameter.name, field or "min"), f"{low} is below the {node_input.min} that {where} allows"
    if high is not None and node_input.max is not None and high > node_input.max:
        yield (
            ("parameters", parameter.name, field or "max"),
            f"{high} is above the {node_input.max} that {where} allows",
        )


def _undeclared_models(graph: Graph, setters: Mapping[tuple[str, str], str], table: NodeTable) -> Iterator[Finding]:
    for node_id, node in graph.items():
        node_class = table.classes.get(node["class_type"])
        for name in node["inputs"] if node_class else ():
            node_input = node_class.inputs.get(name) if node_class else None
            if node_input and node_input.is_model and (node_id, name) not in setters:
                yield ("models",), f"the graph loads a model at {node_id}.{name}, which is not listed here"


def _output_findings(chunk: GraphChunk, graph: Graph, table: NodeTable) -> Iterator[Finding]:
    seen: set[tuple[str, str | None]] = set()
    for index, output in enumerate(chunk.outputs):
        path: FieldPath = ("outputs", index)
        if (output.role, output.name) in seen:
            yield path, f"another output has the role {output.role} and the same name; give each a name of its own"
        seen.add((output.role, output.name))
        yield from _format_findings(chunk, output, path)
        yield from _save_findings(output, path, graph, table)
    if sum(output.role == "main" for output in chunk.outputs) > 1:
        yield ("outputs",), "only one output can have the role main"
    nodes = {output.node for output in chunk.outputs}
    places = Counter((output.node, output.key or "") for output in chunk.outputs)
    for node_id, key in sorted(place for place, times in places.items() if times > 1):
        named = f"the result {key} of node {node_id}" if key else f"node {node_id}"
        yield ("outputs",), f"{named} is listed twice"
    for node_id, node in graph.items():
        node_class = table.classes.get(node["class_type"])
        if node_class and node_class.output_node and PREFIX_INPUT in node_class.inputs and node_id not in nodes:
            yield ("outputs",), f"node {node_id} ({node_class.name}) writes a file that is not listed here"


def _format_findings(chunk: GraphChunk, output: Output, path: FieldPath) -> Iterator[Finding]:
    """Yield a format that a parameter chooses: each of its choices is the extension of a file."""
    name = output.format_parameter
    if name is None:
        return
    parameter = chunk.parameters.get(name)
    if parameter is None:
        yield (*path, "format"), f"there is no parameter {name}; {hint(name, chunk.parameters)}"
    elif parameter.type != "choice":
        yield (*path, "format"), f"parameter {name} is of type {parameter.type}; a format is a choice"
    else:
        for choice in parameter.choices:
            if not (isinstance(choice, str) and choice.isalnum() and choice.islower()):
                yield ("parameters", name, "choices"), f"{choice!r} is no format: it is not a file's extension"


def _save_findings(output: Output, path: FieldPath, graph: Graph, table: NodeTable) -> Iterator[Finding]:
    node = graph.get(output.node)
    if node is None:
        yield (*path, "node"), f"node {output.node} is not in the graph; {hint(output.node, graph)}"
        return
    class_type = node["class_type"]
    node_class = table.classes.get(class_type)
    if node_class and not (node_class.output_node and PREFIX_INPUT in node_class.inputs):
        yield (*path, "node"), f"node {output.node} ({class_type}) is not an output node with a {PREFIX_INPUT}"
        return
    media, made = SAVES.get(class_type, (output.media, output.format))
    if output.format != made:
        yield (*path, "format"), f"node {output.node} ({class_type}) writes {made}, not {output.format}"
    if output.media != media:
        yield (*path, "media"), f"node {output.node} ({class_type}) writes {media}, not {output.media}"


def output_findings(config: OutputConfig, definitions: Definitions) -> Iterator[Finding]:
    message = definitions.describe_unknown("pipeline", config.pipeline, definitions.pipelines)
    if message:
        yield ("pipeline",), message
    elif config.pipeline in definitions.pipelines and definitions.pipelines[config.pipeline].output_stage is None:
        yield ("pipeline",), f"{config.pipeline} has no stage with the chunk $output, which runs an output config"
    places: list[tuple[FieldPath, str]] = [(("chunk",), config.chunk)]
    places += [(("variants", index), name) for index, name in enumerate(config.variants)]
    for place, name in places:
        yield from _maker_findings(config, name, place, definitions)
    yield from _fallback_findings(config, definitions)


def _maker_findings(config: OutputConfig, name: str, place: FieldPath, definitions: Definitions) -> Iterator[Finding]:
    """Yield a chunk that a config names: it makes the config's media and takes all of its values and presets."""
    message = definitions.describe_unknown("chunk", name, definitions.chunks)
    if message:
        yield place, message
    chunk = definitions.chunks.get(name)
    if chunk is None:
        return
    if not isinstance(chunk, GraphChunk) or chunk.main is None:
        yield place, f"chunk {name} has no output with the role main or cover"
        return
    first = definitions.chunks.get(config.chunk)
    wanted = first.main.media if isinstance(first, GraphChunk) and first.main else chunk.main.media
    if chunk.main.media != wanted:
        yield place, f"chunk {name} makes {chunk.main.media}, but {config.chunk} makes {wanted}"
    yield from value_findings(config.values, ("values",), chunk)
    for preset, values in config.presets.items():
        yield from value_findings(values, ("presets", preset), chunk)


def value_findings(values: Mapping[str, Json], place: FieldPath, chunk: GraphChunk) -> Iterator[Finding]:
    for name, value in values.items():
        path: FieldPath = (*place, name)
        parameter = chunk.parameters.get(name)
        if parameter is None:
            yield path, f"chunk {chunk.name} has no parameter {name}; {hint(name, chunk.parameters)}"
        elif isinstance(value, str) and value in PLACEHOLDERS:
            if parameter.type != "text":
                yield path, f"{value} is a text, but parameter {name} is of type {parameter.type}"
        elif isinstance(value, str) and "${" in value:
            continue  # reported as a placeholder
        elif value is None or (parameter.type == "seed" and is_random(value)):
            if parameter.type != "seed":
                yield path, "has no value"
        else:
            try:
                parameter.read(value)
            except ParameterError as e:
                yield path, e.message.removeprefix(f"{name} ")


def _fallback_findings(config: OutputConfig, definitions: Definitions) -> Iterator[Finding]:
    if config.fallback is None:
        return
    message = definitions.describe_unknown_default("output", config.fallback, definitions.outputs)
    if message:
        yield ("fallback",), message
    way = [config.name]
    step = definitions.outputs.get(config.fallback)
    while step is not None and step.name not in way:
        way.append(step.name)
        step = definitions.outputs.get(step.fallback) if step.fallback else None
    if step is not None and step.name == config.name:
        yield ("fallback",), f"the fallbacks run in a circle: {' -> '.join([*way, step.name])}"
    own, other = (_main(name, definitions) for name in (config.name, config.fallback))
    if own and other and own.media != other.media:
        yield ("fallback",), f"{config.fallback} makes {other.media}, but {config.name} makes {own.media}"


def _main(config: str, definitions: Definitions) -> Output | None:
    output = definitions.outputs.get(config)
    chunk = definitions.chunks.get(output.chunk) if output else None
    return chunk.main if isinstance(chunk, GraphChunk) else None
