"""From words to sounds: a table says which genre, mood, key, tempo and instruments a word brings along."""

from __future__ import annotations

import random

from devserver.stages.text.rules.words import WORD, fold
from schemas.text_rules import Sound, Sounds


def sounds(text: str, rule: Sounds, draw: random.Random) -> str:
    """Write a line like "ambient, calm, D minor, 70 bpm, piano, strings". Of two of a kind the first counts."""
    words = [fold(word) for word in WORD.findall(text)]
    sounds: list[Sound] = []
    for word in words:
        sounds += [sound for sound in rule.sounds if sound not in sounds and _means(sound, word)]
    sounds = sounds or draw.sample(rule.sounds, min(rule.drawn, len(rule.sounds)))
    genre, mood, key = (next(filter(None, (getattr(s, name) for s in sounds)), "") for name in ("genre", "mood", "key"))
    bpm = next((sound.bpm for sound in sounds if sound.bpm), None)
    instruments = list(dict.fromkeys(name for sound in sounds for name in sound.instruments))[: rule.most_instruments]
    return ", ".join(filter(None, [genre, mood, key, f"{bpm} bpm" if bpm else "", *instruments]))


def _means(sound: Sound, word: str) -> bool:
    terms = [fold(term) for term in sound.words]
    return any(word.startswith(term[:-1]) if term.endswith("*") else word == term for term in terms)
