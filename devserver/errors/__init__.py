"""The errors of Tonewright, with messages in plain words.

TonewrightError
├── InputError          the request is wrong; nothing was started
├── StageError          a stage failed, with the code and the HTTP status its run answers with
│   └── Blocked         a safety stage said no
├── RunCancelled        somebody asked for the run to stop
├── Fenced              this process no longer owns the run; stop without writing
├── DatabaseGone        the database does not answer, or cannot be spoken with
├── PackageMissing      a setting needs an extra that is not installed
├── OldJournal          the journal was written before its tables were numbered
└── FolderLocked        another server works on the same exports folder
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ValidationError

from devserver.errors.sentences import Said, describe, placeholders, say
from devserver.model.failure import Failure
from schemas.wording import KINDS, Fault, keys_at, requirement

VALUE_CODES: Final = frozenset({*(f"value_{kind}" for kind in KINDS), "value_refused"})
# The limits of a value, by the validation's names.
RANGES: Final = {
    "ge": "at_least",
    "gt": "more_than",
    "le": "at_most",
    "lt": "less_than",
    "min_length": "at_least",
    "max_length": "at_most",
}
# How a path to a wrong field names one type of several, which is no name of a field.
ALTERNATIVES: Final = frozenset({"str", "list[str]", "int", "bool", "dict[str,any]"})


class TonewrightError(Exception):
    """Something of ours went wrong."""


class InputError(TonewrightError):
    """The request cannot be accepted.

    Args:
        message_code: names the sentence, and its hint, in `errors.yaml`. Programs that speak to people read it.
        status: HTTP status: 400 malformed, 403 not for this user, 404 unknown name, 409 conflict, 413 too large,
            422 not allowed, 429 no room.
        field: the request's field, dotted (`params.seconds`), or '' for the body itself.
        value: what was sent there.
        allowed: what may stand there, where `errors.yaml` does not say it: names, or the words of a definition.
        limits: the same for programs, where `allowed` is in words: a list, or a range
            (`{"at_least": 1, "at_most": 240, "unit": "s"}`). It is in `values` as `allowed`.
        message: the sentence, where it is made elsewhere.
        hint: what can be done about it, where `errors.yaml` does not say it.
        code: the kind of error, for programs, where the status alone does not tell.
        retry_after_s: seconds after which the same request may be accepted.
        values: what stands in the sentence besides field and value.
    """

    def __init__(
        self,
        message_code: str,
        *,
        status: int = 422,
        field: str = "",
        value: object = None,
        allowed: object = None,
        limits: object = None,
        message: str = "",
        hint: str = "",
        code: str = "",
        retry_after_s: float | None = None,
        **values: object,
    ) -> None:
        known = {"field": field, "value": value, **values}
        said = Said(message, hint) if message else say(message_code, hint, **known)
        self.message, self.hint = said.message, said.hint
        super().__init__(self.message)
        self.message_code, self.status, self.code = message_code, status, code
        self.field, self.value, self.allowed = field, value, said.allowed if allowed is None else allowed
        self.retry_after_s = retry_after_s
        names = set() if message else placeholders(message_code)
        self.values = describe({name: known[name] for name in known if name in names or name in values})
        limits = said.values.get("allowed") if limits is None else limits
        if limits is not None:
            self.values["allowed"] = limits


def unknown_run(run_id: str) -> InputError:
    return InputError("unknown_run", status=404, field="run_id", value=run_id)


def refused_field(error: ValidationError, model: type[BaseModel], *, missing_status: int = 422) -> InputError:
    """Return the refusal of the first wrong field of a body.

    Args:
        error: what the model says of the body.
        model: of the body.
        missing_status: the HTTP status where a field is missing.
    """
    fault = error.errors(include_url=False)[0]
    path = [part for part in fault["loc"] if part not in ALTERNATIVES]
    field, value = ".".join(map(str, path)), fault["input"]
    if fault["type"] == "missing":
        return InputError("field_missing", status=missing_status, field=field)
    if fault["type"] == "extra_forbidden":
        names = keys_at(model, path[:-1])
        near = get_close_matches(str(path[-1]), names, 1)
        hint = f"Did you mean {near[0]}?" if near else ""
        return InputError("unknown_field", field=field, value=value, allowed=names, hint=hint)
    if fault["type"] == "string_too_long":
        value = f"{len(value)} characters"
    wanted = requirement(fault)
    message = f"{field or 'The body'}: {wanted}."
    return InputError(
        value_code(fault),
        message=message,
        field=field,
        value=value,
        allowed=wanted,
        limits=limits_of(fault),
        requirement=wanted,
        **bounds(fault),
    )


def value_code(fault: Fault) -> str:
    """Return the code of what the validation says is wrong with a value."""
    code = f"value_{fault['type']}"
    return code if code in VALUE_CODES else "value_refused"


def bounds(fault: Fault) -> dict[str, Any]:
    """Return the limits that a value does not keep, by their names: `ge`, `max_length`, `expected`, ..."""
    about = fault.get("ctx")
    limits = about.items() if isinstance(about, Mapping) else ()
    return {name: limit for name, limit in limits if isinstance(limit, str | int | float)}


def limits_of(fault: Fault) -> dict[str, Any] | None:
    """Return the range in which a value must be, for programs; None where it is about something else."""
    named = bounds(fault)
    unit = {"unit": "characters"} if str(fault["type"]).startswith("string_") else {}
    found = {said: named[name] for name, said in RANGES.items() if name in named}
    return {**found, **unit} if found else None


class StageError(TonewrightError):
    """A stage cannot finish.

    Args:
        said: the sentence, of `runs.yaml` or in words of one's own.
        code: one word for programs (`nodes_missing`, `graph_refused`, `output_refused`, `run_timeout`, ...).
        status: what `execute` answers: 403, 409, 500, 502 or 504.
        hint: what the user can do about it, where the sentence brings none.
        details: plain JSON for programs (missing nodes, models, measured values).
    """

    def __init__(
        self,
        said: Said | str,
        *,
        code: str,
        status: int,
        hint: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        self.said = said if isinstance(said, Said) else Said(said)
        super().__init__(self.said.message)
        self.message, self.hint = self.said.message, hint or self.said.hint
        self.code, self.status = code, status
        self.details: dict[str, object] = dict(details or {})

    def as_failure(self) -> Failure:
        """Return the error as the journal keeps it."""
        return Failure(
            code=self.code,
            message=self.message,
            message_code=self.said.message_code or self.code,
            values=dict(self.said.values),
            hint=self.hint,
            status=self.status,
            details=dict(self.details),
        )

    @staticmethod
    def from_failure(kept: Failure) -> StageError:
        """Return the error again that `as_failure` made this of."""
        details, said = dict(kept.details), said_of(kept)
        if kept.status == Blocked.STATUS:
            rule, category = str(details.pop("rule", "")), str(details.pop("category", ""))
            return Blocked(said, code=kept.code, rule=rule, category=category, details=details)
        return StageError(said, code=kept.code, status=kept.status, details=details)


def said_of(kept: Failure) -> Said:
    """Return the sentence of an error that the journal has."""
    return Said(kept.message, kept.hint, kept.message_code, values=kept.values)


class Blocked(StageError):
    """A safety stage said no: because of a term, by a language model's verdict, or because a check could not be made.

    Args:
        code: `blocked`, or `check_failed` where the level demands a check that could not be made.
        rule: the term as its list writes it, or `llm_check`.
        category: what the term or the verdict is about.
    """

    STATUS: ClassVar = 403

    def __init__(
        self,
        said: Said | str,
        *,
        code: str = "blocked",
        rule: str,
        category: str,
        hint: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        told = {"rule": rule, "category": category, **(details or {})}
        super().__init__(said, code=code, status=self.STATUS, hint=hint, details=told)


class RunCancelled(TonewrightError):
    """The run was cancelled on request."""


class Fenced(TonewrightError):
    """Another worker took this run over; what this one still does must not be written."""


class DatabaseGone(TonewrightError):
    """The database does not answer now; what was not committed did not happen. Asking again is right."""


class OldJournal(TonewrightError):
    """A journal from before its tables were numbered. The records beside it still hold every ended run."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} was written by a build from before the first release. Move it away and run"
            " `python server.py doctor --rebuild`: the ended runs are read from their folders."
        )


class FolderLocked(TonewrightError):
    """Another server works on this exports folder."""


class PackageMissing(TonewrightError):
    """A setting needs a package that belongs to an extra and is not installed."""

    def __init__(self, setting: str, extra: str) -> None:
        super().__init__(f"{setting} needs packages that are not installed: pip install 'tonewright[{extra}]'")
