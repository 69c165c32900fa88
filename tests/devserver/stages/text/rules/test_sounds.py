from __future__ import annotations

import pytest

from devserver.definitions.current import Definitions
from devserver.nodes.music.prompt import MusicRequest, parse
from devserver.stages.text.rules.table import rewrite
from devserver.stages.text.rules.words import fold
from schemas.catalog import Catalog


@pytest.fixture
def catalog(definitions: Definitions) -> Catalog:
    return definitions.catalog


def test_moods_become_sounds_that_the_composer_understands(catalog: Catalog) -> None:
    rule = catalog.interception("sound_table").rule
    told = rewrite("Ein Sturm über der Stadt", rule, 1)
    assert told == "rock, aggressive, E minor, 140 bpm, guitar, drums, bass, organ"
    brief = parse(told, MusicRequest(), seconds=10, seed=1)
    assert (brief.genre, brief.bpm, brief.key) == ("rock", 140, "E minor")
    assert len({rewrite("xyzzy", rule, seed) for seed in range(10)}) > 3


def test_the_composer_understands_every_sound_of_the_table(catalog: Catalog) -> None:
    for sound in catalog.interception("sound_table").rule.sounds:  # type: ignore[union-attr]  # of kind sounds
        told = rewrite(sound.words[0].rstrip("*"), catalog.interception("sound_table").rule, 1)
        brief = parse(told, MusicRequest(), seconds=10, seed=1)
        assert not sound.genre or brief.genre == sound.genre
        assert not sound.bpm or brief.bpm == sound.bpm
        assert not sound.key or fold(brief.key) == fold(sound.key)
        assert not sound.mood or brief.mood != "neutral", told
