"""The plan of a piece: how many bars fit a length in seconds, which sections they make, and who plays in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .genre import Form
from .song import PARTS, Part, Section, SectionName

ENERGIES: dict[str, float] = {
    "intro": 0.36,
    "verse": 0.58,
    "build": 0.66,
    "chorus": 0.88,
    "drop": 0.92,
    "bridge": 0.5,
    "break": 0.32,
    "solo": 0.74,
    "outro": 0.42,
    "ending": 0.3,
}
# The forms of a piece of one, two, three ... phrases; a longer one is the last of them with longer sections and rounds.
FORMS: dict[Form, tuple[str, ...]] = {
    "song": (
        "chorus",
        "verse chorus",
        "intro verse chorus",
        "intro verse chorus outro",
        "intro verse chorus break chorus",
        "intro verse chorus break chorus outro",
        "intro verse chorus verse chorus break chorus",
        "intro verse chorus verse chorus bridge chorus outro",
    ),
    "club": (
        "drop",
        "build drop",
        "intro build drop",
        "intro build drop outro",
        "intro verse build drop outro",
        "intro verse build drop break drop",
        "intro verse build drop break build drop",
        "intro verse build drop break build drop outro",
    ),
    "arc": (
        "verse",
        "verse chorus",
        "intro verse chorus",
        "intro verse chorus outro",
        "intro verse chorus bridge outro",
        "intro verse chorus bridge chorus outro",
    ),
    "jazz": (
        "chorus",
        "chorus solo",
        "intro chorus solo",
        "intro chorus solo chorus",
        "intro chorus solo verse chorus",
        "intro chorus solo verse solo chorus",
        "intro chorus verse solo bridge solo chorus outro",
    ),
}
ROUNDS: dict[Form, tuple[tuple[SectionName, ...], ...]] = {  # taken in turn
    "song": (("verse", "chorus"), ("break", "verse", "chorus"), ("verse", "solo", "chorus")),
    "club": (("verse", "build", "drop"), ("break", "build", "drop")),
    "arc": (("verse", "chorus"), ("break", "verse", "bridge", "chorus")),
    "jazz": (("solo", "verse"), ("solo", "bridge", "chorus")),
}
MOST_PHRASES = {"verse": 4, "chorus": 4, "drop": 4, "solo": 4, "intro": 2, "break": 2, "bridge": 2, "outro": 2}
GROWING = ("chorus", "drop", "solo", "verse", "break", "intro", "bridge", "outro")  # who is lengthened first
LAYOUT: dict[str, tuple[Part, ...]] = {
    "build": ("drums", "chords", "lead"),
    "bridge": ("bass", "chords", "lead"),
    "break": ("chords", "lead"),
}
ROLES: dict[str, SectionName] = {"pre-chorus": "build", "post-chorus": "chorus", "hook": "chorus", "interlude": "break"}
RING_SECONDS = 1.5  # a final chord rings at least so long
RING_SHARE = 0.12  # or this share of a short piece


def bars_in(seconds: float, bpm: float, beats_per_bar: float) -> tuple[int, bool]:
    """Return the whole bars in a length, and whether time is left for a final chord to ring after them."""
    beats = seconds * bpm / 60
    bars = int(beats // beats_per_bar)
    ring_seconds = (beats - bars * beats_per_bar) * 60 / bpm
    if ring_seconds < min(RING_SECONDS, RING_SHARE * seconds):
        bars -= 1
    return (bars, True) if bars >= 1 else (1, False)


def plan(
    seconds: float,
    bpm: float,
    *,
    beats_per_bar: float = 4,
    form: Form = "song",
    structure: Sequence[str] = (),
    intro: Sequence[Part] = ("chords", "drums"),
    muted: Sequence[Part] = (),
    energy_shift: float = 0.0,
) -> tuple[Section, ...]:
    """Sections in whole phrases of four bars (two in a short piece); what is over lengthens the last one.

    The final chord is a section of its own, "ending", where there is time for one. An asked structure is kept in its
    order; of one with more sections than there are bars, the first are played.
    """
    bars, rings = bars_in(seconds, bpm, beats_per_bar)
    needed = max(len(structure), 1)
    phrase = 4 if bars >= 12 and bars // 4 >= needed else 2 if bars >= 4 and bars // 2 >= needed else 1
    phrase = phrase if structure or bars >= 4 else bars
    if structure:
        parts = _distribute_phrases([role(name) for name in structure[:bars]], bars // phrase)
    else:
        parts = _form(form, bars // phrase)
    sections: list[Section] = []
    heard: Counter[str] = Counter()
    for index, (name, phrases) in enumerate(parts):
        start = sections[-1].start_bar + sections[-1].bars if sections else 0
        length = phrases * phrase if index < len(parts) - 1 else bars - start
        again = 0.04 * min(2, heard[name]) if name in {"verse", "chorus", "drop"} else 0.0
        energy = min(1.0, max(0.1, ENERGIES[name] + again + energy_shift))
        playing = _players(name, heard[name], form, intro, muted)
        heard[name] += 1
        sections.append(Section(name=name, start_bar=start, bars=length, energy=energy, parts=playing))
    if rings:
        sections.append(Section(name="ending", start_bar=bars, bars=1, energy=ENERGIES["ending"]))
    return tuple(sections)


def role(name: str) -> SectionName:
    """Return the section that a requested one is played as: itself, or one of the same role; a verse if unknown."""
    return name if name in ENERGIES and name != "ending" else ROLES.get(name, "verse")  # type: ignore[return-value]


def _players(
    name: SectionName, times_before: int, form: Form, intro: Sequence[Part], muted: Sequence[Part]
) -> tuple[Part, ...]:
    """Return the parts that play in a section; all allowed parts if those of its kind are not."""
    wanted: Sequence[Part] = tuple(intro) if name == "intro" else LAYOUT.get(name, PARTS)
    if name == "outro":
        wanted = tuple(part for part in PARTS if part != "lead")
    if name == "solo" and form == "jazz":
        wanted = ("drums", "bass", "lead")
    if name == "break" and times_before % 2:
        wanted = ("bass", "chords")
    playing = tuple(part for part in PARTS if part in wanted and part not in muted)
    return playing or tuple(part for part in PARTS if part not in muted)


def _form(form: Form, phrases: int) -> list[tuple[SectionName, int]]:
    forms = FORMS[form]
    names: list[SectionName] = list(forms[min(phrases, len(forms)) - 1].split())  # type: ignore[arg-type]
    most = sum(MOST_PHRASES.get(name, 1) for name in names)
    at = next((place for place in range(len(names) - 1, 0, -1) if names[place] in {"bridge", "break"}), len(names) - 1)
    rounds = 0
    while phrases > most * 3 // 4:  # another round before a piece of longest sections
        added = ROUNDS[form][rounds % len(ROUNDS[form])]
        names[at:at] = added
        at, rounds = at + len(added), rounds + 1
        most += sum(MOST_PHRASES.get(name, 1) for name in added)
    return _distribute_phrases(names, phrases)


def _distribute_phrases(names: list[SectionName], phrases: int) -> list[tuple[SectionName, int]]:
    """Return each section one phrase at least; what is over goes round, to choruses first, until nothing is over."""
    lengths = [1] * len(names)
    over = phrases - len(names)
    while over > 0:
        shortest = min(range(len(names)), key=lambda at: (_fullness(names[at], lengths[at]), at))
        lengths[shortest] += 1
        over -= 1
    return list(zip(names, lengths, strict=True))


def _fullness(name: str, phrases: int) -> tuple[int, int]:
    limit = MOST_PHRASES.get(name, 1)
    rank = GROWING.index(name) if name in GROWING else len(GROWING)
    return (phrases * 4 // limit if phrases < limit else 100 + phrases, rank)
