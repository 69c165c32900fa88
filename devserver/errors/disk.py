"""A disk that takes nothing more, told in plain words and with what to do about it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devserver.errors import StageError, TonewrightError
from devserver.errors.sentences import Quoted, Said, say

STATUS: Final = 507  # insufficient storage
PASSING: Final = frozenset({errno.ENOSPC, errno.EDQUOT})  # who makes room mends it
FULL: Final = PASSING | {errno.EFBIG}
CLOSED: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class Gone(OSError):
    """Something that the server writes into was deleted or replaced while it runs; `called` is what people call it."""

    called = "folder"
    hint = "Put it back, or start the server again: it makes a new one."

    def __init__(self, path: Path) -> None:
        super().__init__(errno.ENOENT, "it is gone", str(path))


class ExportsGone(Gone):
    called = "exports folder"


class JournalGone(Gone):
    called = "journal"
    hint = (
        "What is written now would be lost. Stop the server; `python server.py doctor --rebuild` reads the run folders."
    )


class JournalFault(TonewrightError):
    """The disk did not take what the journal wrote, or did not let it be opened. It is no `OSError`: no run ends by it.

    Args:
        number: the error, as `errno` names it.
        reason: the database's own words.
    """

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.errno = number


class ExportsFull(Exception):
    """The disk has no room for what a run makes: it waits for some, and makes it then."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.message)
        self.said = said


@dataclass(frozen=True)
class DiskTrouble:
    """The reason why a write failed; `code` is `exports_full` or `exports_unwritable`."""

    code: str
    said: Said

    @property
    def message(self) -> str:
        return self.said.message

    @property
    def hint(self) -> str:
        return self.said.hint


def disk_trouble(error: BaseException | None) -> DiskTrouble | None:
    """Return the disk trouble behind an error or its causes; None for any other error."""
    while error is not None:
        number = error.errno if isinstance(error, OSError | JournalFault) else None
        where = _where(error)
        if isinstance(error, FileNotFoundError) and not isinstance(error, Gone) and error.filename:
            folder = Path(os.fsdecode(error.filename)).parent
            error = error if folder.exists() else Gone(folder)
        if isinstance(error, Gone):
            said = say("disk_gone", error.hint, called=error.called, path=str(error.filename))
            return DiskTrouble("exports_unwritable", said)
        if number in FULL:
            return DiskTrouble("exports_full", say("disk_full", where=where))
        if number in CLOSED or isinstance(error, JournalFault):
            reason = Quoted(error.strerror if isinstance(error, OSError) else error)
            return DiskTrouble("exports_unwritable", say("disk_closed", where=where, problem=reason))
        error = error.__cause__ or error.__context__
    return None


def disk_error_of(error: BaseException) -> OSError | None:
    """Return the disk's own error behind an error, if there is one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in FULL | CLOSED:
            return OSError(cause.errno, cause.strerror, cause.filename)
        cause = cause.__cause__ or cause.__context__
    return None


def _where(error: BaseException) -> Said | str:
    name = error.filename if isinstance(error, OSError) else None
    if isinstance(error, JournalFault):
        return say("disk_of_journal")
    return Path(str(name)).name if name else say("disk_of_run")


def describe_disk_error(error: BaseException) -> str:
    """Describe a disk error as one text; empty where the error is about something else."""
    trouble = disk_trouble(error)
    return f"{trouble.message} {trouble.hint}" if trouble else ""


@contextmanager
def translate_disk_errors() -> Iterator[None]:
    """Turn an `OSError` that is the disk's into what says so.

    Raises:
        ExportsFull: there is no room now.
        StageError: nothing can be written, or not as much, and waiting changes nothing.
    """
    try:
        yield
    except OSError as error:
        trouble = disk_trouble(error)
        if trouble is None:
            raise
        if error.errno in PASSING:
            raise ExportsFull(trouble.said) from error
        raise StageError(trouble.said, code=trouble.code, status=STATUS) from error
