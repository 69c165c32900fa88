from __future__ import annotations

import pytest

from schemas.compiler import resolve
from schemas.errors import DefinitionError
from schemas.loader import read_tables
from schemas.model import LEVELS
from schemas.nodes import NodeTable
from tests.loading import load_catalog
from tests.schemas.breaking import Case, cases, check
from tests.schemas.conftest import FILES, Write

Tables = dict[str, NodeTable]


def test_a_later_folder_replaces_by_name(write: Write, tables: Tables) -> None:
    first = write()
    changed = FILES["configs/output/tone.yaml"].replace("12.5", "99")
    second = write("mine", **{"configs/output/tone.yaml": changed, "configs/output/new.yaml": changed})
    catalog = load_catalog([first, second], tables)
    assert catalog.output("tone").values["seconds"] == 99
    assert catalog.output("spare").values["seconds"] == 12.5
    assert catalog.sources["output", "tone"].file == "mine/configs/output/tone.yaml"
    assert set(catalog.outputs) == {"tone", "spare", "picture", "new"}


def test_a_user_override_mends_a_broken_definition(write: Write, tables: Tables) -> None:
    broken = write(**{**FILES, "configs/output/tone.yaml": FILES["configs/output/tone.yaml"].replace("12.5", "0")})
    mended = write("mine", **{"configs/output/tone.yaml": FILES["configs/output/tone.yaml"]})
    assert load_catalog([broken, mended], tables).output("tone").values["seconds"] == 12.5


def test_the_error_lists_every_problem(write: Write, tables: Tables) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_catalog([write(**{"chunks/a.yaml": "kind: text", "chunks/b.yaml": "[", "graphs/c.json": "{"})], tables)
    text = str(caught.value)
    assert "defs/chunks/a.yaml:1: description: is required" in text
    assert "defs/chunks/b.yaml:1: is not YAML" in text
    assert "defs/graphs/c.json:1: is not JSON" in text


def test_a_folder_that_is_absent_is_told(write: Write, tables: Tables) -> None:
    first = write()
    with pytest.raises(DefinitionError, match="defs/nowhere:1: is not a folder"):
        load_catalog([first, first / "nowhere"], tables)


def test_a_table_that_is_none_is_told(write: Write) -> None:
    folder = write(**{"tables/mine.json": "[1]"})
    tables, (problem,) = read_tables([folder])
    assert (tables, str(problem)) == ({}, "defs/tables/mine.json:1: must be a mapping of fields to values")


def test_off_and_no_are_text_in_yaml(write: Write, tables: Tables) -> None:
    choices = FILES["chunks/tone.yaml"].replace("{en: Words., de: Wörter.}", "{en: no, de: off}")
    catalog = load_catalog([write(**{**FILES, "chunks/tone.yaml": choices})], tables)
    assert catalog.graph_chunk("tone").parameters["prompt"].description.de == "off"


@pytest.mark.parametrize("seed", ["random", "-1", "null", "7"])
def test_a_config_may_fix_a_seed_or_leave_it_to_chance(seed: str, write: Write, tables: Tables) -> None:
    config = FILES["configs/output/tone.yaml"].replace("seconds: 12.5", f"seed: {seed}")
    catalog = load_catalog([write(**{**FILES, "configs/output/tone.yaml": config})], tables)
    drawn = resolve(catalog.chunk_of("tone"), catalog.output("tone"), {}, lambda: 3)["seed"]
    assert drawn == (7 if seed == "7" else 3)


def test_a_stricter_level_refuses_what_a_laxer_one_does(write: Write, tables: Tables) -> None:
    lexicon = load_catalog([write()], tables).lexicon
    found = {level: [each.term for each in lexicon.find("bad, worse, worst", level)] for level in LEVELS}
    assert found == {"off": [], "adult": ["worst"], "youth": ["worst"], "kids": ["bad", "worst"]}


@cases("loader")
def test_a_broken_rule_is_told_with_its_place(case: Case, write: Write, tables: Tables) -> None:
    check(case, write, tables)
