"""The log: as text for people, or as JSON lines that say which run, stage, take and backend they are about."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Literal

from devserver.durable.search import RunLine
from devserver.http.addresses import hide_secrets
from devserver.model.events import AttemptEnded, Event, RunEnded, StageEnded
from devserver.model.rows import seconds_between
from devserver.watching.listening import About

log = logging.getLogger(__name__)

Format = Literal["text", "json"]
TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
FIELDS: Final = ("run_id", "stage", "take", "attempt", "backend", "status", "seconds", "code")

# The place that the running code works at. A task inherits its parent's values; its own changes stay with it.
_place: ContextVar[dict[str, Any]] = ContextVar("place", default={})  # noqa: B039 - never changed, only replaced


def log_context(**place: Any) -> None:
    """Say what this task works at from now on: `run_id`, `stage`, `take`, `backend`."""
    _place.set({**_place.get(), **place})


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, the place, and `error` with a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {"time": at, "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        own = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        told |= {**_place.get(), **own}
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        if record.stack_info:
            told["stack"] = self.formatStack(record.stack_info)
        return hide_secrets(json.dumps(told, ensure_ascii=False, default=str))


class TextFormatter(logging.Formatter):
    """One line for people, and a traceback below it where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        return hide_secrets(super().format(record))


def configure(level: str, written_as: Format) -> None:
    """Let the whole process log to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if written_as == "json" else TextFormatter(TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # At `debug` it writes every header of a handshake, tokens and cookies among them.
    logging.getLogger("websockets").setLevel(max(logging.INFO, logging.getLogger().level))


class RunLog:
    """One line for each stage, attempt and run that has ended. No texts: a title is made of the user's words."""

    def hear(self, event: Event, row: About) -> None:
        """Write the line of an event, if it has one."""
        if row is None or not isinstance(event.data, RunEnded | StageEnded | AttemptEnded):
            return
        seconds = seconds_between(row.started_at, row.ended_at)
        error = row.error if isinstance(row, RunLine) else row.result.error
        told: dict[str, Any] = {"run_id": row.run_id, "status": row.state, "seconds": seconds}
        what = "run"
        if not isinstance(row, RunLine):
            what = f"attempt {row.attempt} of take {row.take} of {row.stage}" if row.attempt else f"stage {row.stage}"
            told |= {"stage": row.stage, **({"take": row.take, "attempt": row.attempt} if row.attempt else {})}
            told |= {"backend": row.backend} if row.backend else {}
        if error:
            told["code"] = error.code
        after = f" after {seconds:.3f} s" if seconds is not None else ""
        where = f" at {told['backend']}" if "backend" in told else ""
        why = f" ({told['code']})" if told.get("code") else ""
        log.info("%s: %s%s: %s%s%s", row.run_id, what, where, row.state, after, why, extra=told)
