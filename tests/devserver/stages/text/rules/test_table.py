from __future__ import annotations

import pytest

from devserver.definitions.current import Definitions
from devserver.stages.text.rules.table import RULES, rewrite
from schemas.catalog import Catalog
from tests.devserver.stages.text.rules.texts import HAFEN, HARBOUR, ODD, TEXTS, made


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


@pytest.fixture
def catalog(definitions: Definitions) -> Catalog:
    return definitions.catalog


def test_every_interception_that_is_shipped_does_something(catalog: Catalog) -> None:
    assert len(catalog.interceptions) >= 10
    for name, config in catalog.interceptions.items():
        changed = any(rewrite(text, config.rule, 1) != text for text in (HARBOUR, HAFEN))
        assert changed == (config.rule.kind != "plain"), name
        assert changed or config.llm or name == "plain"
