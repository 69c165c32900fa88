"""Report fields that contradict each other, without resolving them: the readings stay as the text says."""

from __future__ import annotations

from collections.abc import Iterator

from .brief import LISTS, Conflict, Readings

OPPOSED_MOODS = (
    ({"calm", "meditative"}, {"aggressive", "energetic", "restless"}),
    ({"happy", "uplifting", "euphoric"}, {"sad", "dark", "eerie"}),
)
OPPOSED_TEXTURES = (({"sparse"}, {"dense"}), ({"acoustic"}, {"electronic"}), ({"warm"}, {"cold"}), ({"soft"}, {"hard"}))
CALM_BELOW_BPM, WILD_ABOVE_BPM = 140, 85


def contradictions(readings: Readings) -> Iterator[Conflict]:
    said = {name: set(readings[name].value) if name in readings else set() for name in sorted(LISTS)}
    for name, table in (("moods", OPPOSED_MOODS), ("texture", OPPOSED_TEXTURES)):
        for one, other in table:
            if said[name] & one and said[name] & other:
                pair = " and ".join(", ".join(sorted(said[name] & side)) for side in (one, other))
                yield Conflict((name,), f"{pair} contradict each other.")
    yield from _against_the_tempo(readings, said["moods"])
    for value in sorted(said["avoid"]):
        for name in sorted(LISTS - {"avoid"}):
            if value in said[name]:
                yield Conflict((name, "avoid"), f"{value} is both wanted and unwanted.")


def _against_the_tempo(readings: Readings, moods: set[str]) -> Iterator[Conflict]:
    bpm = readings.get("bpm")
    if bpm is None or bpm.origin != "user":
        return
    if "calm" in moods and bpm.value > CALM_BELOW_BPM:
        yield Conflict(("moods", "bpm"), f"calm and {bpm.value:g} bpm contradict each other; the tempo is kept.")
    if "energetic" in moods and bpm.value < WILD_ABOVE_BPM:
        yield Conflict(("moods", "bpm"), f"energetic and {bpm.value:g} bpm contradict each other; the tempo is kept.")
