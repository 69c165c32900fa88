"""Lines of lyrics and when they are seen."""

from __future__ import annotations

import pytest

from devserver.nodes.studio.lyrics import Line, lyric_lines


def test_lrc_is_read_with_its_offset_and_repeats() -> None:
    text = "[ar:Me]\n[offset:+500]\n[00:10.50][00:02.5] Über  den <00:03.0>Dächern\n[00:05:25]\n\n[01:00]x\nno time"
    assert lyric_lines(text, 30) == [Line(2.0, 4.75, "Über den Dächern"), Line(10.0, 18.0, "Über den Dächern")]


def test_plain_lines_are_spread_and_headings_are_no_lyrics() -> None:
    lines = lyric_lines("[Verse 1]\none\ntwo\n\n(Chorus):\nthree", 40)
    assert [line.text for line in lines] == ["one", "two", "three"]
    assert [line.start_seconds for line in lines] == [5, 15, 25]
    assert all(line.end_seconds <= 40 for line in lines)


def test_a_line_ends_with_the_next_or_after_a_while() -> None:
    lines = lyric_lines("[00:01]a\n[00:02]b\n[00:30]c", 31)
    assert [line.end_seconds for line in lines] == [2, 10, 31]
    assert lyric_lines("", 10) == lyric_lines("\n \n", 10) == []


def test_an_impossible_time_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'\[00:75\] x' has 75 seconds; allowed is less than 60"):
        lyric_lines("[00:75] x", 100)
