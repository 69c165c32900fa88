# ruff: noqa: T201 - it prints its findings
"""How many fields of golden prompts are read right: `python -m tests.nodes.prompting.score [file ...]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devserver.nodes.music.genres import GENRES
from devserver.nodes.prompting.brief import LISTS
from devserver.nodes.prompting.complete import parse_text
from devserver.nodes.prompting.vocabulary import table_genre

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Checked:
    """A field that the prompt gives, or that was found though it does not."""

    text: str
    field: str
    wanted: Any
    found: Any

    @property
    def right(self) -> bool:
        if self.wanted is None or self.found is None:
            return False
        if self.field in LISTS and self.field != "structure":
            return set(self.wanted) == set(self.found)
        if isinstance(self.wanted, list) and self.field != "structure":
            return bool(self.wanted[0] <= self.found <= self.wanted[1])
        return bool(list(self.wanted) == list(self.found) if self.field == "structure" else self.wanted == self.found)


def golden(name: str) -> list[Mapping[str, Any]]:
    prompts: list[Mapping[str, Any]] = yaml.safe_load((HERE / name).read_text("utf8"))
    return prompts


def checked(prompt: Mapping[str, Any]) -> Iterator[Checked]:
    """Every field that is wanted or found. What a genre has by default and what is only guessed is not found."""
    readings = parse_text(prompt["text"]).readings
    found = {
        name: reading.value
        for name, reading in readings.items()
        if reading.origin != "genre default" and not reading.guessed
    }
    want = in_table(prompt["want"])
    for field in sorted({*want, *found}):
        yield Checked(prompt["text"], field, want.get(field), found.get(field))


def in_table(want: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is wanted, with the genre as the table of genres has it: a style with a row of its own is a genre."""
    if "genre" not in want:
        return want
    row, is_own = table_genre(want["genre"])
    style = want.get("sub_genre") or (None if is_own else want["genre"])
    genre, sub_genre = (style, None) if style in GENRES else (row, style)
    rest = {name: value for name, value in want.items() if name != "sub_genre"}
    return {**rest, "genre": genre, **({"sub_genre": sub_genre} if sub_genre else {})}


def main(names: list[str]) -> None:
    for name in names or ["golden.yaml", "unseen.yaml"]:
        prompts = golden(name)
        fields = [field for prompt in prompts for field in checked(prompt)]
        right = sum(field.right for field in fields)
        print(f"{name}: {len(prompts)} prompts, {right} of {len(fields)} fields right, {right / len(fields):.1%}")
        if "--wrong" in sys.argv:
            for field in fields:
                if not field.right:
                    print(f"  {field.text}\n    {field.field}: wanted {field.wanted}, found {field.found}")


if __name__ == "__main__":
    main([name for name in sys.argv[1:] if not name.startswith("-")])
