"""Which backends meet a demand, and with which of its variants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from devserver.backends.pool import Pool
from devserver.backends.sources import Use
from devserver.durable.bus import Bus
from devserver.queueing.demand import Choice, Demand, Fits
from devserver.system.clock import Clock
from tests.devserver.queueing.demands import classes, demand
from tests.doubles.pools import add_backend

BF16, FP8 = "song_bf16.safetensors", "song_fp8.safetensors"


@pytest.fixture
async def pool(bus: Bus) -> AsyncIterator[Pool]:
    made = Pool([], bus=bus, clock=Clock(), embedded_folder=None, probe_s=3600)
    yield made
    await made.close()


def met(wanted: Demand, pool: Pool, fits: Fits | None = None) -> list[tuple[str, str]]:
    found = (fits or Fits()).choices(wanted, pool.backends)
    return [(one.backend.name, one.option.chunk.name) for one in found]


def test_a_demand_has_the_same_name_wherever_the_same_is_needed() -> None:
    same = demand(takes=({"title": "another song"},))
    assert same.digest == demand().digest
    others = [demand("film"), demand(variants=[("b", "")]), demand(variants=[("a", BF16)]), demand(at_home=True)]
    others.append(replace(demand(), execution_mode="eco"))
    assert len({one.digest for one in [same, *others]}) == 6


def test_every_backend_that_has_all_of_a_variant_meets_it(pool: Pool) -> None:
    add_backend(pool, "lacks", classes=classes("film"))
    add_backend(pool, "has", classes=classes("song"))
    add_backend(pool, "down", classes=classes("song"), state="down")
    unasked = add_backend(pool, "unasked")
    unasked.table = None
    assert met(demand(), pool) == [("has", "a")]


def test_the_first_variant_that_a_backend_has_is_made_there(pool: Pool) -> None:
    both = demand(variants=[("large", "large.safetensors"), ("small", "small.safetensors")])
    add_backend(pool, "weak", classes=classes("song", models=["small.safetensors"]))
    add_backend(pool, "strong", classes=classes("song", models=["small.safetensors", "large.safetensors"]))
    assert met(both, pool) == [("weak", "small"), ("strong", "large")]


def test_those_with_the_exact_file_go_before_those_with_another_precision(pool: Pool) -> None:
    add_backend(pool, "other", classes=classes("song", models=[FP8]))
    wanted, fits = demand(variants=[("a", BF16)]), Fits()
    assert met(wanted, pool, fits) == [("other", "a")]
    (choice,) = fits.choices(wanted, pool.backends)
    assert choice.files == {FP8}
    assert not choice.is_exact
    add_backend(pool, "exact", classes=classes("song", models=[f"music/{BF16}"]))
    assert met(wanted, pool, fits) == [("exact", "a")]


def test_files_that_are_at_home_are_made_into_others_at_home(pool: Pool) -> None:
    add_backend(pool, "away", classes=classes("song"))
    home = add_backend(pool, "home", classes=classes("song"))
    home.address = replace(home.address, kind="embedded")
    assert met(demand(at_home=True), pool) == [("home", "a")]
    assert met(demand(), pool) == [("away", "a"), ("home", "a")]
    home.state = "down"
    assert met(demand(at_home=True), pool) == [("away", "a")]


def test_who_refused_a_prompt_a_moment_ago_is_asked_where_there_is_no_other(pool: Pool) -> None:
    add_backend(pool, "one", classes=classes("song")).note_rejection()
    assert met(demand(), pool) == [("one", "a")]
    add_backend(pool, "two", classes=classes("song"))
    assert met(demand(), pool) == [("two", "a")]


def test_what_its_owner_keeps_from_a_backend_is_not_made_there(pool: Pool) -> None:
    backend = add_backend(pool, classes=classes("song", "film"))
    backend.address = replace(backend.address, use=Use(never=frozenset({"song"})))
    assert (met(demand("song"), pool), met(demand("film"), pool)) == ([], [("gpu", "a")])


def test_what_is_remembered_of_a_backend_never_carries_the_values_of_another_run(pool: Pool) -> None:
    backend, fits = add_backend(pool, classes=classes("song")), Fits()
    titles = []
    for title in ("first", "second"):
        own = demand(takes=({"title": title},))
        found: Sequence[Choice | None] = [*fits.choices(own, pool.backends), fits.choice(own, backend)]
        assert all(one is not None and one.option is own.options[0] for one in found)
        titles += [one.option.takes[0]["title"] for one in found if one]
    assert titles == ["first", "first", "second", "second"]


def test_a_backend_is_checked_anew_when_it_lists_other_nodes(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    backend, fits = add_backend(pool, classes=classes("film")), Fits()
    assert met(demand(), pool, fits) == []
    other = add_backend(pool, "other", classes=classes("song"))
    backend.table = other.table
    assert met(demand(), pool, fits) == [("gpu", "a"), ("other", "a")]
    monkeypatch.setattr("devserver.queueing.demand.fit_of", None)
    assert met(demand(takes=()), pool, fits) == [("gpu", "a"), ("other", "a")], "and not again before that"
