"""Reading takes steps in proportion to the text, whatever is repeated in it."""

from __future__ import annotations

import time

import pytest

from devserver.nodes.prompting.complete import parse_text
from tests.counting import steps

REPEATED = [
    *(
        "1:",
        "C# minor",
        "a\u0301",
        "C# minor ",
        "\u0301",
        "1",
        " ",
        "\n",
        "z",
        "ß",
        ",",
        "(",
        '"',
        "-",
        "a-",
        "1/",
        "1 -",
    ),
    *("120 bpm ", "seed 1 ", "3 minutes ", "3/4 ", "mp3 ", "90s ", "1985 ", "16 bars ", "2 versions ", "at 120, "),
    *("without drums ", "ohne Schlagzeug, ", "no ", "vocals: none ", "no drums or ", "but no drums ", "avoid z, "),
    *("solo ", "only soft ", "soft ", "German ", "German vocals ", "in German ", "choir German ", "jazz techno "),
    *("klavierstück", "Klavierstück ", "slow-", "drums, ", "chorus x2 ", "lyrics: la la\n", "tempo", "tempo of "),
]
BEFORE_A_GAP = ["tempo", "tempo:", "120", "in the key of", "seed", "3", "at", "2", "as", "bpm", "key of", "no", "solo"]
SHORT, LONG = 4_000, 16_000


def repeated(what: str, length: int) -> str:
    return (what * (length // len(what) + 1))[:length]


@pytest.mark.parametrize("what", REPEATED)
def test_the_steps_grow_with_the_text_and_not_faster(what: str) -> None:
    parse_text(what)
    few, many = (steps(lambda n=n: parse_text(repeated(what, n))) for n in (SHORT, LONG))  # type: ignore[misc]
    assert many / max(few, 1000) < 4.8


def took(text: str) -> float:
    """The processor time of a reading; of three, since another process may disturb one."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        parse_text(text)
        times.append(time.process_time() - begun)
    return min(times)


@pytest.mark.parametrize("what", REPEATED)
def test_so_does_what_no_call_shows(what: str) -> None:
    """A pattern that goes back, a slice that is copied: eight times the text may take thirty times as long."""
    assert took(repeated(what, 8 * SHORT)) / max(took(repeated(what, SHORT)), 0.002) < 30


@pytest.mark.parametrize("what", BEFORE_A_GAP)
@pytest.mark.parametrize("gap", [" ", "\n", "\t \n"])
def test_a_gap_is_gone_through_once(what: str, gap: str) -> None:
    text = [f"a slow song {what}{repeated(gap, length)}x" for length in (SHORT, 8 * SHORT)]
    assert took(text[1]) / max(took(text[0]), 0.002) < 30


def test_a_short_gap_in_a_line_is_none() -> None:
    found = parse_text("a waltz in   C minor\nat  120   bpm,  3 minutes")
    assert {name: found.readings[name].value for name in ("bpm", "duration_seconds", "key")} == {
        "bpm": 120,
        "duration_seconds": 180,
        "key": "C minor",
    }
