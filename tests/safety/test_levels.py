"""The shipped lists against texts written for them; `python -m tests.safety.report` tells the whole count."""

from __future__ import annotations

import pytest

from cli.build import SHIPPED
from schemas.catalog import Catalog
from schemas.loader import load_tables
from schemas.model import LEVELS
from tests.loading import load_catalog
from tests.safety.report import HALVES, LANGUAGES, count, report, samples


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog([SHIPPED], load_tables([SHIPPED]))


def test_there_are_enough_texts_and_half_of_them_are_harmless() -> None:
    for language in LANGUAGES:
        texts = [sample for half in HALVES for sample in samples(language, half)]
        assert len({sample.text for sample in texts}) == len(texts) >= 150
        assert sum(sample.blocked_from is None for sample in texts) * 2 == len(texts)
        assert {sample.blocked_from for sample in texts} == {None, "kids", "youth", "adult"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", LEVELS)
def test_the_seen_texts_are_decided_rightly(catalog: Catalog, language: str, level: str) -> None:
    told = count(catalog.lexicon, list(samples(language, "seen")), level)  # type: ignore[arg-type]
    assert told.missed == ()
    assert [text for text in told.false_alarms if "Kokain? Nein" not in text] == []


def test_the_report_counts_every_half_language_and_level_and_shows_no_unseen_text() -> None:
    lines = list(report(show_texts=True))
    assert sum(line.startswith(HALVES) for line in lines) == len(HALVES) * len(LANGUAGES) * len(LEVELS)
    shown = "\n".join(lines)
    assert not [sample.text for language in LANGUAGES for sample in samples(language, "unseen") if sample.text in shown]
