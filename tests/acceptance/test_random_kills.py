"""Ten kills at drawn times beside clients at work; `make soak` does a thousand."""

from __future__ import annotations

from pathlib import Path

from tests.soak.campaign import Campaign


def test_ten_kills_at_drawn_times_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    found = Campaign(tmp_path, kills=10, seed=1).run()
    assert found.losses == []
    assert found.kills.total() == 10
    assert found.accepted > 0
