"""The video is as long as its sound, and what is seen is what is heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from devserver.nodes.host import Cancelled, Host, current
from devserver.nodes.studio.film import (
    BASE,
    FPS,
    INNER,
    LYRICS_HEIGHT,
    LYRICS_TOP,
    MARGIN,
    PALETTES,
    WAVE_MIDDLE,
    Film,
    Style,
)
from devserver.nodes.studio.lyrics import lyric_lines
from devserver.nodes.studio.picture import Picture
from devserver.nodes.visualise import BARS, TonewrightVisualise
from tests.nodes.conftest import defaults

from .reference import Sound, decoded, noise, tone

RATE = 48_000


def film(sound: Sound, lyrics: str = "", bars: int = 64, title: str = "", rate: int = RATE) -> Film:
    lines = lyric_lines(lyrics, sound.shape[1] / rate)
    return Film(sound, rate, Style(PALETTES["aurora"], bars, title, ""), lines, tick=Host().check)


def shots(made: Film, *seconds: float) -> list[Picture]:
    wanted = {round(at * FPS) for at in seconds}
    return [picture.copy() for number, picture in enumerate(made.frames()) if number in wanted]


def visualise(folder: Path, sound: Sound, rate: int = RATE, **inputs: Any) -> tuple[Path, dict[str, Any]]:
    token = current.set(Host(folder))
    try:
        audio = {"waveform": sound[np.newaxis], "sample_rate": rate}
        output = TonewrightVisualise().run(audio=audio, **(defaults(TonewrightVisualise) | inputs))
    finally:
        current.reset(token)
    (entry,), (report,) = output["ui"]["images"], output["ui"]["tonewright"]
    assert output["ui"]["animated"] == [True]
    return folder / entry["subfolder"] / entry["filename"], report


@pytest.mark.parametrize(("rate", "channels", "seconds"), [(48_000, 2, 2.0), (44_100, 1, 1.234)])
def test_the_file_has_both_streams_as_long_as_the_sound(
    tmp_path: Path, rate: int, channels: int, seconds: float
) -> None:
    sound = tone(300, seconds, rate, channels) * np.linspace(0, 1, round(seconds * rate)).astype(np.float32)
    path, report = visualise(tmp_path, sound, rate, title="Grüße", lyrics="la la\nla", bars="wide")
    assert report["frames"] == int(np.ceil(seconds * FPS))
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height, video.pix_fmt) == (1280, 720, "yuv420p")
        assert float(video.average_rate or 0) == FPS
        assert sum(1 for _ in container.decode(video=0)) == report["frames"]
        for stream in (video, audio):
            assert stream.duration is not None
            assert stream.time_base is not None
            assert float(stream.duration * stream.time_base) == pytest.approx(seconds, abs=1.01 / FPS)
    heard, heard_hz = decoded(path)
    assert heard_hz == rate
    length = sound.shape[1]
    assert 0 <= heard.shape[1] - length < 1024
    assert np.corrcoef(heard[0, :length], sound[0])[0, 1] > 0.999  # no delay against the picture


@pytest.mark.parametrize("bars", BARS.values())
@pytest.mark.parametrize("hz", [110, 1000, 8000])
def test_a_tone_raises_the_bar_of_its_pitch(bars: int, hz: float) -> None:
    made = film(tone(hz, 1, RATE), bars=bars)
    (picture,) = shots(made, 0.5)
    lit = (picture.y[: BASE - 4].astype(int) - made._still.y[: BASE - 4] > 40).sum(axis=0)
    at = (int(lit.argmax()) - MARGIN) / INNER
    expected = np.log(hz / 36) / np.log(15_000 / 36)
    assert at == pytest.approx(expected, abs=2 / bars + 0.02)


def test_bars_rise_with_the_level_and_fall_after_it() -> None:
    sound = noise(0.3, 3, RATE)
    sound[:, RATE : 2 * RATE] *= 0.05
    sound[:, 2 * RATE :] = 0
    made = film(sound)
    still = made._still.y[280:BASE].astype(int)
    loud, soft, silent = (int((shot.y[280:BASE] - still > 30).sum()) for shot in shots(made, 0.9, 1.9, 2.95))
    assert loud > 1.3 * soft > 3 * silent


def test_the_wave_is_coloured_as_far_as_the_sound_has_come() -> None:
    made = film(noise(0.2, 4, RATE))
    for at in (1.0, 3.0):
        (picture,) = shots(made, at)
        row = picture.u[WAVE_MIDDLE // 2, MARGIN // 2 : (MARGIN + INNER) // 2].astype(int)
        future = made._unplayed.u[WAVE_MIDDLE // 2, MARGIN // 2 : (MARGIN + INNER) // 2]
        changed = np.flatnonzero(np.abs(row - future) > 3)
        assert changed.max() / len(row) == pytest.approx(at / 4, abs=0.02)


def test_a_line_is_seen_at_its_time_and_announced_before() -> None:
    made = film(noise(0.1, 9, RATE), "[00:04.00] Hier bin ich\n[00:06.00]")  # an empty line ends it
    area = slice(LYRICS_TOP, LYRICS_TOP + LYRICS_HEIGHT)
    ink = [int(picture.y[area].astype(int).sum()) for picture in shots(made, 0.5, 2.0, 3.95, 5.0, 7.0)]
    nothing, announced, fading, sung, after = ink
    assert nothing == after
    assert nothing < fading < announced < sung
    assert sung - nothing > 3 * (announced - nothing)


@pytest.mark.parametrize("text", ["W" * 400, "Überlanger Titel mit Wörtern " * 12, "ok"])
def test_no_text_leaves_its_place(text: str) -> None:
    sound = noise(0.1, 1, RATE)
    (picture,) = shots(film(sound, f"[00:00]{text}", title=text), 0.5)
    (plain,) = shots(film(sound, "[00:00]."), 0.5)
    changed = np.argwhere(np.abs(picture.y[: BASE - 260].astype(int) - plain.y[: BASE - 260]) > 2)
    assert changed.size
    assert changed[:, 1].min() >= MARGIN - 4
    assert changed[:, 1].max() <= MARGIN + INNER + 4
    title = changed[changed[:, 0] < LYRICS_TOP]
    assert title[:, 0].max() < LYRICS_TOP - 2


def test_a_cancel_leaves_no_file(tmp_path: Path) -> None:
    class Stopping(Host):
        checks = 0

        def check(self) -> None:
            self.checks += 1
            if self.checks > 10:
                raise Cancelled

    token = current.set(Stopping(tmp_path))
    try:
        audio = {"waveform": noise(0.1, 2, RATE)[np.newaxis], "sample_rate": RATE}
        with pytest.raises(Cancelled):
            TonewrightVisualise().run(audio=audio, **defaults(TonewrightVisualise))
    finally:
        current.reset(token)
    assert not list(tmp_path.rglob("*.mp4"))


def test_silence_and_the_shortest_sound_make_a_video_too(tmp_path: Path) -> None:
    for samples in (1, 5000):
        path, report = visualise(tmp_path, np.zeros((2, samples), np.float32))
        assert report["frames"] == int(np.ceil(samples * FPS / RATE))
        assert path.stat().st_size > 1000
