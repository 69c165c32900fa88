from __future__ import annotations

from pathlib import Path

import pytest

from devserver.system.atomic import dump, sync, write_atomic


def test_json_is_readable_in_its_own_order_and_in_any_script() -> None:
    assert dump({"b": "夜", "a": [1]}).decode() == '{\n  "b": "夜",\n  "a": [\n    1\n  ]\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        dump({"loudness": float("-inf")})


@pytest.mark.parametrize("synced", [True, False])
def test_a_file_is_replaced_as_a_whole_and_leaves_nothing_beside_it(tmp_path: Path, synced: bool) -> None:
    path = tmp_path / "metadata.json"
    reader = path.open("w+")
    reader.write("old")
    reader.flush()
    write_atomic(path, b"new", synced=synced)
    reader.seek(0)
    assert (path.read_bytes(), reader.read()) == (b"new", "old"), "who reads the old one goes on with it"
    reader.close()
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_put_in_its_place_leaves_the_old_one_and_no_half_of_the_new(tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    (path / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="metadata"):
        write_atomic(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_put_onto_the_disk_like_a_file(tmp_path: Path) -> None:
    sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "none")
