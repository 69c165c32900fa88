"""The words of every language are data: what a file of them may hold, and how a wrong one is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devserver.nodes.prompting.complete import parse_text
from devserver.nodes.prompting.wordlists import FOLDER, WordsError, read_words, terms, words

NODES = Path(__file__).parents[3] / "devserver" / "nodes"

FRENCH = """
moods:
  calm: [calme+, paisible+]
instruments:
  guitar: [guitare+]
genre:
  jazz:
    near:
      bossa nova: [bossa brésilienne]
numbers:
  2: [deux]
units:
  minute: [minute, minutes]
grammar:
  in_language: [en]
refusing:
  not: [sans]
fillers: [une, musique, avec, de]
"""
READ = """
import sys
sys.path.insert(0, sys.argv[1])
from nodes.prompting.complete import parse_text
parsed = parse_text("une musique calme de deux minutes avec guitares, sans piano")
print({name: parsed.value(name) for name in ("moods", "instruments", "avoid", "duration_seconds")})
print([word.word for word in parsed.unmatched])
"""


def test_a_new_language_is_one_new_file(tmp_path: Path) -> None:
    shutil.copytree(NODES, tmp_path / "nodes")
    (tmp_path / "nodes" / "prompting" / "words" / "fr.yaml").write_text(FRENCH, "utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-c", READ, str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "{'moods': ('calm',), 'instruments': ('guitar',), 'avoid': ('piano',), 'duration_seconds': 120}",
        "[]",
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("moods:\n  calm: ruhig\n", 2, "a list of terms is expected for 'calm'"),
        ("moods:\n  calm: [ruhig, ruhig]\n", 2, "'ruhig' is listed twice"),
        ("moods:\n  calm: [a]\n\n  happy: [b, a]\n", 4, "'a' cannot mean 'happy': it is listed for 'calm'"),
        ("moods:\n  calm: [a]\n  calm: [b]\n", 3, "'calm' is there twice"),
        ("moods:\n  calm: [[a]]\n", 2, "a term is expected here"),
        ("moods:\n  calm: ['+']\n", 2, "a term is expected here"),
        ("moods:\n  calm: [ruhig*]\n", 2, "'ruhig*' has a *, but there are no `endings` for it in this file"),
        ("endings:\n  '%': [e]\n", 2, "'%' is not known here; allowed: +, *"),
        ("mood:\n  calm: [a]\n", 1, "'mood' is not known here; allowed: moods, texture,"),
        ("vocals:\n  loud: [a]\n", 2, "'loud' is not known here; allowed: instrumental, female,"),
        ("grammar:\n  too: [a]\n", 2, "'too' is not known here; allowed: to, and,"),
        ("bpm:\n  slow: [a]\n", 2, "'slow' in bpm is no number"),
        ("- moods\n", 1, "names with their terms are expected here"),
        ("moods:\n  calm: [a\n", 3, "did not find expected ',' or ']'"),
        ("genre:\n  zydeco:\n    names: [zydeco]\n", 3, "'zydeco' has no row in the table of genres"),
        ("genre:\n  zydeco:\n    next_best: swamp\n", 3, "'swamp' is no genre of the table: "),
        ("genre:\n  techno:\n    name: [a]\n", 3, "'name' is not known here; allowed: names, styles"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_the_reason(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    (tmp_path / "xx.yaml").write_text(text, "utf-8")
    with pytest.raises(WordsError) as refused:
        read_words(tmp_path)
    assert str(refused.value).startswith(f"xx.yaml:{line}: {reason}")


def test_a_term_means_the_same_in_every_file(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "nl.yaml").write_text("moods:\n  sad: [RUHIG]\n", "utf-8")
    with pytest.raises(WordsError, match=r"nl.yaml:2: 'RUHIG' cannot mean 'sad': it is listed for 'calm'"):
        read_words(tmp_path)


def test_a_language_may_add_words_to_a_family_that_the_shared_file_has(tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text("genre:\n  zydeco:\n    next_best: folk\n    names: [zydeco]\n", "utf-8")
    (tmp_path / "fr.yaml").write_text("genre:\n  zydeco:\n    names: [musique cajun]\n", "utf-8")
    assert [terms for _, _, _, terms in read_words(tmp_path).genres] == [["zydeco"], ["musique cajun"]]


def test_a_group_that_no_file_has_is_empty_and_one_that_nobody_knows_an_error() -> None:
    assert "drums" not in words("grammar", "only")
    assert terms("note_modes", "dorian") == []
    with pytest.raises(KeyError):
        words("grammar", "onyl")


def test_words_with_a_sharp_s_are_known_too() -> None:
    assert parse_text("Techno, alles außer Gesang").value("vocals") == "instrumental"


@pytest.mark.parametrize("scale", ["minor", "harmonic minor", "natural  minor", "melodic minor"])
def test_a_minor_scale_is_minor(scale: str) -> None:
    parsed = parse_text(f"techno in A {scale}")
    assert (parsed.value("key"), parsed.value("mode")) == ("A minor", "minor")
