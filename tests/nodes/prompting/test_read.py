"""What is read from a text, field by field."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from devserver.nodes.music.genres import GENRES
from devserver.nodes.prompting.brief import FIELDS, LISTS, BriefValues, Parsed, Span
from devserver.nodes.prompting.complete import parse_text
from devserver.nodes.prompting.read import read
from tests.nodes.prompting.score import checked, golden

EXAMPLE = "A high-energy drum and bass track at 174 bpm with a heavy reese bass"
PROMPTS = [prompt["text"] for name in ("golden.yaml", "unseen.yaml") for prompt in golden(name)]
ODD = [
    *("", " ", "\x00", "🎹" * 50, "a" * 10_000, "no " * 3000, "no drums or " * 800, "1" * 5000, "1:1:1:1", "[" * 500),
    *("174 bpm " * 900, "e\u0301te\u0301", "\u202eevil", "ſtrings", "İstanbul beat", "ﬁddle", "ß", "'n'", "&&&", "²/4"),
    *("½ minute", "٣ versions", "0/0", "99999999999 bpm", "0 seconds", "seed 99999999999999", "A# ♭ m", "東京 techno"),
    *("no", "ohne", "without,or,and", "0 bars at 120 bpm", "999 bars at 30 bpm", "key of", "hour hour", "a a a a a m"),
]


def said(text: str, field: str) -> Any:
    return read(text).value(field)


@pytest.mark.parametrize("name", ["golden.yaml"])
def test_golden_prompts_are_read_right(name: str) -> None:
    wrong = [field for prompt in golden(name) for field in checked(prompt) if not field.right]
    assert not wrong


def test_there_are_enough_golden_prompts_and_sixty_that_nothing_was_tuned_on() -> None:
    assert len(golden("unseen.yaml")) == 60
    assert len({*PROMPTS}) >= 120
    fields = [field for prompt in golden("unseen.yaml") for field in checked(prompt)]
    assert sum(field.right for field in fields) >= 0.9 * len(fields)


def test_the_example_says_where_and_how_surely() -> None:
    brief = parse_text(EXAMPLE).as_json()["brief"]
    assert brief["bpm"] == {"value": 174, "span": [37, 44], "confidence": 1.0, "origin": "user"}
    assert brief["genre"] == {"value": "drum and bass", "span": [14, 27], "confidence": 1.0, "origin": "user"}
    assert brief["instruments"]["spans"] == [[58, 68]]
    assert brief["key"]["origin"] == "genre default"
    assert brief["duration_seconds"] is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("in A minor", "A minor"),
        ("a ballad in a minor", "A minor"),
        ("F# major", "F# major"),
        ("F sharp minor", "F# minor"),
        ("B flat major", "A# major"),
        ("Eb-minor", "D# minor"),
        ("in Cm", "C minor"),
        ("Stück in a-Moll", "A minor"),
        ("C-Dur", "C major"),
        ("fis moll", "F# minor"),
        ("Es-Dur", "D# major"),
        ("B-Dur", "A# major"),
        ("H-Moll", "B minor"),
        ("E phrygian", "E minor"),
        ("key of D", "D major"),
        *((text, None) for text in ("a major hit", "in a minor key", "a minor detail", "no key", "Ammoniak", "")),
    ],
)
def test_keys(text: str, name: str | None) -> None:
    assert said(text, "key") == name


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("174 bpm", 174),
        ("at 92.5BPM", 92.5),
        ("120-bpm", 120),
        ("mit 90,5 Schläge pro Minute", 90.5),
        ("120 to 130 bpm", 125),
        ("tempo: 98", 98),
        ("slow attack pads", None),
        ("slow", 70),
        ("v2.174 bpm", None),
        ("9 bpm", None),
    ],
)
def test_tempos(text: str, bpm: float | None) -> None:
    assert said(text, "bpm") == bpm


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3:20", 200),
        ("90 s", 90),
        ("30-second", 30),
        ("2 min", 120),
        ("1 minute and 30 seconds", 90),
        ("eine halbe Minute", 30),
        ("zweieinhalb Minuten", 150),
        ("2-3 minutes", 150),
        ("16 bars at 120 bpm", 32),
        ("8 Takte Walzer mit 90 bpm", 16),
        ("a drop after 30 seconds", None),
        ("10 second intro", None),
        ("the 90s", None),
        ("two hours", 7200),
        ("half an hour of rain", 1800),
        ("two days and 100 hours", None),
        ("808s", None),
    ],
)
def test_lengths(text: str, seconds: float | None) -> None:
    assert said(text, "duration_seconds") == seconds


@pytest.mark.parametrize(
    ("text", "unwanted", "wanted"),
    [
        ("no drums", ["drums"], None),
        ("no drums, heavy bass", ["drums"], ["bass"]),
        ("no drums and a piano", ["drums"], ["piano"]),
        ("without drums, bass or piano, but with guitar", ["drums", "bass", "piano"], ["guitar"]),
        ("weder Klavier noch Gitarre, dafür Flöte", ["piano", "guitar"], ["flute"]),
        ("avoid: synths, pads. Cello", ["synth", "pad"], ["cello"]),
        ("keine kitschigen Geigen", ["violin"], None),
        ("no clichés", ["clichés"], None),
        ("not only piano", None, ["piano"]),
    ],
)
def test_what_is_not_wanted(text: str, unwanted: list[str] | None, wanted: list[str] | None) -> None:
    assert list(read(text).items("avoid")) == (unwanted or [])
    assert list(read(text).items("instruments")) == (wanted or [])


@pytest.mark.parametrize(
    ("text", "vocals", "language"),
    [
        ("no vocals", "instrumental", None),
        ("instrumental", "instrumental", None),
        ("female and male vocals", "duet", None),
        ("sung in Japanese", "vocals", "ja"),
        ("German vocals", "vocals", "de"),
        ("Japanese flute", None, None),
        ("mit deutschem Gesang", "vocals", "de"),
    ],
)
def test_voices(text: str, vocals: str | None, language: str | None) -> None:
    assert (said(text, "vocals"), said(text, "language")) == (vocals, language)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("calm music at 190 bpm", ("moods", "bpm")),
        ("120 bpm, no, 140 bpm", ("bpm",)),
        ("slow, 174 bpm", ("bpm",)),
        ("instrumental with a singer", ("vocals",)),
        ("piano, but no piano", ("instruments", "avoid")),
        ("happy and gloomy", ("moods",)),
    ],
)
def test_contradictions_are_told(text: str, fields: tuple[str, ...]) -> None:
    assert fields in [conflict.fields for conflict in read(text).conflicts]


@pytest.mark.parametrize(
    ("text", "field", "value", "told"),
    [
        ("house at 999 bpm", "bpm", None, "a tempo is 30 to 300 bpm"),
        ("100 hours of drone", "duration_seconds", None, "a length is up to 86400 seconds"),
        ("jazz, seed 99999999999", "seed", None, "a seed is up to 4294967295"),
        ("jazz, 40 variations", "variations", 16, "16 are made, the most there can be"),
        ("jazz in 13/8", "time_signature", None, "time signatures are 2/4"),
    ],
)
def test_what_cannot_be_had_is_a_conflict_of_its_field(text: str, field: str, value: Any, told: str) -> None:
    assert said(text, field) == value
    (conflict,) = read(text).conflicts
    assert conflict.fields == (field,)
    assert told in conflict.message


def test_words_that_say_nothing_are_listed_with_their_place() -> None:
    assert [(word.word, word.span) for word in read("techno for my zebra, xyzzy!").unmatched] == [
        ("zebra", (14, 19)),
        ("xyzzy", (21, 26)),
    ]


def test_a_style_without_rules_of_its_own_becomes_the_nearest_and_says_so() -> None:
    parsed = parse_text("bluegrass")
    assert parsed.value("sub_genre") == "bluegrass"
    assert parsed.readings["genre"].origin == "parsed"
    assert parsed.notes == (
        f"bluegrass has no rules of its own here; the nearest genre that has is {parsed.value('genre')}.",
    )


def texts() -> Iterator[str]:
    """Golden prompts, cut and shuffled ones, and what nobody thinks of."""
    yield from PROMPTS
    yield from ODD
    draw = random.Random(4)
    words = [word for prompt in PROMPTS for word in prompt.split()]
    for _ in range(150):
        yield draw.choice([" ", ", ", "-", "\n"]).join(draw.choices(words, k=draw.randint(1, 30)))
        yield "".join(draw.choices("abcdefgm #b♭0123456789:/.,-'&[]½ßäöünoINüé\n", k=draw.randint(1, 60)))


def spans(parsed: Parsed) -> Iterator[Span]:
    for reading in parsed.readings.values():
        yield from (span for span in (reading.span, *(reading.spans or ())) if span)
    yield from (word.span for word in parsed.unmatched)


def test_any_text_gives_a_valid_brief_whose_spans_point_at_words() -> None:
    for text in texts():
        parsed = parse_text(text)
        BriefValues.parse({name: reading.value for name, reading in parsed.readings.items()})
        assert {"genre", "bpm", "key", "mode", "time_signature"} <= set(parsed.readings)
        assert parsed.value("genre") in GENRES
        for start, end in spans(parsed):
            assert 0 <= start < end <= len(text)
            assert text[start:end] == text[start:end].strip(), (text, text[start:end])
        for word in parsed.unmatched:
            assert text[slice(*word.span)] == word.word
        for name, reading in parsed.readings.items():
            assert 0 <= reading.confidence <= 1
            assert (reading.spans is not None) == (name in LISTS)
            assert reading.spans is None or len(reading.spans) == len(reading.value)
            assert reading.span or reading.origin == "genre default" or name == "mode", (text, name)
        assert parse_text(text) == parsed


LOCKS: dict[str, Any] = {
    "genre": "house",
    "sub_genre": "xyzzy",
    "era": "1960s",
    "moods": ["dark"],
    "bpm": 99.5,
    "key": "F# minor",
    "mode": "dorian",
    "time_signature": "5/4",
    "duration_seconds": 77,
    "instruments": ["tuba", "kazoo"],
    "vocals": "choir",
    "language": "ko",
    "structure": ["outro", "intro"],
    "texture": [],
    "production": ["mono"],
    "avoid": ["bells"],
    "variations": 3,
    "seed": 0,
    "format": "ogg",
}


def test_locked_fields_never_change_whatever_the_text() -> None:
    assert set(LOCKS) == set(FIELDS)
    draw = random.Random(5)
    for text in texts():
        names = draw.sample(FIELDS, k=draw.randint(1, len(FIELDS)))
        brief = parse_text(text, BriefValues.parse({name: LOCKS[name] for name in names})).as_json()["brief"]
        for name in names:
            assert brief[name]["value"] == LOCKS[name]
            assert (brief[name]["origin"], brief[name]["confidence"]) == ("user", 1.0)


def test_a_lock_against_the_text_is_told() -> None:
    conflicts = parse_text("house at 120 bpm", BriefValues.parse({"bpm": 99})).conflicts
    assert [conflict.fields for conflict in conflicts] == [("bpm",)]


def test_a_span_holds_the_word_that_means_the_value() -> None:
    for text in PROMPTS:
        for name, reading in read(text).readings.items():
            if name in {"instruments", "moods", "production", "texture"} and "solo" not in reading.value:
                for value, span in zip(reading.value, reading.spans or (), strict=True):
                    assert span is not None
                    assert read(text[slice(*span)]).items(name) == (value,), (text, value)
            elif name in {"bpm", "genre", "duration_seconds", "time_signature", "seed", "format"} and reading.span:
                alone = read(text[slice(*reading.span)])
                assert reading.confidence < 0.95 or alone.value(name) == reading.value, (text, name)


def test_a_key_that_nobody_names_is_drawn_by_the_text() -> None:
    assert len({parse_text(f"house {number}").value("key") for number in range(60)}) > 6
    assert {parse_text(f"dark house {number}").value("mode") for number in range(9)} == {"minor"}
