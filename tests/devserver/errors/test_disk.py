from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from devserver.errors import StageError
from devserver.errors.disk import (
    ExportsFull,
    ExportsGone,
    JournalFault,
    JournalGone,
    describe_disk_error,
    disk_error_of,
    disk_trouble,
    translate_disk_errors,
)


def failed(number: int, name: str = "/exports/run/07_output.mp3") -> OSError:
    return OSError(number, os.strerror(number), name)


def from_(cause: BaseException) -> Exception:
    """Another error that came of this one."""
    error = RuntimeError("the stage failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (failed(errno.ENOSPC), "exports_full", "There is no room left for 07_output.mp3."),
        (failed(errno.EDQUOT), "exports_full", "no room left"),
        (failed(errno.EFBIG), "exports_full", "no room left"),
        (failed(errno.EROFS), "exports_unwritable", "Nothing can be written: 07_output.mp3"),
        (failed(errno.EACCES), "exports_unwritable", "Nothing can be written"),
        (ExportsGone(Path("/exports")), "exports_unwritable", "The exports folder /exports is gone."),
        (JournalGone(Path("/j")), "exports_unwritable", "The journal /j is gone."),
        (JournalFault(errno.ENOSPC, "disk is full"), "exports_full", "no room left for the journal"),
        (JournalFault(errno.EIO, "disk I/O error"), "exports_unwritable", "the journal: disk I/O error"),
        (from_(failed(errno.ENOSPC)), "exports_full", "no room left"),
    ],
)
def test_what_the_disk_refuses_is_said_in_words(error: Exception, code: str, message: str) -> None:
    trouble = disk_trouble(error)
    assert trouble is not None
    assert (trouble.code, message in trouble.message) == (code, True), trouble.message
    assert describe_disk_error(error) == f"{trouble.message} {trouble.hint}"


@pytest.mark.parametrize("error", [None, ValueError("x"), failed(errno.ECONNRESET), from_(KeyError("x"))])
def test_an_error_about_something_else_is_no_trouble_of_the_disk(error: Exception | None) -> None:
    assert disk_trouble(error) is None
    assert error is None or describe_disk_error(error) == ""


def test_a_file_whose_folder_is_gone_says_so_and_a_missing_file_says_nothing(tmp_path: Path) -> None:
    trouble = disk_trouble(failed(errno.ENOENT, str(tmp_path / "gone" / "file")))
    assert trouble is not None
    assert trouble.message == f"The folder {tmp_path / 'gone'} is gone."
    assert disk_trouble(failed(errno.ENOENT, str(tmp_path / "file"))) is None


def test_the_disks_own_error_is_found_below_others() -> None:
    found = disk_error_of(from_(from_(failed(errno.ENOSPC))))
    assert found is not None
    assert (found.errno, found.filename) == (errno.ENOSPC, "/exports/run/07_output.mp3")
    assert disk_error_of(from_(failed(errno.ECONNRESET))) is None


def test_a_full_disk_is_waited_for_and_one_that_takes_nothing_ends_the_stage() -> None:
    for number in (errno.ENOSPC, errno.EDQUOT):
        with pytest.raises(ExportsFull), translate_disk_errors():
            raise failed(number)
    for number in (errno.EROFS, errno.EFBIG):
        with pytest.raises(StageError) as ended, translate_disk_errors():
            raise failed(number)
        assert ended.value.status == 507
    with pytest.raises(ConnectionResetError), translate_disk_errors():
        raise failed(errno.ECONNRESET)
