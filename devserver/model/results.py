"""Results of stages, takes and attempts: the column `result` of their rows in the journal.

A result is written in parts: what was decided first, how it ended later. The journal merges the parts, so every field
has a default and only those are written that were set.
"""

from __future__ import annotations

from pydantic import Field

from devserver.model.failure import Failure
from devserver.model.kept import Kept
from devserver.model.server import BackendState
from schemas.values import RecordedValue


class Result(Kept):
    """The result of any row; `error` says why it ended otherwise than with success."""

    error: Failure | None = None


# Stages


class StageResult(Result):
    """The result of a stage. Each kind of stage adds fields of its own."""

    text: str | None = Field(None, description="the text for the next stage, if this stage made one")


class Skipped(StageResult):
    """A stage that was left out."""

    reason: str


class LlmUse(Kept):
    """The language model that answered, and how it was asked."""

    endpoint: str
    model: str
    remote: bool
    seed: int | None = None
    temperature: float
    attempts: int = Field(description="how often it was asked until its answer had the form that was wanted")


class TextResult(StageResult):
    """A text that was rewritten: by a language model, or by a rule of ours."""

    llm: LlmUse | None = None
    rule: str = Field("", description="the kind of the rule, if no model rewrote it")


class TranslationResult(StageResult):
    """A text that was translated into English."""

    original: str = ""
    translated: bool = Field(description="whether the text is another one now")
    language: str = Field("", description="the two-letter code of the language that it was in, as the model says")
    llm: LlmUse | None = None


class FoundTerm(Kept):
    """A term of a list that a text contains."""

    where: str = Field(description="`text`, or the parameter that has it")
    term: str = Field(description="as the list writes it")
    text: str = Field(description="as the text writes it")
    category: str
    language: str
    level: str
    list: str


class ModelCheck(Kept):
    """A language model's judgement of a text; `made` is False where none could be asked, `reason` says why."""

    made: bool
    allowed: bool | None = None
    category: str = ""
    code: str = ""
    reason: str = ""
    problems: list[dict[str, str]] = Field([], description="the fault of each model that was asked")
    llm: LlmUse | None = None


class SafetyResult(StageResult):
    """The verdict of a safety stage, with the lists and the model that checked the text."""

    allowed: bool
    level: str
    found: list[FoundTerm]
    lists: dict[str, str] = Field(description="the SHA-256 of each term list that was used, by its name")
    check: ModelCheck | None = None


class GraphResult(StageResult):
    """A graph that was run; its takes have rows of their own."""

    takes: int = Field(description="how many takes were made; 0 where nothing had to be made")


# Takes


class TakeResult(Result):
    """One take of a graph stage: what was decided before its first attempt, and how it ended."""

    config_used: str | None = Field(None, description="the output config that makes it: the asked one or a fallback")
    variant: str | None = Field(None, description="the chunk that makes it: the config's own or one of its variants")
    preset: str | None = Field(None, description="the preset that was applied; null where none was")
    graph_sha256: str | None = Field(None, description="of the compiled graph")
    values: dict[str, RecordedValue] | None = Field(None, description="the value of every parameter")
    backend: str | None = Field(None, description="the backend that was chosen for the last attempt")
    changes: dict[str, RecordedValue] | None = Field(
        None, description="the changed values of a take that was added while the run went on"
    )

    @property
    def option(self) -> tuple[str, str] | None:
        """The key of the option that it was made with: the names of the config and of the chunk."""
        return (self.config_used, self.variant) if self.config_used and self.variant else None


# Attempts


class Retry(Kept):
    """The reason for another attempt of a take."""

    after: int = Field(description="the number of the attempt before")
    code: str = Field(description="how that one ended: the code of its error, or `cancelled`")
    waited_s: float = Field(description="seconds from its end to now")
    freed: bool = Field(False, description="whether its backend freed the memory that it held")


class Withdrawal(Kept):
    """The withdrawal of a cancelled attempt's prompt."""

    confirmed: bool = Field(description="whether the backend has it no more")
    did: list[str] = Field([], description="the actions: deleted, interrupted")
    problem: str = ""


class NodeTime(Kept):
    """The start and the duration of one node of a prompt."""

    node: str
    class_type: str | None
    started_at: str
    seconds: float = 0.0


class AttemptResult(Result):
    """One prompt at one backend."""

    config: str | None = None
    variant: str | None = None
    backend: BackendState | None = Field(None, description="as it was when the prompt was bound")
    why: str = Field("", description="why it was made there")
    why_code: str = Field("", description="names that sentence")
    graph_sha256: str | None = None
    models: dict[str, str] = Field({}, description="the backend's own name of each model, by `node.input`")
    again: Retry | None = Field(None, description="why the attempt before was not the last")
    silences: int = Field(0, description="how often the backend gave no answer while the prompt may have lived")
    cached: bool = Field(False, description="whether the backend had all of it from an earlier prompt")
    reports: list[dict[str, object]] = Field([], description="reports of our own nodes")
    cancel: Withdrawal | None = None
    nodes: list[NodeTime] = Field([], description="the times of each node, as far as the backend reports them")

    @property
    def option(self) -> tuple[str, str] | None:
        """The key of the option that it was made with: the names of the config and of the chunk."""
        return (self.config, self.variant) if self.config and self.variant else None
