"""`python -m benchmarks.recognition`: how often the analysis recognises tempo, key and genre of unseen renders.

With `--learn` it first writes what the genres sound like, from other seeds.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from devserver.nodes import TABLE
from devserver.nodes.measure.style import FEATURES, LEARNT, ClipAnalysis, Style, listen, style_of
from devserver.nodes.music.genres import GENRES
from devserver.nodes.music.theory import KEY_NAMES

LEARNING, UNSEEN = 1_000, 500_000
LENGTHS_SECONDS = (20.0, 30.0, 45.0)


class Render(NamedTuple):
    genre: str
    bpm: float
    key: str
    heard: ClipAnalysis


def renders(first_seed: int, each: int) -> Iterator[Render]:
    """Pieces of every genre: half in its own tempo and key, half in drawn ones."""
    composer, player = TABLE["TonewrightCompose"](), TABLE["TonewrightSynthesise"]()
    inputs = composer.INPUT_TYPES()["required"].items()
    defaults = {name: options["default"] for name, (_, options) in inputs if "default" in options}
    for genre, row in GENRES.items():
        for number in range(each):
            draw = random.Random(f"{first_seed} {genre} {number}")
            asked: dict[str, Any] = {"seconds": draw.choice(LENGTHS_SECONDS), "seed": draw.randrange(2**32)}
            if number % 2:
                asked |= {"key": draw.choice(KEY_NAMES), "bpm": float(round(draw.uniform(*row.bpm_range)))}
            (song,) = composer.run(**defaults | {"prompt": genre, "genre": genre} | asked)
            sound = player.run(song=song)["result"][0]
            brief = json.loads(song)["brief"]
            heard = listen(sound["waveform"][0], sound["sample_rate"], lambda: None)
            yield Render(genre, brief["bpm"], brief["key"], heard)


def learn(each: int) -> None:
    """Writes means and spreads of the features."""
    by_genre: dict[str, list[list[float]]] = {}
    for render in renders(LEARNING, each):
        by_genre.setdefault(render.genre, []).append(render.heard.features)
    spreads = np.sqrt(np.mean([np.var(rows, axis=0, ddof=1) for rows in by_genre.values()], axis=0))
    written = {
        "features": FEATURES,
        "spreads": np.round(spreads, 4).tolist(),
        "means": {name: np.round(np.mean(rows, axis=0), 4).tolist() for name, rows in by_genre.items()},
    }
    LEARNT.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def verdicts(render: Render, style: Style) -> dict[str, bool]:
    """What was heard right."""
    report = render.heard.report
    tempos = [tempo or 0.0 for tempo in (report.bpm, report.bpm_half, report.bpm_double)]
    return {
        "bpm, half or double counted": any(abs(tempo / render.bpm - 1) < 0.01 for tempo in tempos),
        "bpm as the style tells it": abs((style.brief.bpm or 0.0) / render.bpm - 1) < 0.01,
        "key": report.key == render.key,
        "key, relative counted": render.key in {report.key, report.key_relative},
        "genre": style.brief.genre == render.genre,
        "no fault where none is": not (report.clipped_samples or report.dropouts or report.samples_not_finite),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recognition", description=__doc__)
    parser.add_argument("--learn", action="store_true", help="learn what the genres sound like, then measure")
    parser.add_argument("--each", type=int, default=8, help="renders of each genre")
    asked = parser.parse_args()
    if asked.learn:
        learn(asked.each)
    counts: dict[str, int] = {}
    pieces = 0
    for render in renders(UNSEEN, asked.each):
        style, pieces = style_of(render.heard), pieces + 1
        right: dict[str, Any] = verdicts(render, style)
        for name, verdict in right.items():
            counts[name] = counts.get(name, 0) + verdict
        if not all(right.values()):
            wrong = ", ".join(name for name, verdict in right.items() if not verdict)
            said = f"{render.genre}, {render.bpm:g} bpm, {render.key}"
            print(f"{said}: {wrong}: {style.prompt} ({render.heard.report.bpm} bpm, {render.heard.report.key})")
    for name, count in counts.items():
        print(f"{count:4} of {pieces}  {name}")


if __name__ == "__main__":
    main()
