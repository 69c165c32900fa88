from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import shape, shape_source


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small product with one of each thing that is counted."""
    files = {
        "server.py": '"""Where it begins."""\n',
        "devserver/run.py": "from typing import Any\n\nTable = dict[str, Any]\n\ndef walk(table: Table) -> int: ...\n",
        "devserver/model/record.py": "from devserver.run import Table as Rows\n\n\ndef told(rows: Rows) -> None: ...\n",
        "my_app/run.py": "class Reply:\n    Table: str = ''  # Who reads it\n",
        "devserver/nodes/tone.py": "class Reply:\n    def told(self) -> str: ...\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_an_alias_of_any_counts_as_any_where_it_is_imported(project: Path) -> None:
    modules = shape_source.read_modules(project)
    loose = shape_source.loose_names(modules)
    assert loose[Path("devserver/model/record.py")] == {"Rows"}
    assert loose[Path("my_app/run.py")] == set()  # a name alone proves nothing
    assert shape_source.share_of_any(modules, loose) == (2, 6)


def test_names_that_occur_twice_and_loose_modules_are_listed(project: Path) -> None:
    modules = shape_source.read_modules(project)
    assert shape_source.same_modules(modules) == {"run": 2}
    assert shape_source.same_classes(modules) == {"Reply": 2}
    assert shape_source.loose_modules(modules) == ["run"]


def test_a_module_without_a_test_of_its_name_is_listed_and_a_node_is_not(project: Path) -> None:
    tests = [Path("tests/test_record.py"), Path("tests/test_server.py")]
    assert shape_source.untested(shape_source.read_modules(project), tests) == ["devserver/run.py", "my_app/run.py"]


def test_words_of_the_dialect_and_sentences_that_ask_are_counted(project: Path) -> None:
    modules = [module for module in shape_source.read_modules(project) if not module.is_node]
    assert shape_source.word_counts(modules) == {"told": 1}
    assert shape_source.asking_sentences(modules) == 2


def test_one_traced_run_has_modules_moves_threads_statements_and_commits() -> None:
    figures = shape.walk()
    assert figures["functions"] > figures["modules"] > 20
    assert figures["moves between modules"] > figures["modules"]
    assert figures["changes of thread"] > 0
    assert figures["statements"] > figures["commits"] > 0
