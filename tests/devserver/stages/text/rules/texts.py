"""Texts that rules are tried with, and a rule of a config."""

from __future__ import annotations

from collections import Counter
from typing import Any

from devserver.stages.text.rules.table import rewrite
from schemas.model import InterceptionConfig

FORTY = " ".join(f"word{n}" for n in range(40))
HARBOUR = (
    "The rain falls on the old harbour, slow and grey. A ship comes home with a broken light! Who waits there, singing"
    " softly? Nobody knows the captain's name."
)
HAFEN = (
    "Der Regen fällt auf den alten Hafen, langsam und grau. Ein Schiff kommt heim mit einem zerbrochenen Licht! Wer"
    " wartet dort und singt leise? Niemand weiß, wie der Kapitän heißt."
)
TEXTS = [HARBOUR, HAFEN, FORTY]
# What nobody thinks of: one word, no word, one enormous word, signs without letters, other directions and scripts.
ODD = [
    "test", "e", "É", "ﬁ", "ß", "-", "…!?", "   \n\t ", "a\x00b", "1 2 3", "🎹",
    "👩‍👩‍👧‍👦 🎺🥁", "e" * 20_000, "bee " * 5000, "x\n" * 3000,
    "مرحبا بالعالم، كيف الحال؟", "שלום עולם", "東京の夜は静かです",
    "Привет, мир", "e\u0301te\u0301", "\u202eevil", "qu qu", "the the the", "und und", "rhythm",
    "strengths", "a-b-c d'e", "🇩🇪🇫🇷" * 500,
]  # fmt: skip
PARAMETERS: dict[str, dict[str, Any]] = {
    "lipogram": {"letters": "e"},
    "exchange": {"words": {"night": "day", "Regen": "Sonne"}, "both_ways": True},
    "sounds": {"sounds": [{"words": ["rain*", "Regen"], "genre": "ambient", "bpm": 70, "instruments": ["piano"]}]},
}


def made(kind: str, text: str, seed: int = 1, **parameters: Any) -> str:
    rule = {"kind": kind, **PARAMETERS.get(kind, {}), **parameters}
    two = {"en": "x", "de": "x"}
    config = InterceptionConfig.model_validate({"name": "x", "label": two, "description": two, "rule": rule})
    return rewrite(text, config.rule, seed)


def counted(text: str) -> Counter[str]:
    return Counter(text.split())
