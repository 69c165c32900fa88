"""Taking in files: what plays gets its name, what does not is refused with a reason, a dead worker costs nothing."""

from __future__ import annotations

import asyncio
import hashlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devserver.media.intake import IntakeCrashed, IntakePool, OutputRefused, Verify, ingest
from devserver.media.tags import TrackTags, read_tags
from tests.devserver.media_files import write_audio, write_image, write_video

TAGS = TrackTags(title="Ein Lied", prompt={"1": {"class_type": "X", "inputs": {}}}, tonewright={"run_id": "r1"})


def part_of(path: Path) -> Path:
    return path.rename(path.with_name(path.name + ".part"))


@pytest.mark.parametrize(
    ("ext", "codec"), [("mp3", "mp3"), ("flac", "flac"), ("opus", "opus"), ("wav", "pcm_s16le"), ("m4a", "aac")]
)
def test_a_sound_is_tagged_measured_and_named(tmp_path: Path, ext: str, codec: str) -> None:
    final = tmp_path / f"07_output_audio.{ext}"
    part = part_of(write_audio(final, seconds=1.5, level=0.5))
    taken = ingest(part, final, TAGS, Verify(media="audio"))
    assert taken.media == "audio"
    # AAC is decoded in whole frames.
    assert taken.facts.seconds == pytest.approx(1.5, abs=0.04)
    assert (taken.facts.sample_rate_hz, taken.facts.channels, taken.facts.clipped_samples) == (48000, 2, 0)
    assert taken.facts.codec is not None
    assert taken.facts.codec.startswith(codec)
    assert taken.facts.peak_dbfs == pytest.approx(-6.0, abs=0.5)
    assert taken.bytes == final.stat().st_size
    assert taken.sha256 == hashlib.sha256(final.read_bytes()).hexdigest()
    assert read_tags(final).tonewright == {"run_id": "r1"}
    assert not part.exists()


def test_taking_in_again_gives_the_same_facts(tmp_path: Path) -> None:
    final = tmp_path / "sound.mp3"
    part = part_of(write_audio(final))
    copy = part.read_bytes()
    first = ingest(part, final, TAGS, Verify())
    assert ingest(part, final, TAGS, Verify()) == first
    part.write_bytes(copy)
    assert ingest(part, final, TAGS, Verify()) == first


def test_clipped_samples_are_counted(tmp_path: Path) -> None:
    final = tmp_path / "loud.wav"
    taken = ingest(part_of(write_audio(final, level=2.0)), final, TAGS, Verify())
    assert taken.facts.clipped_samples is not None
    assert taken.facts.clipped_samples > 10000
    assert taken.facts.peak_dbfs == pytest.approx(0.0, abs=0.01)


def refusal(path: Path, verify: Verify) -> OutputRefused:
    part = part_of(path)
    with pytest.raises(OutputRefused) as caught:
        ingest(part, path, TAGS, verify)
    assert not path.exists(), "a refused file must not get its name"
    assert part.exists(), "a refused file stays to be looked at"
    return caught.value


def test_silence_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    error = refusal(write_audio(tmp_path / "a.mp3", level=0.0), Verify())
    assert (error.reason, error.allowed) == ("silent", "at least -60 dBFS")
    final = tmp_path / "b.mp3"
    taken = ingest(part_of(write_audio(final, level=0.0)), final, TAGS, Verify(silence="allow"))
    assert taken.facts.peak_dbfs == -120


def test_a_sound_that_is_too_short_is_refused(tmp_path: Path) -> None:
    error = refusal(write_audio(tmp_path / "a.flac", seconds=0.5), Verify(min_seconds=2))
    assert error.reason == "too_short"
    assert str(error) == "the file is refused (too_short): 0.500 seconds; allowed: at least 2 seconds"


