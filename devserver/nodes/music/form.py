"""The plan of a piece: how many bars fit a length in seconds, and which sections they make."""

from __future__ import annotations

from .song import BEATS_PER_BAR, Section

ENERGIES = {"intro": 0.36, "verse": 0.6, "chorus": 0.9, "break": 0.34, "outro": 0.42, "ending": 0.3}
SHORT_FORMS: tuple[tuple[tuple[str, int], ...], ...] = (
    (("chorus", 1),),
    (("verse", 1), ("chorus", 1)),
    (("intro", 1), ("verse", 1), ("chorus", 1)),
    (("intro", 1), ("verse", 1), ("chorus", 2)),
    (("intro", 1), ("verse", 1), ("chorus", 2), ("outro", 1)),
    (("intro", 1), ("verse", 2), ("chorus", 2), ("outro", 1)),
    (("intro", 1), ("verse", 2), ("chorus", 2), ("break", 1), ("chorus", 1)),
    (("intro", 1), ("verse", 2), ("chorus", 2), ("break", 1), ("chorus", 1), ("outro", 1)),
)
RING_SECONDS = 1.5  # a final chord rings at least so long
RING_SHARE = 0.12  # or this share of a short piece


def bars_in(seconds: float, bpm: float) -> tuple[int, bool]:
    """The whole bars in a length, and whether time is left for a final chord to ring after them."""
    beats = seconds * bpm / 60
    bars = int(beats // BEATS_PER_BAR)
    ring_seconds = (beats - bars * BEATS_PER_BAR) * 60 / bpm
    if ring_seconds < min(RING_SECONDS, RING_SHARE * seconds):
        bars -= 1
    return (bars, True) if bars >= 1 else (1, False)


def plan(seconds: float, bpm: float, energy_shift: float = 0.0) -> tuple[Section, ...]:
    """Sections in whole phrases of four bars (two in a short piece); what is over lengthens the last one.

    The final chord is a section of its own, "ending", where there is time for one.
    """
    bars, rings = bars_in(seconds, bpm)
    phrase = 4 if bars >= 12 else 2 if bars >= 4 else bars
    parts = list(_form(bars // phrase))
    sections, start = [], 0
    for index, (name, phrases) in enumerate(parts):
        length = phrases * phrase if index < len(parts) - 1 else bars - start
        energy = min(1.0, max(0.1, ENERGIES[name] + energy_shift))
        sections.append(Section(name=name, start_bar=start, bars=length, energy=energy))
        start += length
    if rings:
        sections.append(Section(name="ending", start_bar=bars, bars=1, energy=ENERGIES["ending"]))
    return tuple(sections)


def _form(phrases: int) -> tuple[tuple[str, int], ...]:
    if phrases <= len(SHORT_FORMS):
        return SHORT_FORMS[phrases - 1]
    # Rounds of verse and chorus; a break before every other round and before the last chorus.
    rounds, over = divmod(phrases - 5, 4)
    while rounds > 1 and 4 * rounds + (rounds - 1) // 2 + 5 > phrases:
        rounds -= 1
    over = phrases - 5 - 4 * rounds - (rounds - 1) // 2
    body: list[tuple[str, int]] = []
    for index in range(rounds):
        if index and index % 2 == 0:
            body.append(("break", 1))
        body += [("verse", 2), ("chorus", 2)]
    extra = divmod(over, 2)
    return (("intro", 1 + extra[0]), *body, ("break", 1), ("chorus", 2 + sum(extra)), ("outro", 1))
