"""Read the words of every language: `words/<language>.yaml`, and `shared.yaml` for those that all languages share.

How a file looks is in docs/prompts.md, "Adding words". All files together make one vocabulary: the parser does not ask
in which language a text is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from ..music.genres import GENRES
from .brief import LANGUAGES, MODES, TIME_SIGNATURES, VOCALS

FOLDER: Final = Path(__file__).parent / "words"
SHARED: Final = "shared"  # is read first: it has the families of genres
LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every value is a text: 808 and "no" too
SAME: Final = {"n": "and", "&": "and"}  # as whole words: drum n bass, drum & bass
MARKS: Final = "+*"

# The fields of a brief in which words are looked up, in the order in which a phrase's meanings count.
FIELDS: Final = (
    *("moods", "texture", "production", "instruments", "vocals", "language", "structure", "era"),
    *("bpm", "time_signature", "mode", "duration_seconds"),
)
NUMBERS: Final = frozenset({"bpm", "duration_seconds", "numbers"})  # tables whose names are numbers
# The names that a table may have; those of other tables are free.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "vocals": VOCALS,
    "language": LANGUAGES,
    "time_signature": TIME_SIGNATURES,
    "mode": MODES,
    "key_modes": MODES,
    "note_modes": MODES,
    "notes": tuple(map(str, range(12))),
    "units": ("second", "minute", "hour", "bar"),
    "grammar": (
        *("to", "and", "the", "a", "is", "then", "half", "long", "about", "tempo", "bpm", "metre", "years", "decade"),
        *("before_a_tempo", "after_a_tempo", "before_a_key", "the_key_of", "before_a_note", "after_a_note", "when"),
        *("part_of_a_decade", "not_the_length", "random", "seed", "seed_is", "variations", "as_a", "before_opus"),
        *("file", "in_language", "double", "only", "unaccompanied", "drums", "keeps_no_tempo"),
    ),
    "refusing": (
        *("not", "cut_at_the_apostrophe", "begins_a_list", "may_begin_a_list", "joins", "and", "passed_over", "ends"),
        *("compares", "until", "none"),
    ),
    "compounds": ("second_halves", "joints"),
    "endings": tuple(MARKS),
}
TABLES: Final = (*FIELDS, *NAMES, "numbers")
FAMILY: Final = ("names", "styles", "near", "next_best", "hints")


class WordsError(ValueError):
    """A file of words is not as it should be."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path.name}:{line}: {reason}")


def fold(word: str) -> str:
    word = word.casefold().replace("’", "'")
    return SAME.get(word, word)


def phrase_of(term: str) -> tuple[str, ...]:
    return tuple(map(fold, term.split()))


@dataclass
class WordLists:
    """The terms of all files by table and name, with their endings."""

    tables: dict[str, dict[str, list[str]]] = field(default_factory=lambda: {name: {} for name in TABLES})
    genres: list[tuple[str, str, bool, list[str]]] = field(default_factory=list)  # family, style or "", near, terms
    next_best: dict[str, str] = field(default_factory=dict)  # by family, where the table of genres has no row for it
    hints: dict[str, str] = field(default_factory=dict)  # by value of another field, the family that it points at
    fillers: set[str] = field(default_factory=set)

    def row_of(self, family: str) -> tuple[str, bool] | None:
        """Return the row of the table of genres for a family, and whether it is the family's own."""
        if family in GENRES:
            return family, True
        own = next((name for name in GENRES if set(family.split()) & set(name.replace("/", " ").split())), None)
        if own is not None:
            return own, True
        return (self.next_best[family], False) if family in self.next_best else None


@cache
def word_lists() -> WordLists:
    return read_words()


@cache
def words(table: str, *names: str) -> frozenset[str]:
    """Return the terms of some groups in all languages, each folded."""
    return frozenset(" ".join(phrase_of(term)) for name in names for term in terms(table, name))


def terms(table: str, name: str) -> list[str]:
    """Return the terms of a group in all languages, as they are written."""
    if name not in NAMES[table]:
        raise KeyError(name)
    return word_lists().tables[table].get(name, [])


def read_words(folder: Path | None = None) -> WordLists:
    """Read every file of words.

    Raises:
        WordsError: one is not as it should be; it names file, line and reason.
    """
    lists = WordLists()
    said: dict[tuple[str, str], str] = {}
    for path in sorted((folder or FOLDER).glob("*.yaml"), key=lambda path: (path.stem != SHARED, path.stem)):
        _File(path, lists, said).read()
    return lists


