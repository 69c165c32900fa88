"""A run as others see it: the answer of `execute`, a line of the list, the page of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from pydantic import Field

from devserver.model.entity import Entity, MediaFacts
from devserver.model.events import RunWarning
from devserver.model.failure import Failure, Problem
from devserver.model.kept import Kept
from devserver.model.plan import Applied, MediaStage, Option, Plan
from devserver.model.record import WAITING, Record, option_of
from devserver.model.results import TakeResult
from devserver.model.rows import AttemptRow, PartRow, RunRow, StageRow, TakeRow, seconds_between
from devserver.model.server import QueuePlace, TimeLeft
from schemas.values import RecordedValue

STATUS: Final = {"success": 200, "blocked": 403, "cancelled": 409, "failed": 500}


class Links(Kept):
    """The addresses at which a run goes on."""

    run: str
    answer: str
    events: str
    cancel: str
    rerun: str


class MediaFormat(Kept):
    """The same sound in another format that was asked for."""

    format: str = Field(description="the file's extension")
    url: str
    filename: str
    mime: str
    bytes: int = Field(ge=0)


class StageFile(Kept):
    """A file that a stage made on the way to an output."""

    stage: str
    role: str
    name: str = Field(description="tells files of the same role apart")
    media: str
    url: str
    filename: str
    mime: str
    bytes: int = Field(ge=0)


class OutputMetadata(Kept):
    """An output's config, backend, values and files."""

    prompt_id: str | None = Field(None, description="of the last attempt, at its backend")
    backend: str | None = Field(None, description="of the last attempt")
    attempts: int = Field(ge=0, description="how often a prompt was submitted for it")
    model: str | None = Field(None, description="the file of the first model that was used")
    seed: RecordedValue | None = Field(None, description="null if the chunk has no seed")
    parameters: dict[str, RecordedValue] = Field(description="the value of every parameter")
    brief: list[Applied] = Field(description="the parameters that have their values from the words")
    graph_sha256: str | None = Field(None, description="of the compiled graph")
    filename: str | None = Field(None, description="missing if no file was made")
    facts: MediaFacts | None = Field(None, description="facts from decoding the file")


class MediaOutput(Kept):
    """One take of one output."""

    config: str = Field(description="the output config that was asked for")
    config_used: str | None = Field(description="the one that made it; another one where a fallback was used")
    variant: str | None = Field(description="the chunk that made it: the config's own, or one of its variants")
    preset: str | None = Field(
        description="the preset that was applied; null where none was asked for or the config lacks it"
    )
    take: int = Field(ge=0)
    status: str
    run_id: str
    url: str | None = Field(description="the file's address; null if no file was made")
    media_type: str
    media_stored: bool
    execution_time: float | None = Field(description="seconds")
    metadata: OutputMetadata
    formats: list[MediaFormat] = Field(description="the same sound in the other formats that were asked for")
    stages: list[StageFile] = Field(
        [], description="the files of every stage for this output, in a pipeline of several graph stages"
    )


class StageSummary(Kept):
    """A stage and how it stands; `waiting` where it has not begun."""

    name: str
    state: str


class AnswerMetadata(Kept):
    """The making of a run: stages, seeds, times."""

    pipeline: str
    total_steps: int = Field(ge=0, description="how many stages the run has")
    stages: list[StageSummary]
    seed: int
    safety_level: str
    execution_mode: str
    created_at: str
    rerun_of: str | None = Field(description="the run that this one repeats")


class RunAnswer(Kept):
    """The body that `execute` answers with; while the run goes on it has no more than where to look, and its place."""

    status: str = Field(description="`queued`, `running`, `success`, `failed`, `blocked` or `cancelled`")
    run_id: str
    schema_: str = Field(alias="schema", description="the interception config")
    config_name: str = Field("", description="the interception config's English name")
    input_text: str = ""
    final_output: str | None = Field(None, description="the text that the media was made from")
    steps_completed: int = Field(0, ge=0)
    execution_time: float | None = Field(None, description="seconds from start to end")
    metadata: AnswerMetadata | None = None
    brief: dict[str, object] | None = Field(
        None,
        description="the brief of the text that describes the first output, as POST /api/prompt/parse "
        "answers it, with `fields` for those that have a value; null where none was read",
    )
    media_output: MediaOutput | None = Field(None, description="the first of media_outputs")
    media_outputs: list[MediaOutput] = Field([], description="the takes of every requested output")
    warnings: list[RunWarning] = Field([], description="warnings, each with its stage")
    links: Links
    error: Problem | None = Field(None, description="why it did not succeed")
    queue: QueuePlace | None = Field(None, description="its place in the queue while it is not finished")
    eta: TimeLeft | None = Field(None, description="when it will be done, while it is not")


