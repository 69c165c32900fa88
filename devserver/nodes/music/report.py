"""The report of a rendered piece."""

from __future__ import annotations

from typing import Any

import numpy as np

from .song import Song


def describe_song(song: Song) -> dict[str, Any]:
    """Describe a song, and the numpy and processor that rendered it: equal bits need both."""
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
