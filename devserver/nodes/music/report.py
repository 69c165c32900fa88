"""What is said of a piece that was played."""

from __future__ import annotations

from typing import Any

import numpy as np

from .song import Song


def describe_song(song: Song) -> dict[str, Any]:
    """What it is, and with which numpy on which processor it was rendered: the same bits need both."""
    brief = song.brief
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    return {
        "genre": brief.genre,
        "bpm": brief.bpm,
        "key": brief.key,
        "mood": brief.mood,
        "seed": brief.seed,
        "sections": [section.name for section in song.sections],
        "remarks": list(brief.remarks),
        "rendered_with": {"numpy": np.__version__, "cpu_features": [*simd["baseline"], *simd["found"]]},
    }
