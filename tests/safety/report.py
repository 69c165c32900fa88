"""What the safety levels miss and what they block by mistake: `python -m tests.safety.report [--texts]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.build import SHIPPED
from schemas.lexicon import Lexicon
from schemas.loader import load_tables
from schemas.model import LEVELS, Level
from tests.loading import load_catalog

TEXTS = Path(__file__).parent / "texts"
LANGUAGES, HALVES = ("en", "de"), ("seen", "unseen")


@dataclass(frozen=True)
class Sample:
    """A text and the laxest level that has to block it; None where no level may."""

    text: str
    blocked_from: Level | None

    def must_block(self, level: Level) -> bool:
        return self.blocked_from is not None and LEVELS.index(level) >= LEVELS.index(self.blocked_from)


@dataclass(frozen=True)
class Count:
    """How one level did on one half: texts that it should have blocked, and those that it blocked by mistake."""

    level: Level
    to_block: int
    to_allow: int
    missed: tuple[str, ...]
    false_alarms: tuple[str, ...]


def samples(language: str, half: str) -> Iterator[Sample]:
    level: Level | None = None
    names: dict[str, Level | None] = {"[harmless]": None, "[kids]": "kids", "[youth]": "youth", "[adult]": "adult"}
    for line in (TEXTS / f"{language}_{half}.txt").read_text(encoding="utf-8").splitlines():
        if line in names:
            level = names[line]
        elif line:
            yield Sample(line, level)


def count(lexicon: Lexicon, texts: list[Sample], level: Level) -> Count:
    blocked = {sample.text for sample in texts if lexicon.find(sample.text, level)}
    to_block = [sample.text for sample in texts if sample.must_block(level)]
    to_allow = [sample.text for sample in texts if not sample.must_block(level)]
    missed = tuple(text for text in to_block if text not in blocked)
    return Count(level, len(to_block), len(to_allow), missed, tuple(text for text in to_allow if text in blocked))


def report(show_texts: bool) -> Iterator[str]:
    """The lines of the report. Unseen texts are only counted, or somebody would mend the lists by them."""
    lexicon = load_catalog([SHIPPED], load_tables([SHIPPED])).lexicon
    yield "half    language level  missed        false alarms"
    for half in HALVES:
        for language in LANGUAGES:
            texts = list(samples(language, half))
            for level in LEVELS:
                told = count(lexicon, texts, level)
                missed = f"{len(told.missed)} of {told.to_block}"
                yield f"{half:7} {language:8} {level:6} {missed:13} {len(told.false_alarms)} of {told.to_allow}"
                if show_texts and half == "seen":
                    yield from (f"    missed        {text}" for text in told.missed)
                    yield from (f"    false alarm   {text}" for text in told.false_alarms)


if __name__ == "__main__":
    sys.stdout.write("\n".join(report("--texts" in sys.argv[1:])) + "\n")
