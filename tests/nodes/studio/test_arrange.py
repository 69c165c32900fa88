"""Sections in their order: lengths to the sample, joins that cannot be heard."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from devserver.nodes.arrange import TonewrightArrange

from .reference import Sound, noise, tone

RATE = 48_000
NAMES = TonewrightArrange.RETURN_NAMES


def arrange(plan: dict[str, Any], rate: int = RATE, **stems: Any) -> tuple[dict[str, Sound], dict[str, Any]]:
    inputs = {name: {"waveform": sound[np.newaxis], "sample_rate": rate} for name, sound in stems.items()}
    output = TonewrightArrange().run(plan=json.dumps(plan) if plan else "", **inputs)["result"]
    sounds = {name: audio["waveform"][0] for name, audio in zip(NAMES[:-1], output[:-1], strict=True)}
    return sounds, json.loads(output[-1])


def spans(**seconds: tuple[float, float]) -> dict[str, Any]:
    return {name: {"start_seconds": start, "end_seconds": end} for name, (start, end) in seconds.items()}


def order(*names: str) -> list[dict[str, Any]]:
    return [{"section": name} for name in names]


def click_db(sound: Sound, at: int, rate: int = RATE) -> float:
    """How strong the band above 8 kHz is in the 20 ms around a place, relative to the whole sound there."""
    part = sound[0, at - rate // 100 : at + rate // 100] * np.hanning(2 * (rate // 100))
    power = np.abs(np.fft.rfft(part)) ** 2
    split = round(8000 / (rate / 2) * (len(power) - 1))
    return float(10 * np.log10(power[split:].sum() / power.sum()))


def test_an_empty_plan_changes_nothing_and_the_mix_is_the_sum() -> None:
    drums, bass = noise(0.1, 1.2345, RATE), tone(100, 1.2345, RATE, 1)
    out, report = arrange({}, drums=drums, bass=bass)
    assert np.array_equal(out["drums"], drums)
    assert np.array_equal(out["mix"], drums + bass)
    assert not out["lead"].any()
    assert {sound.shape for sound in out.values()} == {drums.shape}
    assert report["samples"] == drums.shape[1]


def test_sections_that_follow_each_other_are_joined_without_a_trace() -> None:
    sound = noise(0.1, 3, RATE)
    plan = {"sections": spans(a=(0, 1.1), b=(1.1, 2.3), c=(2.3, 3)), "order": order("a", "b", "c")}
    out, _ = arrange(plan, lead=sound)
    assert np.abs(out["lead"] - sound).max() < 1e-6


def test_joins_do_not_click() -> None:
    sound = tone(441.3, 4, RATE, amplitude=0.5)
    plan = {
        "sections": spans(a=(0.30011, 1.2003), b=(2.0007, 2.9001)),
        "order": [{"section": "a", "repeat": 3}, *order("b", "a"), {"section": "b", "gain_db": -12}],
    }
    out, report = arrange(plan, lead=sound)
    joins = [piece["start_sample"] for piece in report["pieces"]][1:]
    assert len(joins) == 5
    assert max(click_db(out["lead"], join) for join in joins) < -65
    cut = np.concatenate([sound[:, 14_405:57_614], sound[:, 14_405:57_614]], axis=1)
    assert click_db(cut, 57_614 - 14_405) > -45  # the same join as a plain cut: what the measure must find
    edges = np.pad(out["lead"], ((0, 0), (RATE, RATE)))
    assert click_db(edges, RATE) < -60
    assert click_db(edges, edges.shape[1] - RATE) < -60


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_bars_fall_where_the_tempo_puts_them_to_the_sample(rate: int) -> None:
    bpm = 173.5
    bar = 4 * 60 / bpm
    sound = noise(0.1, 20, rate)
    plan = {
        "bpm": bpm,
        "first_bar_seconds": 0.25,
        "sections": {"loop": {"start_bar": 2, "bars": 1}, "end": {"start_bar": 5, "bars": 2}},
        "order": [{"section": "loop", "repeat": 16}, {"section": "end"}],
    }
    out, report = arrange(plan, rate, drums=sound)
    assert out["drums"].shape[1] == report["samples"] == round(18 * bar * rate)
    starts = [piece["start_sample"] for piece in report["pieces"]]
    assert starts == [round(number * bar * rate) for number in range(17)]
    source = round((0.25 + bar) * rate)
    middle = slice(starts[7] + 1000, starts[8] - 1000)
    assert np.array_equal(out["drums"][:, middle], sound[:, source + 1000 :][:, : middle.stop - middle.start])


def test_gain_pan_and_mutes_hold_for_their_stem_and_section_only() -> None:
    both = {"drums": noise(0.1, 4, RATE), "lead": tone(440, 4, RATE)}
    plan = {
        "sections": spans(a=(0, 2), b=(2, 4)),
        "order": [
            {"section": "a", "stems": {"drums": {"mute": True}, "lead": {"pan": -1}}},
            {"section": "b", "gain_db": -6, "stems": {"lead": {"gain_db": -6}}},
        ],
    }
    out, _ = arrange(plan, RATE, **both)
    first, second = slice(RATE // 2, 3 * RATE // 2), slice(5 * RATE // 2, 7 * RATE // 2)
    assert not out["drums"][:, first].any()
    assert not out["lead"][1, first].any()
    for name, gain_db in (("drums", -6), ("lead", -12)):
        level = out[name][:, second].std() / both[name][:, second].std()
        assert 20 * np.log10(level) == pytest.approx(gain_db, abs=0.1)


def test_fades_silences_and_repeats() -> None:
    plan = {
        "sections": spans(a=(0.5, 1.5)),
        "order": [
            {"section": "a", "repeat": 2, "fade_in_seconds": 2.0},
            {"silence_seconds": 0.5},
            {"section": "a", "fade_out_seconds": 1.0},
        ],
    }
    out, report = arrange(plan, lead=tone(440, 3, RATE))
    sound = out["lead"]
    assert report["samples"] == sound.shape[1] == round(3.5 * RATE)
    level = np.abs(sound[0]).reshape(35, -1).max(axis=1)
    assert level[0] < 0.01 < level[9] < level[18]
    assert level[21] == level[23] == 0
    assert level[26] > 10 * level[-1]


@pytest.mark.parametrize("seconds", [1.00001, 2.5])
def test_the_length_is_as_asked_with_a_fade_or_with_silence(seconds: float) -> None:
    out, _ = arrange({"length_seconds": seconds, "ending_seconds": 0.5}, lead=tone(440, 2, RATE))
    sound = out["lead"]
    assert {part.shape[1] for part in out.values()} == {round(seconds * RATE)}
    assert np.abs(sound[:, -50:]).max() < 1e-3
    assert np.abs(sound[:, RATE // 4 : RATE // 2]).max() == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"order": order("a")}, "order names the section 'a'; allowed are none, as sections is empty"),
        ({"sections": spans(a=(0, 1)), "order": order("b")}, "section 'b'; allowed are a"),
        ({"sections": spans(a=(0, 9)), "order": order("a")}, r"section a ends at 9.000 s; allowed is up to 2.000 s"),
        ({"sections": spans(a=(1, 0.5))}, r"plan.sections.a: end_seconds is 0.5; allowed is more than 1"),
        ({"sections": {"a": {"start_bar": 1, "bars": 2}}}, "section a counts bars; bpm is missing"),
        ({"sections": {"a": {"start_seconds": 1}}}, "start_seconds and end_seconds, or start_bar and bars"),
        ({"sections": {"a": {"begin": 1}}}, "plan.sections.a.begin is no field; allowed are start_seconds"),
        ({"sections": spans(a=(0, 0.01)), "order": order("a")}, "at least twice the crossfade_ms"),
        ({"order": [{"repeat": 2}]}, r"plan.order\[0\]: a step has a section or silence_seconds"),
        ({"order": [{"silence_seconds": 1, "stems": {"lead": {"pan": 2}}}]}, r"order\[0\].stems.lead.pan is 2"),
        ({"order": [{"silence_seconds": 7000, "repeat": 2}]}, "lasts over 14000 s; allowed are 7200"),
    ],
)
def test_a_bad_plan_is_refused_in_words(plan: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        arrange(plan, lead=tone(440, 2, RATE))
