"""The processes that look into foreign files, and what ends them."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from devserver.media import examiner as looking
from devserver.media.examine import DAMAGED, Examined
from devserver.media.examiner import Examiner, examine_foreign
from tests.doubles import odd_media
from tests.patience import PATIENCE_S


def test_a_file_that_takes_too_long_is_refused_and_its_process_ended(tmp_path: Path) -> None:
    (tmp_path / "song").write_bytes(odd_media.wav(odd_media.tone()))
    examiner = Examiner(limit_s=0)
    found = examiner.examine(tmp_path / "song", "song.wav", tmp_path / "mix")
    assert found.refusal is not None
    assert "takes longer than 0 seconds" in found.refusal.words
    assert examiner._workers.pids == []
    examiner.close()


def test_a_file_that_ends_the_process_is_refused_and_the_next_one_is_looked_into(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless")  # opening it waits for somebody who writes
    (tmp_path / "song").write_bytes(odd_media.wav(odd_media.tone()))
    examiner = Examiner()
    found: list[Examined] = []
    asking = threading.Thread(
        target=lambda: found.append(examiner.examine(tmp_path / "endless", "", tmp_path / "mix")), daemon=True
    )
    asking.start()
    with (tmp_path / "endless").open("wb"):  # opens when the other end does: the process is at work
        (pid,) = examiner._workers.pids
        os.kill(pid, signal.SIGKILL)
        asking.join(PATIENCE_S)
    assert found[0].refusal is not None
    assert found[0].refusal.status == 422
    assert examiner.examine(tmp_path / "song", "song.wav", tmp_path / "mix").refusal is None
    examiner.close()


@pytest.mark.parametrize("error", [ValueError("x"), MemoryError(), RecursionError()])
def test_a_decoder_that_fails_in_a_way_of_its_own_makes_the_file_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> Examined:
        raise error

    monkeypatch.setattr(looking, "examine", fail)
    found = examine_foreign(tmp_path / "song", "song.wav", tmp_path / "mix")
    assert found.refusal is not None
    assert (found.refusal.status, found.refusal.words) == (422, DAMAGED.words)
    assert (found.media, found.ext) == ("file", "bin")


def test_a_disk_that_fails_is_no_fault_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        examine_foreign(tmp_path / "gone", "song.wav", tmp_path / "mix")
