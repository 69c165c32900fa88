"""The reading of a text, field by field, before anything is made of it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema, create_model

from devserver.briefs.briefing import brief_value_error
from devserver.briefs.understanding import UnderstoodBrief, understand
from devserver.llm.ask import Models
from devserver.nodes.prompting.brief import BadValue, BriefValues, Origin, Span
from devserver.nodes.prompting.complete import parse_text
from my_app.views.route import Route
from my_app.views.shapes import Remark, Shown
from my_app.views.signature import JsonObject
from my_app.views.threads import Threads

MAX_TEXT_CHARACTERS: Final = 10_000
TEXT: Final = "A high-energy drum and bass track at 174 bpm with a heavy reese bass"

Place = Annotated[Span, Field(description="[start, end) in characters (Unicode code points) of the text")]


def _check_locked(values: Any) -> BriefValues:
    try:
        return BriefValues.parse(values or {})
    except BadValue as error:
        raise brief_value_error(error, "locked") from error


class ParseRequest(BaseModel):
    """The body of `POST /api/prompt/parse`."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"text": TEXT, "locked": {"key": "A minor"}}]}
    )

    text: str = Field(max_length=MAX_TEXT_CHARACTERS)
    locked: Annotated[BriefValues | None, BeforeValidator(_check_locked)] = Field(
        None, description="Values that stay, whatever the text says."
    )
    llm: bool = Field(False, description="Ask a language model for the open fields.")
    execution_mode: Literal["eco", "fast"] = Field("eco", description="fast: also a remote model.")


class Reading(Shown):
    """A field's value with its place in the text, its confidence and its origin."""

    value: Any
    span: Place | None
    confidence: float = Field(ge=0, le=1)
    origin: Origin
    spans: list[Place | None] = Field([], description="of the items of a list")


class Unmatched(Shown):
    """A word of the text that the parser does not know."""

    word: str
    span: Place


class Conflict(Shown):
    """Fields that contradict each other."""

    fields: list[str]
    message: str


def _reading(name: str, value: Any) -> Any:
    """Return the type of a field of the brief: null where the text leaves it open."""
    as_it_is = Annotated[Any, WithJsonSchema(TypeAdapter(value).json_schema())]
    return create_model(f"{name.title().replace('_', '')}Reading", __base__=Reading, value=(as_it_is, ...)) | None


READINGS: Final[dict[str, Any]] = {
    name: (_reading(name, about.annotation), ...) for name, about in BriefValues.model_fields.items()
}
Brief = create_model("Brief", __base__=Shown, **READINGS)


class Parse(Shown):
    """The reading of a text."""

    brief: Brief
    unmatched: list[Unmatched]
    conflicts: list[Conflict]
    notes: list[str] = Field(description="Substitutions, and words that have no effect.")
    llm: JsonObject | None = Field(description="The language model that helped, where one did.")
    warnings: list[Remark]


async def parse(threads: Threads, models: Models, body: ParseRequest) -> Parse:
    """Read what a text asks for into a brief: no model, no network, the same answer for the same text.

    The text is English or German. With `llm` a language model that has the step `brief` fills what the words leave
    open; what goes wrong with it is among the `warnings`, and `execution_mode` `fast` allows remote ones.

    `origin` says where a value is from: `user` (in so many words in the text, or locked), `parsed` (concluded from its
    words), `llm`, or `genre default`. `span` counts in characters (Unicode code points) of the text.
    """
    locked = body.locked or BriefValues()
    if body.llm:
        found = await understand(body.text, locked, models, remote=body.execution_mode == "fast")
    else:
        found = UnderstoodBrief(await threads.run(parse_text, body.text, locked))
    return Parse.model_validate(found.as_json())


ROUTES: Final = (Route("POST", "/api/prompt/parse", parse, "prompt", missing_status=400, stability="experimental"),)