class RunMedia(Kept):
    """A file of a run with its address."""

    media: str
    role: str
    name: str = Field(description="tells files of the same role apart")
    take: int = Field(ge=0)
    filename: str
    mime: str
    bytes: int = Field(ge=0)
    url: str


class RunSummary(Kept):
    """One run in a list."""

    run_id: str
    status: str
    title: str
    schema_: str = Field(alias="schema")
    output_config: str = Field(description="the output configs, separated by commas")
    created_at: str
    execution_time: float | None = Field(description="seconds from start to end; null while it goes on")
    error: Failure | None
    media: list[RunMedia]
    links: Links


class RunDetail(Record):
    """One run on a page of its own: the record as it stands, with links and addresses."""

    links: Links
    media: list[RunMedia]
    queue: QueuePlace | None = Field(None, description="its place in the queue while it is not finished")
    eta: TimeLeft | None = Field(None, description="when it will be done, while it is not")


def links_of(run_id: str) -> Links:
    """Return where to look at a run."""
    base = f"/api/runs/{run_id}"
    return Links(
        run=base, answer=f"{base}/answer", events=f"{base}/events", cancel=f"{base}/cancel", rerun=f"{base}/rerun"
    )


def status_of(run: RunRow) -> int:
    """Return the HTTP status that a run answers with."""
    if not run.ended:
        return 202
    known = run.error is not None and "status" in run.error.model_fields_set
    return run.error.status if run.error and known else STATUS[run.state]


def answer_started(run: RunRow) -> RunAnswer:
    """Return the answer for a run that is not finished."""
    return RunAnswer(status=run.state, run_id=run.run_id, schema_=run.schema, links=links_of(run.run_id))


def answer_ended(
    run: RunRow, plan: Plan, parts: Sequence[PartRow], entities: Sequence[Entity], warnings: Sequence[RunWarning]
) -> RunAnswer:
    """Return the answer for a run that has ended."""
    outputs = list(_Made(run, plan, parts, entities, addresses(run.run_id, entities)).outputs())
    stages = [row for row in parts if isinstance(row, StageRow)]
    answer = RunAnswer(
        status=run.state,
        run_id=run.run_id,
        schema_=run.schema,
        config_name=plan.interception.label.en,
        input_text=plan.input_text,
        final_output=_final_text(plan, stages),
        steps_completed=sum(row.state == "success" for row in stages),
        execution_time=seconds_between(run.started_at, run.ended_at),
        metadata=_metadata(run, plan, stages),
        brief=next((output.brief for output in plan.outputs), None),
        media_output=outputs[0] if outputs else None,
        media_outputs=outputs,
        warnings=list(warnings),
        links=links_of(run.run_id),
    )
    return answer.model_copy(update={"error": run.error.as_problem()}) if run.error else answer


def addresses(run_id: str, entities: Sequence[Entity]) -> dict[str, str]:
    """Return the address of each file by its name: of each medium, the bare address serves the main one."""
    found: dict[str, str] = {}
    for media in {entity.media for entity in entities}:
        same = [entity for entity in entities if entity.media == media]
        served = next((entity for entity in same if entity.role == "main"), same[0])
        bare = f"/api/media/{media}/{run_id}"
        for index, entity in enumerate(same):
            found[entity.filename] = bare if entity.filename == served.filename else f"{bare}/{index}"
    return found


def media_of(run_id: str, entities: Sequence[Entity]) -> list[RunMedia]:
    """Return the sounds, films and pictures of a run, with their addresses."""
    urls = addresses(run_id, entities)
    return [
        RunMedia(
            media=entity.media,
            role=entity.role,
            name=entity.name,
            take=entity.take,
            filename=entity.filename,
            mime=entity.mime,
            bytes=entity.bytes,
            url=urls[entity.filename],
        )
        for entity in entities
        if entity.media != "file"
    ]


def _final_text(plan: Plan, stages: Sequence[StageRow]) -> str:
    """Return the text as the last stage that made one has left it."""
    made = {row.stage: row.result.text for row in stages if row.result.text is not None}
    return next((made[stage.name] for stage in reversed(plan.stages) if stage.name in made), plan.input_text)


def _metadata(run: RunRow, plan: Plan, stages: Sequence[StageRow]) -> AnswerMetadata:
    states = {row.stage: row.state for row in stages}
    return AnswerMetadata(
        pipeline=plan.pipeline,
        total_steps=len(plan.stages),
        stages=[StageSummary(name=stage.name, state=states.get(stage.name, WAITING)) for stage in plan.stages],
        seed=plan.seed,
        safety_level=plan.safety_level,
        execution_mode=plan.execution_mode,
        created_at=run.created_at,
        rerun_of=plan.rerun_of,
    )


