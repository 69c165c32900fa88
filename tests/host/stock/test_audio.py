"""The audio nodes, decoded and measured."""

from __future__ import annotations

import json

import mutagen
import numpy as np
import pytest
from PIL import Image

from devserver.host.stock.sound import decode, encode
from tests.host.conftest import Bench
from tests.host.stock.tones import RATE_HZ, load, put_tone, sine


@pytest.mark.parametrize(
    ("node", "quality", "rate_hz", "least_likeness"),
    [
        ("SaveAudio", None, RATE_HZ, 0.999999),
        ("SaveAudioMP3", "V0", RATE_HZ, 0.9999),
        ("SaveAudioMP3", "128k", RATE_HZ, 0.999),
        ("SaveAudioMP3", "320k", RATE_HZ, 0.9999),
        ("SaveAudioOpus", "128k", 48000, 0.99),
    ],
)
def test_saved_audio_sounds_as_it_was_made(
    bench: Bench, node: str, quality: str | None, rate_hz: int, least_likeness: float
) -> None:
    put_tone(bench)
    inputs = {"audio": ["1", 0], "filename_prefix": "t"} | ({} if quality is None else {"quality": quality})
    outputs = bench.run({"1": load(), "2": {"class_type": node, "inputs": inputs}})
    heard, heard_rate_hz = decode(bench.saved(outputs["2"]["audio"][0]))
    expected = sine(1.0, rate_hz=rate_hz)
    assert heard_rate_hz == rate_hz
    assert heard.shape == expected.shape
    assert np.corrcoef(heard[0], expected[0])[0, 1] > least_likeness


def test_graph_and_extra_fields_become_tags(bench: Bench) -> None:
    graph = {
        "1": {"class_type": "EmptyAudio", "inputs": {"duration": 0.1, "sample_rate": 48000, "channels": 1}},
        "2": {"class_type": "SaveAudioMP3", "inputs": {"audio": ["1", 0], "filename_prefix": "t", "quality": "V0"}},
        "3": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": "t"}},
        "4": {"class_type": "SaveAudioOpus", "inputs": {"audio": ["1", 0], "filename_prefix": "t", "quality": "64k"}},
        "5": {"class_type": "EmptyImage", "inputs": {"width": 4, "height": 4, "batch_size": 1, "color": 0}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "t"}},
    }
    outputs = bench.run(graph, extra_pnginfo={"workflow": {"note": "é"}})
    files = {node: bench.saved(next(iter(output.values()))[0]) for node, output in outputs.items()}
    mp3, flac, opus = (mutagen.File(files[node]) for node in ("2", "3", "4"))
    told = {
        "2": (str(mp3["TXXX:prompt"]), str(mp3["TXXX:workflow"])),
        "3": (flac["prompt"][0], flac["workflow"][0]),
        "4": (opus["prompt"][0], opus["workflow"][0]),
    }
    with Image.open(files["6"]) as image:
        told["6"] = (str(image.info["prompt"]), str(image.info["workflow"]))
    for prompt, workflow in told.values():
        assert json.loads(prompt) == graph
        assert json.loads(workflow) == {"note": "é"}


def test_trim_takes_a_part_also_from_the_end(bench: Bench) -> None:
    samples = put_tone(bench, frequency_hz=443.0)  # no part of it is as another one
    for start, first in ((0.25, 11025), (-0.5, 22050)):
        cut = {"class_type": "TrimAudioDuration", "inputs": {"audio": ["1", 0], "start_index": start, "duration": 0.1}}
        trimmed = bench.value({"1": load(), "2": cut}, "2")["waveform"]
        assert trimmed.shape == (1, 2, 4410)
        np.testing.assert_allclose(trimmed[0], samples[:, first : first + 4410], atol=1e-4)


def test_volume_is_in_decibels(bench: Bench) -> None:
    put_tone(bench)
    louder = {"class_type": "AudioAdjustVolume", "inputs": {"audio": ["1", 0], "volume": -6}}
    waveform = bench.value({"1": load(), "2": louder}, "2")["waveform"]
    assert np.max(waveform) == pytest.approx(0.5 * 10 ** (-6 / 20), abs=1e-3)


def test_concat_joins_in_either_order_at_the_higher_rate(bench: Bench) -> None:
    put_tone(bench, "low.flac", rate_hz=24000, channels=1)
    put_tone(bench, "high.flac", frequency_hz=880.0, rate_hz=48000)
    graph = {"1": load("low.flac"), "2": load("high.flac"), "3": {"class_type": "AudioConcat", "inputs": {}}}
    for direction, first_hz in (("after", 440), ("before", 880)):
        graph["3"]["inputs"] = {"audio1": ["1", 0], "audio2": ["2", 0], "direction": direction}
        joined = bench.value(graph, "3")
        assert joined["sample_rate"] == 48000
        assert joined["waveform"].shape == (1, 2, 96000)
        spectrum = np.abs(np.fft.rfft(joined["waveform"][0, 0, :48000]))
        assert int(np.argmax(spectrum)) == first_hz


@pytest.mark.parametrize(("method", "factor"), [("add", 1.0), ("mean", 0.5), ("subtract", 0.0), ("multiply", 0.25)])
def test_merge_overlays_and_never_clips(bench: Bench, method: str, factor: float) -> None:
    put_tone(bench)
    inputs = {"audio1": ["1", 0], "audio2": ["1", 0], "merge_method": method}
    merged = bench.value({"1": load(), "2": {"class_type": "AudioMerge", "inputs": inputs}}, "2")["waveform"]
    assert np.max(merged) == pytest.approx(factor, abs=1e-3)


def test_split_gives_left_and_right(bench: Bench) -> None:
    samples = sine(0.2)
    samples[1] = 0
    (bench.folders.input / "lr.flac").write_bytes(encode(samples, RATE_HZ, "flac", "", {}))
    graph = {"1": load("lr.flac"), "2": {"class_type": "SplitAudioChannels", "inputs": {"audio": ["1", 0]}}}
    left, right = (bench.value(graph, "2", slot)["waveform"] for slot in (0, 1))
    assert left.shape == right.shape == (1, 1, 8820)
    assert np.max(left) > 0.4
    assert not right.any()


def test_mono_cannot_be_split(bench: Bench) -> None:
    put_tone(bench, channels=1)
    graph = {
        "1": load(),
        "2": {"class_type": "SplitAudioChannels", "inputs": {"audio": ["1", 0]}},
        "3": {"class_type": "PreviewAudio", "inputs": {"audio": ["2", 0]}},
    }
    bench.attempt(graph)
    assert "has 1 channel" in bench.events[-1][1]["exception_message"]
