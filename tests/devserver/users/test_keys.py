from __future__ import annotations

import threading
from pathlib import Path

import pytest

from devserver.errors import InputError
from devserver.users.keys import Keys, KeysUnreadable


def test_a_key_is_known_by_what_it_is_and_never_kept(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    anna, bob = keys.add("anna", admin=True), keys.add("bob")
    found = keys.find(anna)
    assert found is not None
    assert (found.name, found.admin) == ("anna", True)
    assert keys.find(bob) == keys.find_by_name("bob")
    assert [keys.find(wrong) for wrong in ("", "anna", anna[:-1], anna + "x", "x" * 10_000, "\udc80")] == [None] * 6
    assert anna not in (tmp_path / "keys.json").read_text()
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_who_sees_whose(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    assert keys.viewer("local") is None
    keys.add("anna", admin=True)
    keys.add("bob")
    assert [keys.viewer(name) for name in ("anna", "bob", "local", "")] == [None, "bob", "local", ""]


def test_another_process_sees_a_change_at_once(tmp_path: Path) -> None:
    here, there = Keys(tmp_path), Keys(tmp_path)
    secret = here.add("anna")
    assert there.find(secret)
    here.remove("anna")
    assert there.find(secret) is None
    again = here.add("anna")
    assert (there.find(secret), bool(there.find(again))) == (None, True)


def test_keys_that_are_added_at_once_are_all_kept(tmp_path: Path) -> None:
    names = [f"user{number}" for number in range(12)]
    threads = [threading.Thread(target=Keys(tmp_path).add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key.name for key in Keys(tmp_path).all) == sorted(names)


@pytest.mark.parametrize("name", ["", "../../x", "Anna", "a b", "a" * 33, "-a", "a\n", "ä", "."])
def test_a_name_is_a_plain_word(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        Keys(tmp_path).add(name)
    assert (caught.value.status, caught.value.field, caught.value.value) == (422, "name", name)


def test_a_name_has_one_key(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.add("anna")
    with pytest.raises(InputError, match="already"):
        keys.add("anna")
    with pytest.raises(InputError, match="no key named bob"):
        keys.remove("bob")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"secret": "zz", "keys": []}', b'{"secret": "", "keys": [{}]}'])
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys.json").write_bytes(content)
    with pytest.raises(KeysUnreadable, match=r"keys\.json"):
        _ = Keys(tmp_path).all
