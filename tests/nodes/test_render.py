"""A song played into files: what comes out, that it is one and the same sound, and what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from devserver.nodes import TABLE
from devserver.nodes.host import Cancelled, Host, current
from devserver.nodes.render import soften
from devserver.nodes.studio.meter import Meter

from .conftest import defaults

NODE = TABLE["TonewrightRender"]
Sound = NDArray[np.float32]


class KeepingHost(Host):
    """Keeps what it was told, and how much was written when the first piece came."""

    def __init__(self, base: Path) -> None:
        super().__init__(base / "output", base / "temp")
        self.base = base
        self.pieces: list[dict[str, str]] = []
        self.written_before: list[Path] = []
        self.cancel_after = -1

    def partial(self, index: int, entry: dict[str, str]) -> None:
        assert index == len(self.pieces)
        if not self.pieces:
            self.written_before = list((self.base / "output").rglob("*"))
        self.pieces.append(entry)

    def check(self) -> None:
        if len(self.pieces) == self.cancel_after:
            raise Cancelled

    def path(self, entry: dict[str, str]) -> Path:
        return self.base / entry["type"] / entry["subfolder"] / entry["filename"]


@dataclass
class Rendered:
    host: KeepingHost
    ui: dict[str, Any] = field(default_factory=dict)

    def sound(self, entry: dict[str, str]) -> Sound:
        with av.open(str(self.host.path(entry)), "r") as container:
            resampler = av.AudioResampler(format="fltp")
            frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
            return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)

    def pieces(self) -> list[Sound]:
        sounds = []
        for entry in self.host.pieces:
            with wave.open(str(self.host.path(entry)), "rb") as file:
                assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 2, 2)
                frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
                sounds.append((frames.reshape(-1, 2).T / 32_767).astype(np.float32))
        return sounds


@lru_cache
def song(prompt: str, seconds: float) -> str:
    composer = TABLE["TonewrightCompose"]
    return str(composer().run(**defaults(composer) | {"prompt": prompt, "seconds": seconds, "seed": 3})[0])


def render(base: Path, prompt: str = "house", seconds: float = 12.0, **inputs: Any) -> Rendered:
    rendered = Rendered(KeepingHost(base))
    rendered.host.cancel_after = inputs.pop("cancel_after", -1)
    token = current.set(rendered.host)
    try:
        rendered.ui = NODE().run(**defaults(NODE) | {"song": song(prompt, seconds)} | inputs)["ui"]
    finally:
        current.reset(token)
    return rendered


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return render(tmp_path_factory.mktemp("render"))


def test_the_mix_is_as_long_and_loud_as_asked(made: Rendered) -> None:
    (entry,) = made.ui["audio"]
    mix = made.sound(entry)
    assert mix.shape == (2, 12 * 48_000)
    meter = Meter(48_000)
    meter.add(mix)
    levels = meter.levels()
    assert levels.loudness_lufs == pytest.approx(-14, abs=0.2)
    assert levels.true_peak_dbtp <= -1
    report = made.ui["tonewright"][0]["mastering"]
    assert report["after"]["loudness_lufs"] == pytest.approx(levels.loudness_lufs, abs=0.1)


def test_the_stems_add_up_to_the_mix(made: Rendered) -> None:
    assert [entry["name"] for entry in made.ui["stems"]] == ["drums", "bass", "chords", "lead"]
    total = sum(made.sound(entry).astype(np.float64) for entry in made.ui["stems"])
    np.testing.assert_allclose(total, made.sound(made.ui["audio"][0]), atol=1e-5)


def test_the_outline_follows_the_mix(made: Rendered) -> None:
    (entry,) = made.ui["peaks"]
    outline = json.loads(made.host.path(entry).read_text())
    assert (outline["version"], outline["channels"], outline["sample_rate"]) == (2, 1, 48_000)
    assert outline["length"] * outline["samples_per_pixel"] >= 12 * 48_000
    top = np.abs(made.sound(made.ui["audio"][0])).max()
    assert max(outline["data"]) / 128 == pytest.approx(top, abs=0.02)


def test_pieces_come_first_and_are_the_piece_without_gap_or_click(made: Rendered) -> None:
    assert made.host.written_before == []
    pieces = made.pieces()
    assert pieces[0].shape[1] <= 1.6 * 48_000
    whole = np.concatenate(pieces, axis=1)
    assert whole.shape == (2, 12 * 48_000)
    assert np.abs(whole).max() < 1
    mix = made.sound(made.ui["audio"][0])
    assert np.corrcoef(whole.ravel(), mix.ravel())[0, 1] > 0.95  # another balance, and not limited
    rough = np.abs(np.diff(whole, 2, axis=1)).max(axis=0)
    seam = 0
    for piece in pieces[:-1]:
        seam += piece.shape[1]
        around = np.concatenate([rough[seam - 480 : seam - 8], rough[seam + 8 : seam + 480]])
        assert rough[seam - 4 : seam + 3].max() <= 2 * around.max() + 2e-3


def test_nothing_else_is_left(made: Rendered) -> None:
    lying = {path.name for path in made.host.base.rglob("*") if path.is_file()}
    named = [*made.ui["audio"], *made.ui["stems"], *made.ui["peaks"], *made.host.pieces]
    assert lying == {entry["filename"] for entry in named}


def test_it_plays_what_synthesise_plays(made: Rendered) -> None:
    played = TABLE["TonewrightSynthesise"]().run(song=song("house", 12.0))["result"][0]["waveform"][0]
    np.testing.assert_allclose(played, made.sound(made.ui["audio"][0]), atol=1e-5)


@pytest.mark.parametrize("form", ["mp3", "opus", "ogg", "m4a", "wav"])
def test_every_format_keeps_the_length_and_the_ceiling(form: str, tmp_path: Path) -> None:
    made = render(tmp_path, "rock", 5.0, format=form, stems=False)
    assert made.ui["stems"] == []
    sound = made.sound(made.ui["audio"][0])
    assert 0 <= sound.shape[1] - 5 * 48_000 <= (1024 if form == "m4a" else 0)  # a decoder may give the last frame whole
    assert np.abs(sound).max() < 10 ** (-0.5 / 20)


def test_a_quality_that_the_format_lacks_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="quality is 'V0'; flac allows 24, 16"):
        render(tmp_path, quality="V0")
    assert not list(tmp_path.rglob("*"))


def test_the_same_song_makes_the_same_files(tmp_path: Path) -> None:
    one, other = (render(tmp_path / name, "jazz", 4.0) for name in ("a", "b"))
    for key in ("audio", "stems", "peaks"):
        for first, second in zip(one.ui[key], other.ui[key], strict=True):
            assert one.host.path(first).read_bytes() == other.host.path(second).read_bytes()


def test_a_cancel_leaves_no_file_but_the_pieces(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        render(tmp_path, cancel_after=2)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".wav"}


def test_a_song_in_which_nobody_plays_is_silence(tmp_path: Path) -> None:
    silent = json.loads(song("house", 2.0))
    for track in silent["tracks"]:
        track["notes"] = []
    made = render(tmp_path, song=json.dumps(silent))
    assert not made.sound(made.ui["audio"][0]).any()


def test_what_is_bent_stays_below_full_scale_and_the_rest_as_it_is() -> None:
    ramp = np.linspace(-3, 3, 601, dtype=np.float32)
    bent = soften(ramp)
    assert np.abs(bent).max() <= 1
    assert (np.diff(bent) >= 0).all()
    quiet = np.abs(ramp) <= 0.7
    assert np.array_equal(bent[quiet], ramp[quiet])


PEAK = """
import json, resource, sys
from pathlib import Path
from devserver.nodes import TABLE
from devserver.nodes.host import Host, current
current.set(Host(Path(sys.argv[1]) / "output"))
compose, render = TABLE["TonewrightCompose"], TABLE["TonewrightRender"]
def defaults(node):
    return {k: v[1]["default"] for k, v in node.INPUT_TYPES()["required"].items() if "default" in v[1]}
(song,) = compose().run(**defaults(compose) | {"prompt": "techno", "seconds": float(sys.argv[2]), "seed": 1})
render().run(**defaults(render) | {"song": song, "format": "wav", "stems": False})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    """The highest resident size of a process that renders one minute, and of one that renders five."""
    peaks = []
    for seconds in ("60", "300"):
        command = [sys.executable, "-c", PEAK, str(tmp_path), seconds]
        peaks.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    short, long = peaks
    assert long - short < 40, f"{short:.0f} MB for 60 s, {long:.0f} MB for 300 s"
