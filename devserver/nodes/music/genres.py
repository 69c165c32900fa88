"""The table of genres. ``genre.py`` explains the notation of the patterns."""

from __future__ import annotations

from .genre import Genre
from .genres_acoustic import ACOUSTIC
from .genres_band import BAND
from .genres_beats import BEATS
from .genres_club import CLUB
from .genres_synth import SYNTH

GENRES: dict[str, Genre] = CLUB | BEATS | SYNTH | BAND | ACOUSTIC
