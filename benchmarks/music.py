"""Composes, renders and measures every prompt of music_prompts.yaml (`--unseen`: of music_unseen.yaml).

Writes music.json, music.md and a picture of each piece below benchmarks/results/, prints the table, and exits with 1
where a goal is missed. What each figure means is told in docs/music.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml

from benchmarks import music_goals as goals
from benchmarks import music_pictures, music_score, music_sound
from benchmarks.music_finished import finished
from devserver.nodes.music.composer import compose
from devserver.nodes.music.prompt import MusicRequest, parse
from devserver.nodes.music.song import Song

HERE = Path(__file__).parent
RESULTS = HERE / "results"


@dataclass(frozen=True)
class Piece:
    """A prompt with all that was measured of what it became."""

    number: int
    text: str
    song: Song
    bars: list[music_score.Bar]
    score: music_score.ScoreFacts
    sound: music_sound.SoundFacts
    differences_db: list[float]
    render_seconds: float
    missed: list[goals.Missed]

    def to_json(self) -> dict[str, Any]:
        brief = self.song.brief
        return {
            "number": self.number,
            "text": self.text,
            "genre": brief.genre,
            "bpm": brief.bpm,
            "key": brief.key,
            "seconds": brief.seconds,
            "sections": [section.name for section in self.song.sections],
            "remarks": brief.remarks,
            "score": asdict(self.score),
            "sound": asdict(self.sound),
            "key_heard": goals.key_heard(self.song, self.sound),
            "sections_differ_db": [round(value, 1) for value in self.differences_db],
            "render_seconds": round(self.render_seconds, 2),
            "missed": [asdict(missed) for missed in self.missed],
        }


@dataclass(frozen=True)
class Likeness:
    """The two pieces of a genre that are most alike."""

    genre: str
    alike: float
    rhythms_alike: float
    numbers: tuple[int, int]


def measure(number: int, text: str, seconds: float, pictures: Path | None) -> Piece:
    song = compose(parse(text, MusicRequest(), seconds=seconds, seed=number))
    with tempfile.TemporaryDirectory(prefix="tonewright-music-") as folder:
        started = perf_counter()
        path = finished(song, Path(folder))
        taken = perf_counter() - started
        sound, audio = music_sound.facts(path, song)
    score = music_score.facts(song)
    differences = music_sound.sections_differ_db(audio, music_sound.SAMPLE_RATE_HZ, song)
    missed = [
        *goals.of_score(song, score),
        *goals.of_sections(music_score.sides(song), differences),
        *goals.of_sound(song, sound),
    ]
    piece = Piece(number, text, song, music_score.bars(song), score, sound, differences, taken, missed)
    if pictures is not None:
        caption = (
            f"{number} {text} | {song.brief.genre} {song.brief.bpm:g} bpm {song.brief.key} | {' '.join(song.chords)}"
        )
        name = f"{number:02d}_{song.brief.genre.replace(' ', '_')}.png"
        music_pictures.draw(song, audio, music_sound.SAMPLE_RATE_HZ, pictures / name, caption)
    return piece


def likest(pieces: Sequence[Piece]) -> Iterator[Likeness]:
    for genre in dict.fromkeys(piece.song.brief.genre for piece in pieces):
        own = [piece for piece in pieces if piece.song.brief.genre == genre]
        found = [
            Likeness(
                genre,
                _both(music_score.alike, a.bars, b.bars),
                _both(music_score.alike, *_rhythms(a, b)),
                (a.number, b.number),
            )
            for a, b in combinations(own, 2)
        ]
        if found:
            yield max(found, key=lambda pair: pair.alike)


def _both(
    measure: Callable[[list[music_score.Bar], list[music_score.Bar]], float], *pair: list[music_score.Bar]
) -> float:
    one, other = pair
    return max(measure(one, other), measure(other, one))


def _rhythms(one: Piece, other: Piece) -> tuple[list[music_score.Bar], list[music_score.Bar]]:
    return music_score.rhythms(one.bars), music_score.rhythms(other.bars)


def table(pieces: Sequence[Piece], pairs: Sequence[Likeness]) -> str:
    """The figures as Markdown: a line for each goal, each genre and each miss."""
    keys = sum(goals.key_heard(piece.song, piece.sound) for piece in pieces)
    missed = Counter(miss.goal for piece in pieces for miss in {m.goal: m for m in piece.missed}.values())
    total = len(pieces)
    kinds = ("bpm", "key of the score", "length", "loudness", "true peak", "clicks", "clipping", "spectrum", "sections")
    lines = ["| goal | kept by |", "|---|---|"]
    lines += [
        f"| {kind} | {total - missed[kind]} of {total} |" for kind in (*kinds, "lead rests", "bass", "ranges", "fills")
    ]
    lines.append(f"| key heard (or its relative), 95 % | {keys} of {total} ({keys / total:.0%}) |")
    lines += [
        "",
        "| genre | most alike (goal: 70 %) | their rhythms | bands in dB below the whole: "
        + ", ".join(music_sound.BAND_NAMES)
        + " |",
        "|---|---|---|---|",
    ]
    for pair in pairs:
        own = [piece.sound.bands_db for piece in pieces if piece.song.brief.genre == pair.genre]
        shown = ", ".join(
            f"{min(b[n] for b in own):.0f} to {max(b[n] for b in own):.0f}" for n in music_sound.BAND_NAMES
        )
        alike = f"{pair.alike:.0%} ({pair.numbers[0]} and {pair.numbers[1]}) | {pair.rhythms_alike:.0%}"
        lines.append(f"| {pair.genre} | {alike} | {shown} |")
    said = [f"- {p.number} {p.text}: {m.goal}: {m.said}" for p in pieces for m in p.missed]
    said += [
        f"- {p.number} {p.text}: key: {p.sound.key} heard, {p.song.brief.key} asked"
        for p in pieces
        if not goals.key_heard(p.song, p.sound)
    ]
    return "\n".join([*lines, "", *(said or ["Nothing was missed."]), ""])


def kept(pieces: Sequence[Piece], pairs: Sequence[Likeness]) -> bool:
    keys = sum(goals.key_heard(piece.song, piece.sound) for piece in pieces)
    return (
        not any(piece.missed for piece in pieces)
        and keys >= goals.LEAST_KEYS_HEARD * len(pieces)
        and all(pair.alike <= goals.MOST_ALIKE for pair in pairs)
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-music", description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="only the prompts with these numbers (from 0)")
    parser.add_argument("--genre", help="only the prompts of this genre")
    parser.add_argument("--unseen", action="store_true", help="the prompts that nothing was tuned on")
    parser.add_argument("--no-pictures", action="store_true", help="measure without drawing")
    options = parser.parse_args()
    name = "music_unseen" if options.unseen else "music_prompts"
    prompts = list(enumerate(yaml.safe_load((HERE / f"{name}.yaml").read_text("utf8"))))
    part = options.only is not None or options.genre is not None
    pieces = []
    for number, prompt in prompts:
        if options.only is not None and number not in options.only:
            continue
        if (
            options.genre is not None
            and parse(prompt["text"], MusicRequest(), seconds=1, seed=0).genre != options.genre
        ):
            continue
        pictures = None if options.no_pictures else RESULTS / ("unseen" if options.unseen else "music")
        piece = measure(number, prompt["text"], prompt["seconds"], pictures)
        pieces.append(piece)
        told = "; ".join(f"{miss.goal}: {miss.said}" for miss in piece.missed) or "ok"
        print(f"{number:2} {piece.song.brief.genre:13} {piece.render_seconds:5.2f} s  {told}", flush=True)
    pairs = list(likest(pieces))
    shown = table(pieces, pairs)
    print("\n" + shown)
    if not part:
        RESULTS.mkdir(exist_ok=True)
        found = {"pieces": [piece.to_json() for piece in pieces], "likest": [asdict(pair) for pair in pairs]}
        stem = "unseen" if options.unseen else "music"
        (RESULTS / f"{stem}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf8")
        (RESULTS / f"{stem}.md").write_text(shown, "utf8")
    return 0 if kept(pieces, pairs) else 1


if __name__ == "__main__":
    sys.exit(main())
