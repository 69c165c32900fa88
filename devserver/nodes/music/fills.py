"""Fills that several genres share: a bar in the notation of ``genre.py``."""

from __future__ import annotations

from typing import Final

from .genre import Lanes

SNARE_RUN: Lanes = {"snare": "............4579"}
TOM_RUN: Lanes = {
    "snare": "........7.......",
    "tom_high": "..........88....",
    "tom_mid": "............88..",
    "tom_low": "..............89",
}
CLAP_RUN: Lanes = {"clap": "..........5.6.79"}
HAT_ROLL: Lanes = {"hat": "........56565678"}
NO_FILL: Final[Lanes] = {}
