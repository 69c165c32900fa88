"""The JSON Schemas of what the server says. Objects may have more keys than are named here."""

from __future__ import annotations

from typing import Any, Final

TEXT: Final = {"type": "string"}
NAME: Final = {"type": ["string", "null"]}
COUNT: Final = {"type": "integer", "minimum": 0}
SECONDS: Final = {"type": ["number", "null"], "description": "seconds"}
ANYTHING: Final[dict[str, Any]] = {}
STATE: Final = {"type": "string", "enum": ["queued", "running", "success", "failed", "blocked", "cancelled"]}
OBJECT: Final = {"type": "object"}
OBJECTS: Final = {"type": "array", "items": OBJECT}
ETA: Final = {"$ref": "#/components/schemas/Eta"}
PLACE: Final = {"$ref": "#/components/schemas/Place"}
WARNINGS: Final = {"type": "array", "items": {"$ref": "#/components/schemas/Warning"}}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


ERROR: Final = _object(
    "stage code message hint",
    stage={**TEXT, "description": "`request`, or the stage of the run that failed"},
    code={**TEXT, "description": "for programs"},
    message=TEXT,
    hint={**TEXT, "description": "what can be done about it"},
    field={**TEXT, "description": "the field that is to blame, '' where none is"},
    value={"description": "what was sent there"},
    allowed={"description": "what may stand there: a list, or words"},
    details={"type": "object", "description": "of a stage that failed: missing nodes and models, measured values"},
)
LINKS: Final = {"type": "object", "additionalProperties": TEXT, "description": "where to go on with the run"}
MEDIA_OUTPUT: Final = _object(
    "config status url media_type",
    config={**TEXT, "description": "the output config that was asked for"},
    config_used={**NAME, "description": "the one that made it; another one where a fallback was used"},
    variant={**NAME, "description": "the chunk that made it: the config's own, or one of its variants"},
    preset={**NAME, "description": "the preset that was applied; null where none was asked for or the config lacks it"},
    take=COUNT,
    status=TEXT,
    run_id=TEXT,
    url={**NAME, "description": "where the file is; null where none was made"},
    media_type=TEXT,
    media_stored={"type": "boolean"},
    formats={
        "type": "array",
        "items": _object("format url filename", format=TEXT, url=TEXT, filename=TEXT, mime=TEXT, bytes=COUNT),
        "description": "the same sound in the other formats that were asked for",
    },
    execution_time=SECONDS,
    metadata={
        **OBJECT,
        "properties": {"brief": {**OBJECTS, "description": "the parameters that have their values from the words"}},
    },
)
ANSWER: Final = _object(
    "status run_id",
    status=STATE,
    run_id=TEXT,
    links=LINKS,
    schema=TEXT,
    config_name=TEXT,
    input_text=TEXT,
    final_output={"type": ["string", "null"], "description": "the text that the media was made from"},
    steps_completed=COUNT,
    execution_time=SECONDS,
    metadata=OBJECT,
    brief={
        "type": ["object", "null"],
        "description": "what was understood of the text that describes the first output, as POST /api/prompt/parse "
        "answers it, with `fields` for those that have a value; null where none was read",
    },
    media_output={"oneOf": [{"$ref": "#/components/schemas/MediaOutput"}, {"type": "null"}]},
    media_outputs={"type": "array", "items": {"$ref": "#/components/schemas/MediaOutput"}},
    warnings=WARNINGS,
    queue={**PLACE, "description": "where it stands while it is not finished"},
    eta={**ETA, "description": "when it will be done, while it is not"},
)
EVENT: Final = _object(
    "seq run_id stage take attempt at kind data",
    seq={
        "type": ["integer", "null"],
        "description": "grows over the whole server; null for events that are not stored",
    },
    run_id={"type": ["string", "null"], "description": "null for the server's own events"},
    stage=TEXT,
    take=COUNT,
    attempt=COUNT,
    at={"type": "string", "format": "date-time"},
    kind=TEXT,
    data=OBJECT,
)
SHAPES: Final[dict[str, Any]] = {
    "Error": _object("error", error={"$ref": "#/components/schemas/ErrorDetail"}),
    "ErrorDetail": ERROR,
    "Warning": _object("code message", code=TEXT, message=TEXT),
    "MediaOutput": MEDIA_OUTPUT,
    "Answer": ANSWER,
    "FailedAnswer": {
        "allOf": [
            {"$ref": "#/components/schemas/Answer"},
            _object("error", error={"$ref": "#/components/schemas/ErrorDetail"}),
        ]
    },
    "Refused": {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("FailedAnswer", "Generated", "Error")]},
    "Generated": _object(
        "status run_id",
        status=STATE,
        run_id=TEXT,
        links=LINKS,
        media_output={
            **MEDIA_OUTPUT,
            "properties": {**MEDIA_OUTPUT["properties"], "index": COUNT, "seed": {"type": ["integer", "null"]}},
        },
        duration_ms=COUNT,
        loras={"type": "array"},
        was_translated={"type": "boolean"},
        warnings=WARNINGS,
        error={"$ref": "#/components/schemas/ErrorDetail"},
    ),
    "PipelineStatus": _object(
        "run_id status current_state entities",
        run_id=TEXT,
        status=STATE,
        timestamp={"type": "string", "format": "date-time"},
        config_name=TEXT,
        execution_mode=TEXT,
        safety_level=TEXT,
        user_id=TEXT,
        device_id=NAME,
        expected_outputs={"type": "array", "items": TEXT},
        current_state=_object("stage step progress", stage=TEXT, step=TEXT, progress={**TEXT, "pattern": r"^\d+/\d+$"}),
        entities=OBJECTS,
        models_used={"type": "object", "additionalProperties": {"type": "array", "items": TEXT}},
    ),
    "Run": _object(
        "run_id status",
        run_id=TEXT,
        status=STATE,
        links=LINKS,
        stages=OBJECTS,
        entities=OBJECTS,
        queue=PLACE,
        eta=ETA,
    ),
    "Eta": {
        "type": ["object", "null"],
        "description": "From now, learned from what took how long here; null where nothing like it was made yet.",
        "required": ["low_seconds", "high_seconds", "samples"],
        "properties": {
            "low_seconds": {"type": "number", "minimum": 0},
            "high_seconds": {"type": "number", "minimum": 0},
            "samples": {**COUNT, "description": "how many durations the least known part of it rests on"},
        },
    },
    "Place": {
        "type": ["object", "null"],
        "description": "A run's place in the queue of a backend; null where it waits for none.",
        "required": ["backend", "position", "waiting", "paused"],
        "properties": {
            "backend": TEXT,
            "position": {**COUNT, "description": "1 is next; 0 has its turn"},
            "waiting": {**COUNT, "description": "how many wait there"},
            "paused": {"type": "boolean"},
        },
    },
    "RunList": _object("runs", runs={"type": "array", "items": {"$ref": "#/components/schemas/RunLine"}}),
    "RunLine": _object("run_id status", run_id=TEXT, status=STATE, title=TEXT, created_at=TEXT),
    "Cancelled": _object("run_id status", run_id=TEXT, status=TEXT),
    "Event": EVENT,
}
