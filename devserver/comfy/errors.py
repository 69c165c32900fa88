"""The errors of backends."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TypeGuard

from devserver.errors.sentences import Quoted, Said, say
from schemas.json_values import Json, JsonObject, read_list, read_object, read_text

SHOWN_CHOICES = 12
SHOWN_CHARACTERS = 200
COMFYUI_ERROR_KEYS = frozenset({"type", "message", "details", "extra_info"})
# In the page that SwarmUI sends instead of a ComfyUI that does not run, or that the account may not use.
NO_COMFYUI_MARK = "comfy-failed-to-load"
UNSEEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class BackendError(Exception):
    """A backend did not fulfil a request.

    Args:
        said: a description in plain words; what users meet often has a code.
        status: the HTTP status of the answer; None without one.
    """

    def __init__(self, said: Said | str, status: int | None = None) -> None:
        self.said = said if isinstance(said, Said) else Said(said)
        super().__init__(self.said.message)
        self.status = status


class Unreachable(BackendError):
    """No answer from a ComfyUI: nothing listens, the connection broke, it timed out, or another program answered."""


class NotServing(Unreachable):
    """Another answer instead of a ComfyUI's: a gateway's page, another program's JSON, half an answer, nothing.

    SwarmUI sends it while a ComfyUI behind it is loading, stopped or dead; nginx while its upstream is.
    """


class Denied(NotServing):
    """A password, token or permission is missing or wrong."""


class StillRunning(BackendError):
    """The backend still lists a cancelled prompt after the allowed time."""


class UnsafePath(BackendError):
    """A backend named a file outside its own folders."""


class OutputMissing(BackendError):
    """A file that the history lists does not exist (for example, a cached result whose file was deleted)."""


class PromptLost(BackendError):
    """The backend knows the prompt neither as queued nor as finished: it was deleted, or the backend restarted."""


class WorkerLost(BackendError):
    """The process that ran the prompt was killed or died; a host of ours outlives it and reports that."""


class Interrupted(BackendError):
    """The prompt was stopped before its end."""


@dataclass(frozen=True)
class Failure:
    """The reason for which a prompt failed while it ran."""

    message: str
    node_id: str | None = None
    node_type: str | None = None
    exception_type: str | None = None
    out_of_memory: bool = False
    disk_full: bool = False

    @property
    def said(self) -> Said:
        """The reason in words: those of the node, and where it is."""
        problem, place = Quoted(self.message), {"node": self.node_id, "class_type": self.node_type}
        if self.node_id is None:
            return say("prompt_out_of_memory" if self.out_of_memory else "prompt_failed", problem=problem)
        return say("node_out_of_memory" if self.out_of_memory else "prompt_failed_at_node", problem=problem, **place)

    def __str__(self) -> str:
        return self.said.message


class PromptFailed(BackendError):
    """The prompt ran and failed; `failure` has the node and the reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.said)
        self.failure = failure


@dataclass(frozen=True)
class NodeError:
    """One reason for which a backend refuses one node of a graph.

    `allowed` describes the accepted values, or is None if the backend does not say.
    """

    node_id: str
    class_type: str
    type: str
    message: str
    details: str
    input: str | None = None
    value: Json = None
    allowed: str | None = None

    def __str__(self) -> str:
        where = f"node {self.node_id} ({self.class_type})"
        if self.type == "required_input_missing":
            return f"{where}: required input {self.input!r} is missing"
        if self.input is not None and self.allowed is not None:
            return f"{where}: input {self.input!r} is {self.value!r}, allowed: {self.allowed}"
        what = f" input {self.input!r}:" if self.input is not None else ""
        reason = ", ".join(dict.fromkeys(part for part in (self.message, self.details) if part))
        return f"{where}:{what} {reason}"


class Refused(BackendError):
    """The backend refused a graph, or a part of it.

    Attributes:
        type: the backend's own word (`prompt_outputs_failed_validation`).
        details: the backend's own details.
        node_errors: one entry for each reason, empty if the backend names no node.
    """

    def __init__(
        self,
        type_: str,
        message: str,
        details: str = "",
        node_errors: tuple[NodeError, ...] = (),
        status: int | None = None,
    ) -> None:
        self.type = type_
        self.message = message
        self.details = details
        self.node_errors = node_errors
        super().__init__(self._describe(), status)

    def _describe(self) -> Said:
        reasons = "; ".join(str(error) for error in self.node_errors) or self.details.strip()
        if reasons:
            return say("graph_not_valid", problem=Quoted(f"{self.message.rstrip('.')}: {reasons}"))
        if self.type == "prompt_outputs_failed_validation":
            # ComfyUI reports a cycle of links like this: no node, no details.
            return say("graph_not_valid_no_reason")
        return say("graph_not_valid", problem=Quoted(self.message))


