"""Words and query terms of the search over runs, the same for every database."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

LONGEST_WORD: Final = 64
LONGEST_TEXT: Final = 100_000
MOST_TERMS: Final = 32
# Scripts that put no space between words: each of their signs is a word, and several beside each other are a phrase.
SIGNS: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
WORD: Final = re.compile(rf"[{SIGNS}]|[^\W_{SIGNS}]+")
TERM: Final = re.compile(r'"([^"]*)"?(\*?)|([^\s"]+)')
# Letters that Unicode does not take apart.
PLAIN: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})


@dataclass(frozen=True)
class Term:
    """Words that stand beside each other; with `prefix` the last of them is only the beginning of one."""

    words: tuple[str, ...]
    prefix: bool = False


def fold(text: str) -> str:
    """Return a text without case, accents and umlaut dots: "Müßig" is "mussig"."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(PLAIN)
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def words(text: str) -> list[str]:
    """Return the words of a text, folded: letters and digits alone."""
    return [word[:LONGEST_WORD] for word in WORD.findall(fold(text[:LONGEST_TEXT]))]


def terms(query: str) -> list[Term]:
    """Return the terms of a query; a run must have all of them. Any text is a query.

    `word`, `beginning*`, `"words in this order"`; whatever else stands there only separates words.
    """
    asked = []
    for match in TERM.finditer(query):
        text = match[1] if match[3] is None else match[3]
        own = words(text)
        if own:
            asked.append(Term(tuple(own), bool(match[2]) or (match[3] or "").endswith("*")))
    return list(dict.fromkeys(asked))[:MOST_TERMS]
