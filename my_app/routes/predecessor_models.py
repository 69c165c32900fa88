"""The requests and answers of the AI4ArtsEd server's routes, under its names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from devserver.errors import InputError
from devserver.model.answer import Links, MediaOutput, RunMedia
from devserver.model.entity import MediaFacts
from devserver.model.events import RunWarning
from devserver.system.sniff import Medium
from my_app.views.shapes import Count, Shown, State
from my_app.views.signature import JsonObject
from schemas.model import Text
from schemas.values import ParameterValue

LEVELS: Final = {"research": "off"}  # its name for a server that checks nothing
PARAMETERS: Final = ("width", "height", "steps", "cfg", "negative_prompt", "sampler_name", "scheduler", "denoise")
IDLE: Final = "Without effect"


def idle(why: str) -> Any:
    """Return a field that the predecessor had and that does nothing here, with the reason."""
    return Field(None, description=f"{IDLE}: {why}.")


def is_idle(field: FieldInfo) -> bool:
    return (field.description or "").startswith(IDLE)


NO_MEDIA_HERE: Final = "this route makes no media; `execute` takes files as `params`"
OTHER_WORKFLOWS: Final = "it belongs to a workflow of that server"
ONE_TEXT: Final = "the text is always transformed anew"
OWN_LANGUAGE: Final = "the language is read from the text"
NO_DEVICES: Final = "there are no devices here; runs belong to the key's user"


class Taken(BaseModel):
    """A request of the predecessor; null counts as not said, as it did there. What a value may be, `execute` says.

    `NAMES` has our names of its fields where they differ; `params.` leads to a parameter of the output.
    """

    model_config = ConfigDict(extra="forbid")

    NAMES: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, body: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in body.items() if value is not None}

    def as_ours(self) -> dict[str, Any]:
        """Return what the request says, under our names."""
        fields = type(self).model_fields
        said = self.model_dump(exclude_unset=True, by_alias=True)
        unused = {about.alias or name for name, about in fields.items() if is_idle(about)}
        return {self.NAMES.get(name, name): value for name, value in said.items() if name not in unused}

    @contextmanager
    def own_names(self) -> Iterator[None]:
        """Name the field that the client knows where a request is refused."""
        try:
            yield
        except InputError as error:
            error.field = next((theirs for theirs, ours in self.NAMES.items() if ours == error.field), error.field)
            if error.field == "safety_level":
                error.value = next((theirs for theirs, ours in LEVELS.items() if ours == error.value), error.value)
            raise


class InterceptionRequest(Taken):
    """The body of `POST /api/schema/pipeline/interception`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"schema": "haiku", "input_text": "The rain falls on the old harbour, slow and grey."}]
        }
    )

    schema_: Any = Field(alias="schema")
    input_text: Any
    seed: Any = None
    safety_level: Any = None
    execution_mode: Any = None
    enable_streaming: Any = None
    output_config: Any = idle("this route makes no media; `execute` and `generation` make them")
    user_language: Any = idle(OWN_LANGUAGE)
    context_prompt: Any = idle("the schema brings its own instruction")
    context_language: Any = idle(OWN_LANGUAGE)
    user_input: Any = idle("`input_text` is the text")
    stage4_only: Any = idle("every stage of the pipeline runs")
    timestamp: Any = idle("the server has its own clock")
    interception_result: Any = idle(ONE_TEXT)
    optimization_result: Any = idle(ONE_TEXT)
    input_image: Any = idle(NO_MEDIA_HERE)
    input_image1: Any = idle(NO_MEDIA_HERE)
    input_image2: Any = idle(NO_MEDIA_HERE)
    input_image3: Any = idle(NO_MEDIA_HERE)
    alpha_factor: Any = idle(OTHER_WORKFLOWS)
    custom_placeholders: Any = idle(OTHER_WORKFLOWS)
    device_id: Any = idle(NO_DEVICES)
    prompt1: Any = idle(OTHER_WORKFLOWS)
    prompt2: Any = idle(OTHER_WORKFLOWS)
    combination_type: Any = idle(OTHER_WORKFLOWS)
    mode: Any = idle(OTHER_WORKFLOWS)


class GenerationRequest(Taken):
    """The body of `POST /api/schema/pipeline/generation`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"prompt": "slow blues in A minor, piano", "output_config": "procedural_instrumental", "seed": 7}
            ]
        }
    )
    NAMES: ClassVar = {"prompt": "input_text", **{name: f"params.{name}" for name in PARAMETERS}}

    prompt: Any
    output_config: Any
    seed: Any = None
    enable_streaming: Any = None
    width: Any = None
    height: Any = None
    steps: Any = None
    cfg: Any = None
    negative_prompt: Any = None
    sampler_name: Any = None
    scheduler: Any = None
    denoise: Any = None
    run_id: Any = idle("every generation is a run of its own; the answer has its id")
    interception_result: Any = idle("`prompt` is used as it is")
    interception_config: Any = idle("`prompt` is used as it is")
    device_id: Any = idle(NO_DEVICES)


class GeneratedOutput(MediaOutput):
    """A generated output, in the form of `generation`."""

    index: Count
    seed: int | None


class Generated(Shown):
    """The answer of `generation`."""

    status: State
    run_id: str
    links: Links | None = None
    media_output: GeneratedOutput | None = None
    duration_ms: Count = 0
    loras: list[JsonObject] = Field([])
    was_translated: bool = False
    warnings: list[RunWarning] = Field([])


class EntityMetadata(Shown):
    """Facts about a file of a run."""

    media: Medium
    stage: str
    role: str
    bytes: Count
    sha256: str
    mime: str
    facts: MediaFacts | None = None


class NumberedEntity(Shown):
    """A file of a run with its number."""

    sequence: int
    type: str
    filename: str
    metadata: EntityMetadata


class PipelineState(Shown):
    """The state of a run."""

    stage: str
    step: str
    progress: str = Field(pattern=r"^\d+/\d+$")


class PipelineStatus(Shown):
    """The progress of a run: state, files, models."""

    run_id: str
    status: State
    timestamp: str = ""
    config_name: str = ""
    execution_mode: str = ""
    safety_level: str = ""
    user_id: str = ""
    device_id: str | None = None
    expected_outputs: list[str] = Field([])
    current_state: PipelineState
    entities: list[NumberedEntity]
    models_used: dict[str, list[str]] = Field({})


class PipelineEntities(Shown):
    """The files of a run."""

    run_id: str
    entity_count: Count
    entities: list[NumberedEntity]


class MediaInfo(RunMedia):
    """A sound, film or picture of a run; `type` is its medium."""

    type: str


class RunMediaInfo(Shown):
    """The media of a run."""

    run_id: str
    status: State
    media_count: Count
    media: list[MediaInfo]


class MediaPreferences(Shown):
    default_output: str | None = Field(description="the medium that it makes")


class ConfigMeta(Shown):
    """Facts about a config; of an interception there is only its stage."""

    stage: Literal["interception", "output"]
    model: str | None = Field(None, description="the file of its first model")
    gpu_vram_mb: int | None = None
    estimated_duration_seconds: int | float | None = None


class ConfigMetadata(Shown):
    """An interception or an output that can be chosen."""

    id: str
    name: Text
    description: Text
    pipeline: str
    media_preferences: MediaPreferences = Field(MediaPreferences(default_output=None), description="of an output")
    parameters: dict[str, ParameterValue | None] = Field({}, description="of an output, with their defaults")
    meta: ConfigMeta


class ConfigsMetadata(Shown):
    """Everything that can be chosen."""

    configs: list[ConfigMetadata]
