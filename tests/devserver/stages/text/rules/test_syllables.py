from __future__ import annotations

import random
from typing import Any

import pytest

from devserver.stages.text.rules.syllables import pieces, syllables

SYLLABLES = {
    "en": (
        "fire 1 table 2 guitar 2 melody 3 silence 2 people 2 created 3 piano 3 radio 3 nation 2 beautiful 3 wanted 2"
        " walked 1 houses 2 bridges 2 notes 1 little 2 quiet 2 science 2 being 2 the 1 river 2 machine 2 electric 3"
        " idea 3 question 2 special 2 poem 2 reality 4 rhythm 1 eyes 1 beyond 2 loved 1 glasses 2 lion 2 onion 2"
        " museum 3 breathe 1 candles 2 whispered 2 hollow 2 harmonica 4 saxophone 3 trumpet 2 engine 2 shadow 2"
        " forgotten 3 underwater 4 yesterday 3 tomorrow 3 slowly 2 voices 2 cages 2 oceans 2 tired 2 curious 3"
    ),
    "de": (
        "Regen 2 Haus 1 Häuser 2 Klavier 2 Gitarre 3 Straße 2 Melodie 3 Radio 3 Nation 2 Museum 3 heute 2 Feuer 2"
        " neue 2 schreien 2 Bäume 2 Ozean 3 Italien 3 Quelle 2 Maschine 3 Trauer 2 Mauer 2 Liebe 2 Knie 1 Ideen 3"
        " aktuell 3 Duett 2 Schlagzeug 2 Schmetterling 3 Geräusch 2 Wolkenkratzer 4 Sehnsucht 2 zwei 1 beenden 3"
        " geehrt 2 Lieder 2 Bayern 2 Chaos 2 Poet 2 Abenteuer 4 überall 3 Feier 2 Meer 1 Trompete 3 Kontrabass 3"
        " Mundharmonika 5 Dämmerung 3 vergessen 3 gestern 2 Unterwasser 4 Stimmen 2 neugierig 3 Eisenbahn 3"
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "de"])
def test_nineteen_of_twenty_words_are_counted_right(language: Any) -> None:
    told = SYLLABLES[language].split()
    wrong = [w for w, n in zip(told[::2], told[1::2], strict=True) if syllables(w, language) != int(n)]
    assert len(wrong) * 20 <= len(told) // 2, wrong


def test_pieces_of_a_word_make_the_word() -> None:
    draw = random.Random(1)
    words = [
        "synthesizer",
        "Schmetterling",
        "東京の夜",
        "مرحبا",
        *("".join(draw.choices("aeiourtsné", k=9)) for _ in range(99)),
    ]
    for word in words:
        cut = pieces(word, "en")
        assert "".join(cut) == word
        assert {syllables(piece, "en") for piece in cut} == {1}
