from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from devserver.system.clock import Clock
from devserver.users.keys import Key, Keys
from devserver.users.sessions import LASTS, MOST_OF_ONE, Sessions


class Later(Clock):
    ahead = timedelta(0)

    def now(self):  # type: ignore[no-untyped-def]
        return super().now() + self.ahead


@pytest.fixture
def anna(tmp_path: Path) -> Key:
    keys = Keys(tmp_path)
    keys.add("anna")
    return keys.all[0]


def files(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "sessions").iterdir())


def test_a_session_ends_by_itself_by_signing_out_and_with_its_key(tmp_path: Path) -> None:
    clock, keys = Later(), Keys(tmp_path)
    sessions = Sessions(tmp_path, keys, clock)
    keys.add("anna")
    anna = keys.all[0]
    first, second, third = (sessions.begin(anna) for _ in range(3))
    assert [sessions.find(token) for token in (first, "x", "", "../../keys")] == [anna, None, None, None]
    sessions.end(first)
    assert (sessions.find(first), sessions.find(second)) == (None, anna)
    clock.ahead = LASTS + timedelta(seconds=1)
    assert sessions.find(second) is None
    clock.ahead = timedelta(0)
    keys.remove("anna")
    keys.add("anna")
    assert sessions.find(third) is None


def test_sessions_do_not_pile_up(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    sessions = Sessions(tmp_path, keys)
    keys.add("anna")
    tokens = [sessions.begin(keys.all[0]) for _ in range(MOST_OF_ONE + 3)]
    files = list((tmp_path / "sessions").iterdir())
    assert len(files) == MOST_OF_ONE
    assert (sessions.find(tokens[0]), sessions.find(tokens[-1])) == (None, keys.all[0])
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert not any(token in path.name + path.read_text() for token in tokens for path in files)


def test_a_session_is_known_to_every_process_that_shares_the_folder(tmp_path: Path, anna: Key) -> None:
    token = Sessions(tmp_path, Keys(tmp_path)).begin(anna)
    there = Sessions(tmp_path, Keys(tmp_path))
    assert there.find(token) == anna
    there.end(token)
    there.end(token)
    assert Sessions(tmp_path, Keys(tmp_path)).find(token) is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"key": "x", "name": "anna"}', '{"key": 1, "name": "", "ends_at": 9}']
)
def test_a_damaged_session_is_none_and_goes_with_the_next_that_begins(tmp_path: Path, anna: Key, content: str) -> None:
    sessions = Sessions(tmp_path, Keys(tmp_path))
    token = sessions.begin(anna)
    (damaged,) = files(tmp_path)
    damaged.write_text(content)
    assert sessions.find(token) is None
    assert sessions.find(sessions.begin(anna)) == anna
    assert damaged not in files(tmp_path)


def test_sessions_that_have_ended_go_with_the_next_that_begins(tmp_path: Path, anna: Key) -> None:
    clock = Later()
    sessions = Sessions(tmp_path, Keys(tmp_path), clock)
    old = sessions.begin(anna)
    clock.ahead = LASTS + timedelta(seconds=1)
    new = sessions.begin(anna)
    assert len(files(tmp_path)) == 1
    assert (sessions.find(old), sessions.find(new)) == (None, anna)
