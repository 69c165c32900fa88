"""All words that the parser knows, as phrases of folded words. Made once, when it is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..music.genres import GENRES
from .words_genre import ERA_WORDS, GENRE_WORDS, NEXT_BEST
from .words_play import INSTRUMENT_WORDS, LANGUAGE_WORDS, SECTION_WORDS, VOCAL_WORDS
from .words_sound import MOOD_WORDS, PRODUCTION_WORDS, TEXTURE_WORDS

GERMAN_ENDINGS = ("", "e", "er", "es", "en", "em")
SAME = {"n": "and", "&": "and"}  # as whole words: drum n bass, drum & bass


class Style(NamedTuple):
    """A genre that a word names: its row in the table, the narrower style, and whether the row is only near it."""

    genre: str
    sub_genre: str | None
    near: bool


class Meaning(NamedTuple):
    field: str
    value: Any  # a word, beats per minute, seconds, or a Style


Phrase = tuple[str, ...]


def folded(word: str) -> str:
    word = word.casefold().replace("’", "'")
    return SAME.get(word, word)


def forms(entry: str) -> Iterator[Phrase]:
    """The phrases that an entry of a list of words stands for."""
    if entry.endswith("*"):
        endings: tuple[str, ...] = GERMAN_ENDINGS
    else:
        endings = ("", "s") if entry.endswith("+") else ("",)
    words = [folded(word) for word in entry.rstrip("*+").split()]
    for ending in endings:
        yield (*words[:-1], words[-1] + ending)


def table_genre(family: str) -> tuple[str, bool]:
    """The row of the table for a family, and whether it is the family's own."""
    if family in GENRES:
        return family, True
    own = next((name for name in GENRES if set(family.split()) & set(name.replace("/", " ").split())), None)
    return (own, True) if own else (NEXT_BEST[family], False)


def _styles() -> Iterator[tuple[str, Meaning]]:
    for family, styles in GENRE_WORDS.items():
        row, is_own = table_genre(family)
        for key, entries in styles.items():
            name = key.removeprefix("~")
            sub = name or (None if is_own else family)
            own_row = next((genre for genre in GENRES if genre == name), None)
            style = Style(own_row or row, None if own_row else sub, not own_row and (key.startswith("~") or not is_own))
            for entry in entries.split(","):
                yield entry.strip(), Meaning("genre", style)


def _rows() -> Iterator[tuple[str, Meaning]]:
    """What the table itself calls its genres, for those words that no list has."""
    for name in GENRES:
        yield name.replace("/", " "), Meaning("genre", Style(name, None, near=False))


LISTED: Mapping[str, Mapping[str, str]] = {
    "moods": MOOD_WORDS,
    "texture": TEXTURE_WORDS,
    "production": PRODUCTION_WORDS,
    "instruments": INSTRUMENT_WORDS,
    "vocals": VOCAL_WORDS,
    "language": LANGUAGE_WORDS,
    "structure": SECTION_WORDS,
    "era": ERA_WORDS,
}
TEMPO_WORDS: dict[float, str] = {
    45: "largo, grave",
    52: "lento, very slow, sehr langsam*",
    66: "adagio",
    70: "slow, langsam*, slowed down, slowed, slow paced, slow tempo, getragen*, verlangsamt*",
    84: "andante",
    100: "mid tempo, midtempo, medium tempo, moderate tempo, moderato, mittleres tempo, mittlerem tempo",
    128: "allegro, uptempo, up tempo",
    150: "fast, schnell*, fast paced, rasch*, vivace, speedy, rapid, rasant*",
    176: "presto, very fast, sehr schnell*, prestissimo",
}
METRE_WORDS: dict[str, str] = {
    "3/4": "waltz time, three four, three quarter, dreivierteltakt, dreiviertel, 3er takt, triple metre, triple meter,"
    " walzertakt",
    "4/4": "four four, common time, viervierteltakt, viertelvier",
    "2/4": "two four, zweivierteltakt",
    "6/8": "six eight, sechsachteltakt, sechsachtel",
    "5/4": "five four, fünfvierteltakt",
    "7/8": "seven eight, siebenachteltakt, seven eighths",
    "12/8": "twelve eight, zwölfachteltakt",
}
MODE_WORDS: dict[str, str] = {
    "minor": "minor key+, in minor, minor chords, minor scale, minor mode, minor harmonies, moll, molltonart,"
    " mollakkorde",
    "major": "major key+, in major, major chords, major scale, major mode, major harmonies, durtonart, in dur,"
    " durakkorde",
    "dorian": "dorian, dorisch*",
    "phrygian": "phrygian, phrygisch*",
    "lydian": "lydian, lydisch*",
    "mixolydian": "mixolydian, mixolydisch*",
    "aeolian": "aeolian, äolisch*",
}
FORM_WORDS: dict[float, str] = {  # seconds of what has a usual length
    15: "loop+, jingle+, jingles, ident, sting",
    180: "full song, full length song, full length track, ganzes lied, ganzer song",
}


def _all() -> Iterator[tuple[str, Meaning]]:
    yield from _rows()
    yield from _styles()
    for field, table in LISTED.items():
        for value, entries in table.items():
            yield from ((entry.strip(), Meaning(field, value)) for entry in entries.split(","))
    for tempo, entries in TEMPO_WORDS.items():
        yield from ((entry.strip(), Meaning("bpm", tempo)) for entry in entries.split(","))
    for metre, entries in METRE_WORDS.items():
        yield from ((entry.strip(), Meaning("time_signature", metre)) for entry in entries.split(","))
    for mode, entries in MODE_WORDS.items():
        yield from ((entry.strip(), Meaning("mode", mode)) for entry in entries.split(","))
    for seconds, entries in FORM_WORDS.items():
        yield from ((entry.strip(), Meaning("duration_seconds", seconds)) for entry in entries.split(","))


def _phrases() -> dict[Phrase, tuple[Meaning, ...]]:
    known: dict[Phrase, tuple[Meaning, ...]] = {}
    for entry, meaning in _all():
        for phrase in forms(entry):
            had = known.get(phrase, ())
            if all(other.field != meaning.field for other in had):
                known[phrase] = (*had, meaning)
    for name, genre in GENRES.items():
        for word in genre.words:
            for phrase in forms(word.replace("-", " ").replace("'", " ").replace("&", " and ")):
                known.setdefault(phrase, (Meaning("genre", Style(name, None, near=False)),))
    return known


PHRASES = _phrases()
LONGEST: dict[str, int] = {}  # by first word: the words of the longest phrase that begins with it
for _phrase in PHRASES:
    LONGEST[_phrase[0]] = max(LONGEST.get(_phrase[0], 0), len(_phrase))

# The second halves of German compounds that say nothing by themselves: Klavierstück, Technotrack.
HEADS = {
    folded(head)
    for head in (
        "stück stücke musik track song songs lied lieder nummer ballade klang klänge klängen sound sounds begleitung"
        " linie linien teil gruppe groove grooves rhythmus rhythmen beat beats loop spiel stimmung atmosphäre motiv"
        " nummer hymne session set"
    ).split()
}
# The first halves that are worth looking for; "s" and "n" may join the halves.
STEMS = {
    phrase[0]: meanings
    for phrase, meanings in PHRASES.items()
    if len(phrase) == 1
    and (len(phrase[0]) >= 4 or phrase[0] == "pop")
    and meanings[0].field in {"genre", "instruments", "moods", "vocals", "structure", "texture"}
}
