"""What each rule promises, for texts of any kind."""

from __future__ import annotations

import random
import unicodedata
from collections import Counter
from itertools import groupby
from typing import Any

import pytest

from devserver.nodes.music.prompt import Asked, parse
from devserver.stages.text.rules.syllables import pieces, syllables
from devserver.stages.text.rules.table import RULES, rewrite
from devserver.stages.text.rules.words import WORD, bare, fold, is_function_word, language_of
from schemas.catalog import Catalog
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


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    from cli.build import load_definitions
    from config import Settings

    return load_definitions(Settings(definitions=[])).catalog


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("text", [*TEXTS, *ODD], ids=lambda text: ascii(text[:12]))
def test_every_rule_makes_something_of_every_text_and_the_same_by_the_same_seed(kind: str, text: str) -> None:
    one = made(kind, text)
    assert one.strip() or not text.strip()
    assert one == made(kind, text)
    assert len(one) < 10 * len(text) + 1000
    one.encode()


@pytest.mark.parametrize("kind", ["cut_up", "erasure", "echo", "haiku"])
def test_the_seed_decides_where_chance_has_a_part(kind: str) -> None:
    assert len({made(kind, HARBOUR, seed) for seed in range(10)}) > 5


def test_dada_gives_the_same_words_in_another_order_and_another_by_seed() -> None:
    one, two = made("cut_up", FORTY, 1), made("cut_up", FORTY, 2)
    assert counted(one) == counted(FORTY)
    assert len({FORTY, one, two}) == 3


def test_longer_cuttings_keep_their_words_together() -> None:
    cut = made("cut_up", FORTY, min_words=4, max_words=4).split()
    starts = [int(word.removeprefix("word")) for word in cut[::4]]
    assert all(cut[4 * n : 4 * n + 4] == [f"word{s + k}" for k in range(4)] for n, s in enumerate(starts))


def test_two_words_change_places_and_one_word_stays() -> None:
    assert all(made("cut_up", "black white", seed) == "white black" for seed in range(20))
    assert all(made("cut_up", "black white", seed, max_words=3) == "white black" for seed in range(20))
    assert made("cut_up", "test") == "test"
    assert made("cut_up", "la la la") == "la la la"