def is_refusal(answer: Json, status: int) -> TypeGuard[JsonObject]:
    """Tell whether an answer of POST /prompt is a ComfyUI's refusal; other programs have errors of another form."""
    error = answer.get("error") if isinstance(answer, dict) else None
    return status == 400 and isinstance(error, dict) and "type" in error and set(error) <= COMFYUI_ERROR_KEYS


def parse_refusal(body: JsonObject, status: int) -> Refused:
    """Return a `Refused` from an answer of POST /prompt (a 400, or a 200 with `node_errors`)."""
    error = read_object(body.get("error"))
    texts = {key: read_text(error.get(key)) for key in ("type", "message", "details")}
    reasons = tuple(_node_errors(body.get("node_errors")))
    message = texts["message"] or "a part of the graph is not valid"
    return Refused(texts["type"] or "node_errors", message, texts["details"], reasons, status)


def _node_errors(by_node: Json) -> list[NodeError]:
    return [
        _node_error(node_id, str(read_object(entry).get("class_type", "?")), error)
        for node_id, entry in read_object(by_node).items()
        for error in read_list(read_object(entry).get("errors"))
        if isinstance(error, dict)
    ]


def _node_error(node_id: str, class_type: str, error: JsonObject) -> NodeError:
    extra = read_object(error.get("extra_info"))
    name = extra.get("input_name")
    return NodeError(
        node_id=node_id,
        class_type=class_type,
        type=str(error.get("type", "")),
        message=str(error.get("message", "")),
        details=str(error.get("details", "")),
        input=None if name is None else str(name),
        value=extra.get("received_value"),
        allowed=_describe_allowed(error.get("type"), extra.get("input_config")),
    )


def _describe_allowed(type_: Json, input_config: Json) -> str | None:
    if not isinstance(input_config, list) or not input_config:
        return None
    declared = input_config[0]
    options = read_object(input_config[1]) if len(input_config) > 1 else {}
    choices = declared if isinstance(declared, list) else options.get("options")
    match type_:
        case "value_not_in_list" if isinstance(choices, list):
            shown = ", ".join(str(choice) for choice in choices[:SHOWN_CHOICES])
            more = len(choices) - SHOWN_CHOICES
            return f"{shown} and {more} more" if more > 0 else shown or "nothing (the backend has none)"
        case "value_bigger_than_max":
            return f"at most {options.get('max')}"
        case "value_smaller_than_min":
            return f"at least {options.get('min')}"
        case "invalid_input_type":
            return f"a value of type {declared}"
        case _:
            return None


def unexpected_answer(method: str, url: str, status: int, answer: Json) -> NotServing:
    """Return the error for an answer outside the protocol: a page, a gateway's message, a wrong status."""
    request, words = f"{method} {url}", _words_of(answer)
    page = answer if isinstance(answer, str) else ""
    if status == 401 and page and (NO_COMFYUI_MARK in page or words.startswith("Permission denied")):
        return Denied(say("swarm_denied", request=request), status)
    if status == 401 and isinstance(answer, str):
        return Denied(say("backend_denied", request=request, problem=Quoted(words)), status)
    if NO_COMFYUI_MARK in page:
        return NotServing(say("swarm_no_comfyui", request=request), status)
    return NotServing(say("backend_answered", request=request, status=status, problem=Quoted(words)), status)


def _words_of(answer: Json) -> str:
    if isinstance(answer, str):
        return strip_markup(answer) or "nothing"
    reason = read_object(answer).get("error")
    return reason[:SHOWN_CHARACTERS] if isinstance(reason, str) else _first_characters(answer)


def _first_characters(answer: Json) -> str:
    """Return the first characters of a value as JSON, without encoding all of a long one."""
    return "".join(islice(json.JSONEncoder().iterencode(answer), SHOWN_CHARACTERS))[:SHOWN_CHARACTERS]


def strip_markup(page: str) -> str:
    """Return the first words of a page or text, without its markup."""
    return " ".join(UNSEEN.sub(" ", page).split())[:SHOWN_CHARACTERS]
