from __future__ import annotations

from pathlib import Path

import pytest

from devserver.errors import FolderLocked
from devserver.files.exports import RUN_ID, Exports
from devserver.system.atomic import write_atomic
from devserver.system.clock import Clock


def test_a_second_server_is_told_who_holds_the_folder(exports: Exports) -> None:
    with pytest.raises(FolderLocked, match='"pid": 1'):
        Exports(exports.root).lock({"pid": 2})


def test_the_folder_is_free_again_when_the_first_server_is_gone(exports: Exports) -> None:
    exports.unlock()
    other = Exports(exports.root)
    other.lock({"pid": 2})
    other.unlock()


def test_run_ids_look_like_run_ids_and_nothing_else_becomes_a_path(exports: Exports) -> None:
    run_id = exports.new_run_id(Clock())
    assert RUN_ID.fullmatch(run_id)
    assert exports.folder(run_id).parent == exports.root
    for wrong in ("../etc", ".state", f"{run_id}/..", run_id + "\n"):
        with pytest.raises(ValueError, match="is not a run id"):
            exports.folder(wrong)


def test_an_atomic_write_leaves_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    write_atomic(path, b"old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_cleared(exports: Exports) -> None:
    run_id = exports.new_run_id(Clock())
    exports.folder(run_id).mkdir()
    exports.write(run_id, "02_input.txt", b"x")
    (exports.folder(run_id) / "07_output_audio.part").write_bytes(b"half")
    exports.clear_parts(run_id)
    assert [path.name for path in exports.folder(run_id).iterdir()] == ["02_input.txt"]


def test_nodes_share_a_folder_each_with_one_of_its_own(tmp_path: Path) -> None:
    first, second, web = (Exports(tmp_path, name, works=name != "web") for name in ("a", "b", "web"))
    for one in (first, second, web):
        one.lock({"pid": 1})
    assert first.embedded != second.embedded
    with pytest.raises(FolderLocked, match="the node a runs already; give this one a name of its own with --node"):
        Exports(tmp_path, "a").lock({"pid": 2})
    with pytest.raises(FolderLocked, match="is in use by another server"):
        Exports(tmp_path).lock({"pid": 4})
    for one in (first, second, web):
        one.unlock()
    again = Exports(tmp_path, "a")
    again.lock({"pid": 5})
    again.unlock()


def test_who_has_a_folder_for_itself_shares_it_with_nobody(exports: Exports) -> None:
    with pytest.raises(FolderLocked, match="without a database_url"):
        Exports(exports.root, "a").lock({"pid": 2})


def test_what_a_run_left_at_the_node_that_it_comes_from_goes_too(tmp_path: Path) -> None:
    first, second = Exports(tmp_path, "a"), Exports(tmp_path, "b")
    for one in (first, second):
        one.lock({"pid": 1})
    left = first.embedded / "output" / "tonewright" / "20240131-235959-1f2e3d4c"
    left.mkdir(parents=True)
    second.clear_embedded(left.name)
    assert not left.exists()
    for one in (first, second):
        one.unlock()
