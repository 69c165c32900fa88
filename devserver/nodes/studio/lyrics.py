"""Lyrics with times: LRC, or plain lines that are spread over the piece."""

from __future__ import annotations

import re
from dataclasses import dataclass

STAMP = re.compile(r"\[(\d{1,3}):(\d{1,2}(?:[.:]\d{1,3})?)\]")
WORD_STAMP = re.compile(r"<\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?>")
ABOUT = re.compile(r"\[(\w+):(.*)\]\s*$")
STRUCTURE = re.compile(r"\s*[\[(][^\])]*[\])]\s*:?\s*$")  # [Verse 1], (Chorus)
LONGEST_SECONDS = 8.0  # a line without a successor is shown so long


@dataclass(frozen=True)
class Line:
    start_seconds: float
    end_seconds: float
    text: str


def lyric_lines(text: str, seconds: float) -> list[Line]:
    """Return the lines of a text by time, each until the next begins; those after the end are left out.

    With a time on any line it is read as LRC: ``[01:23.45] words``, several times on a line, ``[offset:+250]`` in ms;
    lines without a time are no lyrics then. Without any, the lines are spread evenly, headings like [Verse] left out.

    Raises:
        ValueError: a time has 60 seconds or more.
    """
    rows = text.splitlines()
    if any(STAMP.match(row.strip()) for row in rows):
        starts = sorted(_read_stamps(rows), key=lambda start: start[0])
    else:
        plain = [row.strip() for row in rows if row.strip() and not STRUCTURE.match(row)]
        share = seconds / (len(plain) + 1) if plain else 0.0
        starts = [(share * (number + 0.5), words) for number, words in enumerate(plain)]
    ends = [*(start for start, _ in starts[1:]), seconds][: len(starts)]
    return [
        Line(start, min(end, start + max(LONGEST_SECONDS, 0.6 * len(words) ** 0.5)), words)
        for (start, words), end in zip(starts, ends, strict=True)
        if words and start < seconds
    ]


def _read_stamps(rows: list[str]) -> list[tuple[float, str]]:
    offset_seconds = 0.0
    stamped: list[tuple[float, str]] = []
    for row in rows:
        line = row.strip()
        stamps = []
        while stamp := STAMP.match(line):
            stamps.append(_seconds(stamp, row))
            line = line[stamp.end() :].lstrip()
        if stamps:
            words = " ".join(WORD_STAMP.sub("", line).split())
            stamped.extend((start, words) for start in stamps)
        elif (about := ABOUT.match(line)) and about[1].lower() == "offset":
            offset_seconds = -int(about[2]) / 1000 if re.fullmatch(r"\s*[+-]?\d+\s*", about[2]) else 0.0
    return [(max(0.0, start + offset_seconds), words) for start, words in stamped]


def _seconds(stamp: re.Match[str], row: str) -> float:
    seconds = float(stamp[2].replace(":", "."))
    if seconds >= 60:
        raise ValueError(f"lyrics: the time in {row!r:.60} has {seconds:g} seconds; allowed is less than 60")
    return int(stamp[1]) * 60 + seconds