@pytest.mark.parametrize("of", ["words", "sentences"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_mirror_in_a_mirror_shows_the_text(text: str, of: str) -> None:
    once = made("mirror", text, of=of)
    assert once != text
    assert counted(once) == counted(text)
    assert made("mirror", once, of=of) == text


def test_sentences_stay_whole_in_their_mirror() -> None:
    assert made("mirror", "One two. Three four!", of="sentences") == "Three four! One two."


@pytest.mark.parametrize("text", TEXTS)
def test_the_alphabet_orders_all_words(text: str) -> None:
    words = made("alphabetical", text).split()
    assert counted(" ".join(words)) == counted(text)
    assert [fold(bare(word)) for word in words] == sorted(fold(bare(word)) for word in words)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("seed", range(5))
def test_erasure_leaves_a_few_words_where_they_were(text: str, seed: int) -> None:
    left = made("erasure", text, seed, share=0.2, least=3).split()
    assert len(left) == max(3, round(len(text.split()) * 0.2))
    rest = iter(text.split())
    assert all(word in rest for word in left)  # in order: each is found behind the one before
    assert made("erasure", "one two", seed, least=5) == "one two"


def test_a_telegram_has_no_word_that_says_nothing() -> None:
    assert made("telegram", "The rain falls. I am in Berlin!") == "RAIN FALLS STOP BERLIN"
    for text in (HARBOUR, HAFEN):
        sent = made("telegram", text)
        assert sent == sent.upper()
        assert not [word for word in WORD.findall(sent) if is_function_word(word)]
        assert {word.casefold() for word in WORD.findall(sent)} <= {w.casefold() for w in [*WORD.findall(text), "stop"]}
    assert made("telegram", "it is what it is") == "it is what it is"


@pytest.mark.parametrize("text", TEXTS)
def test_an_echo_without_its_repetitions_is_the_text(text: str) -> None:
    said = made("echo", text, times=3).split()
    assert [word for word, _ in groupby(said)] == text.split()
    assert max(len(list(group)) for _, group in groupby(said)) <= 4
    assert len(said) > len(text.split())


@pytest.mark.parametrize("text", [*TEXTS, *ODD], ids=lambda text: ascii(text[:12]))
@pytest.mark.parametrize("letters", ["e", "rstln", "aeiou", "f", "s"])
@pytest.mark.parametrize("means", ["drop", "respell"])
def test_a_lipogram_has_none_of_its_letters(text: str, letters: str, means: str) -> None:
    left = made("lipogram", text, letters=letters, means=means)
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", left).casefold())
    assert not set(letters) & set(plain)


def test_a_lipogram_keeps_every_word_that_it_may() -> None:
    assert made("lipogram", "A ship comes home, singing softly.") == "A ship singing softly."
    assert made("lipogram", "Sie gehen weg") == "Sii gihin wig"


@pytest.mark.parametrize("text", [HARBOUR, HAFEN])
def test_a_spoonerism_moves_sounds_and_is_its_own_way_back(text: str) -> None:
    once = made("spoonerism", text)
    assert once != text
    assert Counter(once.casefold()) == Counter(text.casefold())
    assert made("spoonerism", once) == text


def test_a_spoonerism_takes_whole_sounds_and_keeps_capitals() -> None:
    assert made("spoonerism", "Broken ship, quick light") == "Shoken brip, lick quight"
    assert made("spoonerism", "Broken. Ship") == "Broken. Ship"


@pytest.mark.parametrize("text", [HARBOUR, HAFEN])
def test_plus_seven_goes_seven_words_on(text: str) -> None:
    own = sorted({w.casefold() for w in WORD.findall(text) if not is_function_word(w)}, key=lambda w: (fold(w), w))
    for before, after in zip(WORD.findall(text), WORD.findall(made("shift", text)), strict=True):
        if is_function_word(before):
            assert after == before
        else:
            assert after.casefold() == own[(own.index(before.casefold()) + 7) % len(own)]
            assert after[0].isupper() == before[0].isupper()


def test_plus_seven_never_stands_still() -> None:
    assert made("shift", "one two three four five six seven", steps=7).split()[0] == "seven"
    assert made("shift", "black white", steps=2) == "white black"


def test_opposites_go_both_ways_and_keep_capitals_and_endings() -> None:
    assert made("exchange", "Night, DAY and Regen!") == "Day, NIGHT and Sonne!"
    assert made("exchange", "day", both_ways=False) == "day"


@pytest.mark.parametrize("text", [*TEXTS, *(odd for odd in ODD if odd.strip())], ids=lambda text: ascii(text[:12]))
@pytest.mark.parametrize("seed", range(3))
def test_a_haiku_has_five_seven_and_five_syllables(text: str, seed: int) -> None:
    language = language_of(text)
    lines = made("haiku", text, seed).split("\n")
    assert [sum(syllables(word, language) for word in line.split()) for line in lines] == [5, 7, 5]


@pytest.mark.parametrize("text", ["machine table guitar melody", "melody piano radio", "machine table", "synthesizer"])
def test_words_that_do_not_fit_are_passed_over_or_cut(text: str) -> None:
    for seed in range(5):
        lines = made("haiku", text, seed).split("\n")
        assert [sum(syllables(word, "en") for word in line.split()) for line in lines] == [5, 7, 5]


@pytest.mark.parametrize("text", [HARBOUR, HAFEN])
def test_the_words_of_a_haiku_follow_each_other_as_in_the_text(text: str) -> None:
    rest = iter(WORD.findall(text))
    assert all(word in rest for word in made("haiku", text, 3).split())


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


def test_moods_become_sounds_that_the_composer_understands(catalog: Catalog) -> None:
    rule = catalog.interception("sound_table").rule
    told = rewrite("Ein Sturm über der Stadt", rule, 1)
    assert told == "rock, aggressive, E minor, 140 bpm, guitar, drums, bass, organ"
    brief = parse(told, Asked(), seconds=10, seed=1)
    assert (brief.genre, brief.bpm, brief.key) == ("rock", 140, "E minor")
    assert len({rewrite("xyzzy", rule, seed) for seed in range(10)}) > 3


def test_the_composer_understands_every_sound_of_the_table(catalog: Catalog) -> None:
    for sound in catalog.interception("sound_table").rule.sounds:  # type: ignore[union-attr]  # of kind sounds
        told = rewrite(sound.words[0].rstrip("*"), catalog.interception("sound_table").rule, 1)
        brief = parse(told, Asked(), seconds=10, seed=1)
        assert not sound.genre or brief.genre == sound.genre
        assert not sound.bpm or brief.bpm == sound.bpm
        assert not sound.key or fold(brief.key) == fold(sound.key)
        assert not sound.mood or brief.mood != "neutral", told


def test_every_interception_that_is_shipped_does_something(catalog: Catalog) -> None:
    assert len(catalog.interceptions) >= 10
    for name, config in catalog.interceptions.items():
        changed = any(rewrite(text, config.rule, 1) != text for text in (HARBOUR, HAFEN))
        assert changed == (config.rule.kind != "plain"), name
        assert changed or config.llm or name == "plain"
