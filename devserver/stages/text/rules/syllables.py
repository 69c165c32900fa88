"""Counting syllables in English and German by rule, and cutting words at them; nineteen words of twenty come right."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from devserver.stages.text.rules.words import WORD, Language, fold

VOWEL: Final = "aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿаеёиоуыэюяіїєαεηιουωάέήίόύώ"
# Vowels side by side, mostly one syllable; the u after q is a consonant.
VOWELS: Final = re.compile(rf"(?:(?<!q)[{VOWEL}])+|(?<=q)u[{VOWEL}]+")
# One sign is one syllable: Chinese characters, kana (small ones belong to the one before), Hangul.
SIGNS: Final = re.compile(r"[\u3400-\u9fff\uac00-\ud7a3\u3041-\u3096\u30a1-\u30fa]")
SMALL_KANA: Final = frozenset("ぁぃぅぇぉゃゅょァィゥェォャュョ")
# Where vowels side by side are two syllables: the second one begins after the match.
APART: Final[dict[Language, re.Pattern[str]]] = {
    "en": re.compile(
        r"""(?<![tscgxn])(?<!ll)i(?=o)              # radio, lion; not nation, onion, million
        | (?<![tscgx])(?<!ll)i(?=a)                 # piano, via; not special, brilliant
        | (?<=[tscgx])i(?=a(?!l|n))                 # associate
        | i(?=et|um) | (?<=^sc)i(?=e) | (?<![tcr])i(?=en)   # quiet, medium, science, alien; not patient, friend
        | (?<![gq])u(?=[ao]|el)                     # casual, fuel
        | (?<!^p)e(?=o(?!u)) | e(?=um) | (?<=id)e(?=a) | (?<=^ar)e(?=a) | (?<=cr)e(?=at(?!u)) | (?<=r)e(?=al(?!m)|act)
        | o(?=e[tm]) | [eo](?=ing)                  # poet, being
        | (?<!^e)(?<=[aeiou])y(?=[aeiou])           # beyond; not eyes
        """,
        re.VERBOSE,
    ),
    "de": re.compile(
        r"""(?<![tsx])i(?=[aäoöu])                  # Radio; not Nation, sozial
        | (?<![gqaeäö])u(?=[aäoie])                 # Duett, Ruine
        | (?<=[aeäö])u(?=[aeio]) | (?<=[ae][iy])(?=e)       # Feuer, Neuigkeit; Feier, Bayern
        | e(?=[aoä]|um) | e(?=en$) | (?<=^b)e(?=e[inj]) | (?<=^g)e(?=e[hi])     # Ozean, Ideen, beenden, geehrt
        | a(?=o) | o(?=[aéö]) | o(?=e[tmsn])        # Chaos, Koala, Poet
        """,
        re.VERBOSE,
    ),
}
SILENT_E: Final = re.compile(r"[^aeiouy]e[sd]?$")
SPOKEN_E: Final = re.compile(r"(?:[^aeiouylr]le|[^aeiouy]re|[^aeiouylr]les|[sxz]es|[cs]hes|[cg]es|[td]ed)$")


def syllables(token: str, language: Language) -> int:
    """Count the syllables of a word; 1 at least, also without a vowel (a number, an emoji, another script)."""
    return max(1, sum(len(_starts(word, language)) for word in _parts(token)))


def pieces(token: str, language: Language) -> list[str]:
    """Cut a word into syllables; of the consonants between two, the last one goes with the second."""
    parts = []
    for word in _parts(token) or [token]:
        starts = _starts(word, language)
        cuts = [0, *(_cut(word, one, two) for one, two in pairwise(starts)), len(word)]
        parts += [word[a:b] for a, b in pairwise(cuts) if a < b]
    return parts


def _parts(token: str) -> list[str]:
    return [part for word in WORD.findall(token) for part in re.split(r"['’\-]", word)]


def _starts(word: str, language: Language) -> list[int]:
    """Return the positions of the first vowel of each syllable."""
    lower = word.lower() if len(word.lower()) == len(word) else word
    signs = [match.start() for match in SIGNS.finditer(lower) if match[0] not in SMALL_KANA]
    if signs:
        return signs
    groups = [match.span() for match in VOWELS.finditer(lower)]
    between = {match.end() for match in APART[language].finditer(lower)}
    starts = sorted({a for a, _ in groups} | {cut for cut in between for a, b in groups if a < cut < b})
    folded = fold(word)
    silent = language == "en" and len(starts) > 1 and SILENT_E.search(folded) and not SPOKEN_E.search(folded)
    return starts[:-1] if silent else starts


def _cut(word: str, one: int, two: int) -> int:
    """Return where to cut between the vowels at `one` and `two`: before the last consonant."""
    return two if two - 1 <= one or word[two - 1].lower() in VOWEL else two - 1
