"""What is said about a sound that somebody sent, at the edge of what is doubtful."""

from __future__ import annotations

from typing import Any

import pytest

from devserver.media.remarks import (
    CLIPPED_SHARE,
    CLIPPED_SHARE_OF_FLOAT,
    DC_OFFSET,
    LOWEST_DB,
    NARROW_HZ,
    OPPOSITE,
    OVER_DB,
    SoundFacts,
    decibels,
    find_remarks,
    is_silent,
)

FINE: SoundFacts = {
    "codec": "pcm_s16le", "seconds": 3.0, "sample_rate_hz": 44_100, "channels": 2, "layout": "stereo", "streams": 1,
    "peak_dbfs": -1.0, "clipped_share": 0.0, "silent_share": 0.0, "dc_offset": 0.0, "correlation": 0.3, "one_sided": "",
    "stereo_peak_dbfs": None, "float_samples": False,
}  # fmt: skip


def said(**facts: Any) -> dict[str, str]:
    changed: Any = {**FINE, **facts}
    return {remark.code: remark.message for remark in find_remarks(changed)}


def test_of_a_good_recording_nothing_is_said() -> None:
    assert said() == {}


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"seconds": 1.0}, "very_short"),
        ({"clipped_share": CLIPPED_SHARE}, "clipped"),
        ({"clipped_share": CLIPPED_SHARE_OF_FLOAT, "float_samples": True}, "clipped"),
        ({"peak_dbfs": OVER_DB, "codec": "pcm_f32le"}, "over_full_scale"),
        ({"dc_offset": DC_OFFSET}, "dc_offset"),
        ({"correlation": OPPOSITE}, "phase_inverted"),
        ({"silent_share": 0.5}, "mostly_silent"),
        ({"sample_rate_hz": NARROW_HZ}, "low_rate"),
        ({"streams": 1}, "several_sounds"),
    ],
)
def test_a_value_at_its_limit_is_fine_and_one_beyond_it_is_told(facts: dict[str, Any], code: str) -> None:
    name, limit = next(iter(facts.items()))
    assert code not in said(**facts)
    downwards = name in ("seconds", "correlation", "sample_rate_hz")
    beyond = limit + 1 if name == "streams" else limit - abs(limit) / 50 if downwards else limit + abs(limit) / 50
    assert list(said(**{**facts, name: beyond})) == [code]


def test_over_full_scale_is_said_only_where_nothing_was_lost() -> None:
    assert said(peak_dbfs=3.0, codec="pcm_f32le", clipped_share=0.5, float_samples=True).keys() == {"over_full_scale"}
    assert said(peak_dbfs=3.0, codec="mp3", clipped_share=0.5, float_samples=True).keys() == {"clipped"}


def test_of_silence_nothing_else_is_said() -> None:
    found = said(peak_dbfs=-120.0, seconds=0.1, silent_share=1.0, sample_rate_hz=8000)
    assert found == {"silent": "It is silent: its loudest sample is at -120.0 dBFS."}


def test_a_mix_in_which_everything_cancels_is_silent_too() -> None:
    loud: Any = {**FINE, "stereo_peak_dbfs": -120.0}
    assert is_silent(loud)
    assert not is_silent(FINE)


def test_the_words_are_for_musicians() -> None:
    assert said(sample_rate_hz=8000)["low_rate"] == "Its sample rate is 8000 Hz: it has nothing above 4000 Hz."
    assert said(one_sided="left")["one_sided"] == "It only has sound on the left; the other side is silent."
    assert said(silent_share=0.75)["mostly_silent"].startswith("75% of its time is silence")


def test_no_level_is_the_lowest() -> None:
    assert [decibels(level) for level in (0, 1, 10)] == [LOWEST_DB, 0, 20]