@pytest.mark.parametrize("ext", ["mp3", "flac", "wav", "m4a"])
def test_a_sound_that_was_cut_off_is_refused(tmp_path: Path, ext: str) -> None:
    path = write_audio(tmp_path / f"a.{ext}", seconds=3.0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert refusal(path, Verify()).reason in {"truncated", "undecodable"}


@pytest.mark.parametrize("content", [b"<html>502 Bad Gateway</html>", hashlib.sha256(b"x").digest() * 1000])
def test_what_is_named_as_music_and_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    assert refusal(path, Verify(media="audio")).reason in {"wrong_media", "undecodable"}


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.touch()
    assert refusal(path, Verify()).reason == "empty"


def test_a_picture_where_music_was_asked_for_is_refused(tmp_path: Path) -> None:
    error = refusal(write_image(tmp_path / "a.png"), Verify(media="audio"))
    assert (error.reason, error.measured, error.allowed) == ("wrong_media", "image (image/png)", "audio")


def test_a_video_is_measured_by_sound_and_picture(tmp_path: Path) -> None:
    final = tmp_path / "a.mp4"
    taken = ingest(part_of(write_video(final, frames=24)), final, TAGS, Verify(media="video"))
    assert taken.facts.seconds == pytest.approx(2.0, abs=0.05)
    assert (taken.facts.width, taken.facts.height, taken.facts.channels) == (64, 48, 2)
    silent = tmp_path / "b.mp4"
    taken = ingest(part_of(write_video(silent, frames=24, sound=False)), silent, TAGS, Verify(media="video"))
    assert taken.facts.seconds == pytest.approx(2.0, abs=0.05)
    assert (taken.facts.codec, taken.facts.peak_dbfs) == ("h264", None)


def test_an_image_has_a_size_and_no_length(tmp_path: Path) -> None:
    final = tmp_path / "a.png"
    taken = ingest(part_of(write_image(final)), final, TAGS, Verify())
    assert (taken.media, taken.facts.width, taken.facts.height, taken.facts.seconds) == ("image", 32, 16, None)


def test_an_image_that_ends_early_is_refused(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:-30])
    assert refusal(path, Verify()).reason == "undecodable"


def test_data_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"open": ')
    assert refusal(path, Verify()).reason == "undecodable"


@pytest.fixture
async def pool() -> AsyncIterator[IntakePool]:
    pool = IntakePool(workers=1)
    await pool.warm()
    yield pool
    await pool.close()


async def test_the_pool_takes_in_and_refuses_like_the_function(tmp_path: Path, pool: IntakePool) -> None:
    final = tmp_path / "a.mp3"
    taken = await pool.ingest(part_of(write_audio(final)), final, TAGS, Verify())
    assert taken.facts.seconds == pytest.approx(1.0, abs=0.03)
    silent = tmp_path / "b.mp3"
    with pytest.raises(OutputRefused) as caught:
        await pool.ingest(part_of(write_audio(silent, level=0.0)), silent, TAGS, Verify())
    assert caught.value.reason == "silent"


async def test_a_worker_that_is_killed_is_replaced_and_its_job_repeated(tmp_path: Path, pool: IntakePool) -> None:
    final = tmp_path / "a.flac"
    part = part_of(write_audio(final, seconds=120.0))
    job = asyncio.create_task(pool.ingest(part, final, TAGS, Verify()))
    await asyncio.sleep(0)
    kill_workers(pool)
    assert (await job).facts.seconds == pytest.approx(120.0)
    again = tmp_path / "b.flac"
    taken = await pool.ingest(part_of(write_audio(again)), again, TAGS, Verify())
    assert taken.facts.seconds == pytest.approx(1.0)


def kill_workers(pool: IntakePool) -> None:
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)


class Bomb(TrackTags):
    """Ends the process that looks at it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (1,)


async def test_a_file_that_kills_every_worker_is_given_up(tmp_path: Path, pool: IntakePool) -> None:
    final = tmp_path / "a.mp3"
    with pytest.raises(IntakeCrashed, match=r"a\.mp3"):
        await pool.ingest(part_of(write_audio(final)), final, Bomb(), Verify())


def test_workers_end_when_the_server_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "server_double.py"
    program.write_text(
        "import asyncio, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n"
        "from devserver.media.intake import IntakePool\n"
        "async def main():\n"
        "    pool = IntakePool(workers=1)\n"
        "    await pool.warm()\n"
        "    print(*pool.pids, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    server = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    worker = os.pidfd_open(int(server.stdout.readline()))
    server.kill()
    server.wait()
    server.stdout.close()
    ended, _, _ = select.select([worker], [], [], 20)
    os.close(worker)
    assert ended, "the worker outlived its server"