class _File:
    """One file; `said` has what each term means by field, in all files that were read."""

    def __init__(self, path: Path, lists: WordLists, said: dict[tuple[str, str], str]) -> None:
        self._path, self._lists, self._last_lines = path, lists, said
        self._endings: dict[str, list[str]] = {"+": ["", "s"]}

    def read(self) -> None:
        try:
            root = yaml.compose(self._path.read_text("utf-8"), LOADER)
        except yaml.MarkedYAMLError as e:
            place = e.problem_mark or e.context_mark
            raise WordsError(self._path, place.line + 1 if place else 1, e.problem or "invalid YAML") from e
        sections = dict(self._pairs(root, (*TABLES, "genre", "fillers")))
        for mark, node in self._pairs(sections.pop("endings", None), NAMES["endings"]):
            self._endings[mark] = ["", *self._terms(node)]
        for name, node in sections.items():
            if name == "fillers":
                self._lists.fillers.update(map(fold, self._terms(node)))
            elif name == "genre":
                for family, entries in self._pairs(node):
                    self._read_family(family, entries)
            else:
                self._read_table(name, node)

    def _read_table(self, table: str, node: yaml.Node) -> None:
        for name, terms in self._pairs(node, NAMES.get(table)):
            if table in NUMBERS and not name.replace(".", "", 1).isdigit():
                self._fail(terms, f"{name!r} in {table} is no number")
            self._lists.tables[table].setdefault(name, []).extend(self._terms(terms, table, name))

    def _read_family(self, family: str, node: yaml.Node) -> None:
        for part, entries in self._pairs(node, FAMILY):
            if part == "next_best":
                if entries.value not in GENRES:
                    self._fail(entries, f"{entries.value!r} is no genre of the table: {', '.join(GENRES)}")
                self._lists.next_best[family] = entries.value
            elif part == "hints":
                self._lists.hints.update(dict.fromkeys(self._terms(entries), family))
            elif part == "names":
                self._lists.genres.append((family, "", False, self._terms(entries, "genre", family)))
            else:
                for style, terms in self._pairs(entries):
                    forms = self._terms(terms, "genre", style)
                    self._lists.genres.append((family, style, part == "near", forms))
        if self._lists.row_of(family) is None:
            self._fail(node, f"{family!r} has no row in the table of genres and no `next_best`: {', '.join(GENRES)}")

    def _pairs(self, node: yaml.Node | None, allowed: tuple[str, ...] | None = None) -> Iterator[tuple[str, yaml.Node]]:
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, "names with their terms are expected here: `name: [term, term]`")
        had: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not key.value:
                self._fail(key, "a name is expected here")
            if key.value in had:
                self._fail(key, f"{key.value!r} is there twice")
            if allowed is not None and key.value not in allowed:
                self._fail(key, f"{key.value!r} is not known here; allowed: {', '.join(allowed)}")
            had.add(key.value)
            yield key.value, value

    def _terms(self, node: yaml.Node, table: str = "", name: str = "") -> list[str]:
        """Return a list's terms with their endings."""
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, f"a list of terms is expected{f' for {name!r}' if name else ''}: `[term, term]`")
        forms: list[str] = []
        had: set[str] = set()
        for item in node.value:
            if not isinstance(item, yaml.ScalarNode) or not item.value.rstrip(MARKS).strip():
                self._fail(item, "a term is expected here")
            if item.value in had:
                self._fail(item, f"{item.value!r} is listed twice")
            had.add(item.value)
            forms += self._forms(item)
        if table in FIELDS or table == "genre":
            for form in forms:
                had_by = self._last_lines.setdefault((table, " ".join(phrase_of(form))), name)
                if had_by != name:
                    self._fail(node, f"{form!r} cannot mean {name!r}: it is listed for {had_by!r}")
        return forms

    def _forms(self, item: yaml.ScalarNode) -> list[str]:
        mark = item.value[-1] if item.value[-1] in MARKS else ""
        if mark and mark not in self._endings:
            self._fail(item, f"{item.value!r} has a {mark}, but there are no `endings` for it in this file")
        stem = " ".join(item.value.removesuffix(mark).split())
        return [stem + ending for ending in self._endings[mark]] if mark else [stem]

    def _fail(self, node: Any, reason: str) -> NoReturn:
        raise WordsError(self._path, node.start_mark.line + 1, reason)
