"""An output that was made and cannot be handed out: whose fault that may be, and what the user can do."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from devserver.errors import StageError
from devserver.errors.sentences import say
from devserver.media.intake import OutputRefused
from devserver.stages.graph.job import Job

BY_CHANCE: Final = ("silent", "too_short")  # what another seed may change


def output_refused(job: Job, error: OutputRefused) -> StageError:
    """Return the error of a stage whose output was refused."""
    status, hint = HTTPStatus.BAD_GATEWAY, f"Look at the log of {job.backend.name}, and at its disk."
    if error.reason == "wrong_media":
        made = error.measured.partition(" ")[0]
        hint = f"The node makes another medium than its definition says: the output should be media: {made}."
    elif error.reason in BY_CHANCE:
        status, hint = _by_chance(job)
    details = {"reason": error.reason, "measured": error.measured, "allowed": error.allowed}
    said = say("output_refused", hint, problem=str(error))
    return StageError(said, code="output_refused", status=status, details=details)


def _by_chance(job: Job) -> tuple[HTTPStatus, str]:
    chunk = job.option.chunk
    if chunk.seeds:
        return HTTPStatus.BAD_GATEWAY, "The model made this with this seed; another seed may do better."
    files = [name for name, parameter in chunk.parameters.items() if parameter.type == "file" and job.values.get(name)]
    sent = [name for name in files if name not in job.sources]
    if sent:
        hint = f"It was made of the file that was sent as {' and '.join(sent)}: listen to that one."
        return HTTPStatus.UNPROCESSABLE_ENTITY, hint
    return HTTPStatus.BAD_GATEWAY, "It has no seed, so the same request makes the same again: ask for other values."
