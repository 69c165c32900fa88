from __future__ import annotations

import io
import itertools
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devserver.media.encoding import FORMS, RATE_HZ, Encoder, Undecodable

SECOND = np.arange(RATE_HZ) / RATE_HZ


def write(path: Path, samples: Any, rate_hz: int = RATE_HZ, channels: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat((samples * 32000).astype(np.int16)[:, None], channels, 1).tobytes())
    return path


def encoder(form: str, heard: list[bytes]) -> Encoder:
    return Encoder(FORMS[form], heard.append)


def add(made: Encoder, path: Path, skip_seconds: float = 0.0) -> list[float]:
    """Every step of it; how far each came."""
    return list(made.add(path, skip_seconds))


def decoded(heard: list[bytes]) -> Any:
    import av

    with av.open(io.BytesIO(b"".join(heard)), "r") as container:
        to_mono = av.AudioResampler("fltp", "mono", RATE_HZ)
        return np.concatenate([b.to_ndarray()[0] for f in container.decode(audio=0) for b in to_mono.resample(f)])


@pytest.mark.parametrize("form", FORMS)
def test_pieces_are_one_tone_without_a_gap(form: str, tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(3 * RATE_HZ) / RATE_HZ) * 0.5
    cuts = [0, 12_345, 70_001, len(tone)]
    heard: list[bytes] = []
    made = encoder(form, heard)
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        add(made, write(tmp_path / f"{number}.wav", tone[start:end]))
    assert made.seconds == pytest.approx(3)
    made.close()
    sound = decoded(heard)
    steady = sound[RATE_HZ // 4 : -RATE_HZ // 4]
    level = [np.sqrt(np.mean(part**2)) for part in np.array_split(steady, 100)]
    assert min(level) > 0.9 * max(level)  # a gap or a click of 10 ms would show
    # Neither a gap nor a doubled sample: the tone goes on in phase, to the resolution of a lossy codec.
    ahead = np.exp(-2j * np.pi * 440 * np.arange(len(steady)) / RATE_HZ) * steady
    phases = np.unwrap([np.angle(part.sum()) for part in np.array_split(ahead, 100)])
    assert np.ptp(phases) < 0.1


@pytest.mark.parametrize("form", FORMS)
def test_the_first_piece_is_out_before_the_second_comes(form: str, tmp_path: Path) -> None:
    heard: list[bytes] = []
    made = encoder(form, heard)
    add(made, write(tmp_path / "0.wav", np.sin(2000 * SECOND)))
    assert len(decoded(heard)) > 0.7 * RATE_HZ


def test_other_rates_and_channels_keep_their_time(tmp_path: Path) -> None:
    heard: list[bytes] = []
    made = encoder("webm", heard)
    add(made, write(tmp_path / "0.wav", np.sin(2000 * SECOND)))
    add(made, write(tmp_path / "1.wav", np.sin(2000 * SECOND[:44_100]), 44_100, 1))
    add(made, write(tmp_path / "2.wav", np.sin(2000 * SECOND)))
    made.close()
    assert len(decoded(heard)) == pytest.approx(3 * RATE_HZ, abs=1000)


def test_the_rest_of_a_file_is_taken_from_where_the_pieces_end(tmp_path: Path) -> None:
    heard: list[bytes] = []
    made = encoder("webm", heard)
    add(made, write(tmp_path / "0.wav", np.sin(2000 * SECOND)))
    add(made, write(tmp_path / "all.wav", np.sin(2000 * np.tile(SECOND, 3))), skip_seconds=made.seconds)
    made.close()
    assert made.seconds == pytest.approx(3, abs=0.1)


def test_what_cannot_be_heard_is_told(tmp_path: Path) -> None:
    made = encoder("mp3", [])
    with pytest.raises(FileNotFoundError):
        add(made, tmp_path / "gone.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(Undecodable):
        add(made, tmp_path / "text.wav")


def test_a_long_file_is_added_second_by_second(tmp_path: Path) -> None:
    steps = add(encoder("webm", []), write(tmp_path / "0.wav", np.sin(2000 * np.tile(SECOND, 5))))
    assert np.diff([0.0, *steps]) == pytest.approx(1.0, abs=0.05)
    assert len(steps) >= 4