@dataclass(frozen=True)
class _Made:
    """The files that a run has made, with their addresses."""

    run: RunRow
    plan: Plan
    parts: Sequence[PartRow]
    entities: Sequence[Entity]
    urls: Mapping[str, str]

    def outputs(self) -> Iterator[MediaOutput]:
        """Yield one entry per output config and take, in the order in which they were asked for."""
        for stage in self.plan.media:
            if stage.output.asked:
                for take in self._takes(stage):
                    output = self._output(stage, take)
                    files = list(self._stages(stage, take))
                    yield output.model_copy(update={"stages": files}) if files else output

    def _takes(self, stage: MediaStage) -> list[int]:
        """Return the takes of a stage: those that it has, or those that were planned where it has not begun."""
        begun = sorted({row.take for row in self.parts if isinstance(row, TakeRow) and row.stage == stage.name})
        planned = range(1, len(stage.output.options[0].takes) + 1)
        return sorted({*begun, *planned})

    def _beside(self, stage: MediaStage, *, converts: bool) -> list[MediaStage]:
        """Return the other stages that make something for the output of a stage."""
        others = [one for one in self.plan.media if not one.output.asked and one.output.converts == converts]
        return [one for one in others if one.output.number == stage.output.number]

    def _files(self, stage: MediaStage, take: int) -> list[Entity]:
        """Return what a stage made for a take of the output: its own take of that number."""
        return [entity for entity in self.entities if (entity.stage, entity.take) == (stage.name, take)]

    def _product(self, stage: MediaStage, take: int) -> MediaStage:
        """Return the stage whose file is the output: the first of the pipeline's main ones that was made."""
        own = (stage, *self._beside(stage, converts=False))
        main = [one for one in self.plan.main_stages if one in own] if self.plan.main else []
        return next((one for one in main if any(file.is_main for file in self._files(one, take))), stage)

    def _stages(self, stage: MediaStage, take: int) -> Iterator[StageFile]:
        others = self._beside(stage, converts=False)
        for one in (stage, *others) if others else ():
            for entity in self._files(one, take):
                yield StageFile(
                    stage=entity.stage,
                    role=entity.role,
                    name=entity.name,
                    media=entity.media,
                    url=self.urls[entity.filename],
                    filename=entity.filename,
                    mime=entity.mime,
                    bytes=entity.bytes,
                )

    def _output(self, stage: MediaStage, take: int) -> MediaOutput:
        output, product = stage.output, self._product(stage, take)
        parts = [row for row in self.parts if (row.stage, row.take) == (stage.name, take)]
        own = next((row for row in parts if isinstance(row, TakeRow)), None)
        result = own.result if own else TakeResult()
        option = option_of(output, result)
        chunk = option.chunk if product is stage else product.output.options[0].chunk
        first = chunk.main or chunk.outputs[0]
        files = self._files(product, take)
        main = next((entity for entity in files if entity.is_main or entity.role == first.role), None)
        attempts = [row for row in parts if isinstance(row, AttemptRow)]
        return MediaOutput(
            config=output.config,
            config_used=result.config_used,
            variant=result.variant,
            preset=result.preset,
            take=take,
            status=self._status(own, main),
            run_id=self.run.run_id,
            url=self.urls[main.filename] if main else None,
            media_type=main.media if main else first.media,
            media_stored=main is not None,
            execution_time=seconds_between(own.started_at, own.ended_at) if own else None,
            metadata=_output_metadata(option, take, result, attempts, main),
            formats=self._formats(stage, take),
        )

    def _status(self, take: TakeRow | None, main: Entity | None) -> str:
        if take is not None and take.state != "running":
            return take.state
        return "success" if main is not None else self.run.state

    def _formats(self, stage: MediaStage, take: int) -> list[MediaFormat]:
        others = {one.name for one in self._beside(stage, converts=True)}
        made = [entity for entity in self.entities if entity.stage in others and entity.take == take]
        return [
            MediaFormat(
                format=PurePosixPath(entity.filename).suffix[1:],
                url=self.urls[entity.filename],
                filename=entity.filename,
                mime=entity.mime,
                bytes=entity.bytes,
            )
            for entity in made
        ]


def _output_metadata(
    option: Option, take: int, result: TakeResult, attempts: Sequence[AttemptRow], main: Entity | None
) -> OutputMetadata:
    last = attempts[-1] if attempts else None
    models = last.result.models if last else {}
    values = result.values or option.values_of(take, result.changes)
    told = OutputMetadata(
        prompt_id=last.prompt_id if last else None,
        backend=last.backend if last else None,
        attempts=len(attempts),
        model=next((models.get(f"{one.node}.{one.input}", one.file) for one in option.chunk.models), None),
        seed=next((values[name] for name in option.chunk.seeds if name in values), None),
        parameters=values,
        brief=list(option.brief),
        graph_sha256=result.graph_sha256,
    )
    return told.model_copy(update={"filename": main.filename, "facts": main.facts or MediaFacts()}) if main else told
