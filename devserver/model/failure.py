"""The reason why a run, stage, take or attempt did not succeed, as the journal keeps it."""

from __future__ import annotations

from pydantic import Field

from devserver.model.kept import Kept


class Problem(Kept):
    """An error as users and programs read it."""

    stage: str = Field("", description="`request`, or the stage of the run that failed")
    code: str = Field("", description="one word for programs: `nodes_missing`, `prompt_lost`, `blocked`, ...")
    message: str = Field("", description="for people")
    message_code: str = Field("", description="names the sentence, for translations")
    values: dict[str, object] = Field({}, description="the values in the sentence and its hint, by name")
    hint: str = Field("", description="a remedy")
    details: dict[str, object] = Field({}, description="for programs: missing nodes and models, measured values")


class Failure(Problem):
    """A problem with the HTTP status that the run answers with."""

    status: int = Field(502, description="HTTP status: 403, 409, 422, 500, 502, 504 or 507")

    def as_problem(self) -> Problem:
        """Return what an answer shows: all but the status, which it carries itself."""
        return Problem.model_validate({name: value for name, value in self.as_json().items() if name != "status"})
