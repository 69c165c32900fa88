"""One broken file is one broken file: told with file, line and reason, and everything else is in force."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.build import SHIPPED
from devserver.definitions.current import Definitions
from devserver.durable.bus import Bus
from devserver.durable.opening import open_database
from devserver.errors import Blocked
from devserver.files.exports import Exports
from devserver.runs.rebuild import rebuild
from devserver.stages.text.safety import check_lists
from devserver.system.clock import Clock
from devserver.users.keys import Keys, KeysUnreadable
from devserver.users.sessions import Sessions
from schemas.errors import UnknownName
from schemas.lint import lint
from schemas.loader import load_tables, read_tables
from tests.devserver.plans import AT, RUN_ID, plan
from tests.doubles.at_once import JournalAtOnce
from tests.doubles.programs import Server
from tests.schemas.conftest import FILES

Damage = Callable[[Path], object]


def text_of(new: Callable[[str], str | bytes]) -> Damage:
    def damage(path: Path) -> None:
        content = new(path.read_text("utf8"))
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return damage


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def circle(path: Path) -> None:
    """Nobody may read it, root included."""
    path.unlink()
    path.symlink_to(path.name)


def instead(path: Path, number: str) -> str:
    """The text with a number in the place of its first one, or as a further field."""
    text = path.read_text("utf8")
    if path.suffix == ".json":
        return text.rstrip().removesuffix("}") + f',\n"number": {number}}}'
    return f"{text}number: {number}\n"


DAMAGES: dict[str, Damage] = {
    "NaN": lambda path: path.write_text(instead(path, "NaN")),
    "Infinity": lambda path: path.write_text(instead(path, "-Infinity")),
    "a number beyond all": lambda path: path.write_text(instead(path, "1e999")),
    "a number without end": lambda path: path.write_text(instead(path, "9" * 5000)),
    "UTF-16": text_of(lambda text: text.encode("utf-16")),
    "UTF-16 without its mark": text_of(lambda text: text.encode("utf-16-le")),
    "cut off": text_of(lambda text: text.encode()[: text.rstrip().rindex("\n") - 3] + b"{"),
    "nothing": text_of(lambda _: ""),
    "a list": text_of(lambda _: "[1, 2]"),
    "a word": text_of(lambda _: '"word"'),
    "a number": text_of(lambda _: "7"),
    "nested without end": text_of(lambda _: "[" * 100_000),
    "tabs": text_of(lambda text: "\t" + text.replace("  ", "\t") + "\n\t]:"),
    "binary": text_of(lambda _: bytes(range(256)) * 20),
    "Latin-1": text_of(lambda text: (text + "# \xe4").encode("latin-1")),
    "a folder": folder,
    "a pipe": pipe,
    "not to be read": circle,
}
DEFINITIONS = {
    "chunk": "chunks/tone.yaml",
    "pipeline": "pipelines/line.yaml",
    "interception": "configs/interception/plain.yaml",
    "output": "configs/output/tone.yaml",
    "graph": "graphs/tone.json",
    "terms": "terms/manners_en.yaml",
    "table": "tables/mine.json",
}
HARMLESS = {  # a backend's answer may hold such a number, and a table is one that was saved
    ("table", "NaN"),
    ("table", "Infinity"),
    ("table", "a number beyond all"),
}
CASES = [(kind, name) for kind in DEFINITIONS for name in DAMAGES]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    table = json.dumps(load_tables([SHIPPED])["comfyui"].to_trimmed()["EmptyAudio"])
    for place, text in {**FILES, "tables/mine.json": f'{{\n"Mine": {table}\n}}\n'}.items():
        path = tmp_path / "own" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")
    return tmp_path / "own"


def definitions(own: Path) -> Definitions:
    return Definitions([SHIPPED], load_tables([SHIPPED, own]), own=[own])


def problems(own: Path) -> list[str]:
    tables, wrong = read_tables([SHIPPED, own])
    return [str(problem) for problem in lint([SHIPPED, own], tables, None, wrong)]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_broken_definition_is_told_and_all_others_are_in_force(own: Path, kind: str, name: str) -> None:
    place = DEFINITIONS[kind]
    assert problems(own) == []
    DAMAGES[name](own / place)
    if (kind, name) in HARMLESS:
        assert problems(own) == []
        return
    told = problems(own)
    assert told, name
    assert all(f"own/{place}:" in one and ":" in one for one in told)
    found = definitions(own)
    assert found.status().state == "broken"
    assert any(one.file.endswith(place) for one in found.problems)
    catalog = found.catalog
    assert catalog.output("procedural_instrumental").chunk == "procedural_instrumental"
    assert catalog.output("picture" if kind != "pipeline" else "silence_mp3").name
    if kind not in ("table", "terms", "interception"):
        with pytest.raises(UnknownName, match=r"the output_config tone cannot be used: .*own/"):
            catalog.output("tone")
    if kind == "terms":
        with pytest.raises(Blocked, match="manners_en is broken"):
            check_lists(catalog, "adult")


@pytest.mark.parametrize("kind", [kind for kind in DEFINITIONS if kind != "table"])
def test_edited_while_the_server_runs_the_old_one_stays_and_other_edits_come_into_force(own: Path, kind: str) -> None:
    found = definitions(own)
    assert found.status().state == "ok"
    before = dict(found.catalog.sources)
    (own / DEFINITIONS[kind]).write_bytes(b"\xff\xfe\0")
    (own / "configs/output/fresh.yaml").write_text(FILES["configs/output/spare.yaml"], "utf8")
    assert found.reload()
    assert [problem.file.endswith(DEFINITIONS[kind]) for problem in found.problems] == [True]
    assert dict(found.catalog.sources).items() >= before.items()
    assert found.catalog.output("fresh").chunk == "tone"
    assert not found.catalog.broken


def test_a_broken_own_file_does_not_give_way_to_the_shipped_one(own: Path) -> None:
    path = own / "configs/output/silence_mp3.yaml"
    path.write_text("label: [", "utf8")
    with pytest.raises(UnknownName, match="cannot be used"):
        definitions(own).catalog.output("silence_mp3")


def test_what_needs_a_broken_definition_says_so(own: Path) -> None:
    (own / "chunks/tone.yaml").write_text("kind: [", "utf8")
    with pytest.raises(UnknownName, match="needs the chunk tone, which has a problem of its own"):
        definitions(own).catalog.output("spare")


def test_a_file_with_a_byte_order_mark_is_read(own: Path) -> None:
    for place in DEFINITIONS.values():
        path = own / place
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert problems(own) == []


@pytest.mark.parametrize("name", DAMAGES)
def test_broken_keys_let_nobody_in(tmp_path: Path, name: str) -> None:
    keys = Keys(tmp_path)
    secret = keys.add("zoe", admin=True)
    DAMAGES[name](tmp_path / "keys.json")
    if name in ("NaN", "Infinity", "a number beyond all", "a number without end"):  # beside the keys: an unknown field
        keys_file = tmp_path / "keys.json"
        keys_file.write_text(keys_file.read_text().replace('"admin": true', '"admin": NaN'))
    for ask in (lambda: keys.find(secret), lambda: keys.all, lambda: keys.viewer("zoe"), lambda: keys.add("bob")):
        with pytest.raises(KeysUnreadable, match=r"keys\.json"):
            ask()


@pytest.mark.parametrize(
    "field", [{"admin": "no"}, {"name": 7}, {"hash": "\xe4"}, {"hash": None}, {"extra": 1}, {"rights": []}]
)
def test_a_key_of_another_shape_lets_nobody_in(tmp_path: Path, field: dict[str, Any]) -> None:
    keys = Keys(tmp_path)
    keys.add("zoe")
    path = tmp_path / "keys.json"
    kept = json.loads(path.read_text())
    kept["keys"][0] |= field
    path.write_text(json.dumps(kept))
    with pytest.raises(KeysUnreadable, match=r"keys\.json"):
        keys.find("tonewright_x")


@pytest.mark.parametrize("name", DAMAGES)
def test_a_broken_session_is_none_and_others_go_on(tmp_path: Path, name: str) -> None:
    keys = Keys(tmp_path)
    keys.add("zoe")
    key = keys.find_by_name("zoe")
    assert key is not None
    sessions = Sessions(tmp_path, keys)
    first = sessions.begin(key)
    (file,) = (tmp_path / "sessions").iterdir()
    file.write_text(file.read_text().replace(", ", ",\n"))
    DAMAGES[name](file)
    second = sessions.begin(key)
    assert sessions.find(first) is None
    assert sessions.find(second) == key


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Exports]:
    made = Exports(tmp_path / "exports")
    made.lock({"pid": 1})
    yield made
    made.unlock()


def record(text: str = "x") -> dict[str, Any]:
    return {
        "run_id": RUN_ID,
        "user_id": "local",
        "title": text,
        "created_at": AT,
        "started_at": AT,
        "ended_at": AT,
        "status": "success",
        "error": None,
        "resolved": {"schema": "plain", "outputs": []},
        "stages": [],
        "entities": [],
        "warnings": [],
    }


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("file", ["metadata.json", "01_config.json"])
async def test_a_broken_record_is_told_and_the_other_runs_are_read_back(exports: Exports, file: str, name: str) -> None:
    database = open_database(exports.state / "journal.sqlite")
    journal = JournalAtOnce(database, Clock(), Bus(Clock()))
    made = plan(Definitions([SHIPPED], load_tables([SHIPPED])), exports, database, output_config="silence_mp3")
    other = RUN_ID[:-1] + "d"
    for run_id in (RUN_ID, other):
        path = exports.root / run_id
        path.mkdir()
        (path / "metadata.json").write_text(json.dumps({**record(), "run_id": run_id}, indent=1))
        text = made.model_copy(update={"run_id": run_id}).model_dump_json(by_alias=True, indent=1)
        (path / "01_config.json").write_text(text)
    DAMAGES[name](exports.root / RUN_ID / file)
    count, wrong = await rebuild(journal.journal, exports)
    assert (count, len(wrong)) == (1, 1), wrong
    assert wrong[0].startswith(f"{RUN_ID}/{file}:")
    assert journal.run(other) is not None
    database.close()
    shutil.rmtree(exports.root / RUN_ID)


async def test_rows_of_another_shape_stop_no_other_run(exports: Exports) -> None:
    database = open_database(exports.state / "journal.sqlite")
    journal = JournalAtOnce(database, Clock(), Bus(Clock()))
    shapes: list[Any] = [{"stages": 7}, {"title": {"a": 1}}, {"entities": [1]}, {"resolved": None}, {"warnings": {}}]
    made = plan(Definitions([SHIPPED], load_tables([SHIPPED])), exports, database, output_config="silence_mp3")
    for place, shape in enumerate(shapes):
        path = exports.root / f"{RUN_ID[:-1]}{place}"
        path.mkdir()
        (path / "metadata.json").write_text(json.dumps({**record(), "run_id": path.name, **shape}))
        (path / "01_config.json").write_text(made.model_dump_json(by_alias=True))
    _, wrong = await rebuild(journal.journal, exports)
    assert len(wrong) >= len(shapes) - 1
    database.close()


def test_a_server_starts_beside_broken_definitions_and_says_what_is_left_out(tmp_path: Path, own: Path) -> None:
    (own / "chunks/tone.yaml").write_bytes(b"kind: graph\n\tgraph: tone\n")
    (own / "tables/mine.json").write_bytes(b"\xff\xfe{\0")
    with Server(tmp_path / "exports", embedded=False, definitions=[str(own)]) as server:
        _, status = server.call("GET", "/api/schema/status")
        assert {(Path(one["file"]).name, one["line"]) for one in status["problems"]} >= {
            ("tone.yaml", 2),
            ("mine.json", 1),
        }
        code, told = server.execute(input_text="x", output_config="tone")
        assert (code, "own/configs/output/tone.yaml" in told["error"]["message"]) == (404, True)
        code, told = server.execute(input_text="x", output_config="silence_mp3", wait=False)
        # It is accepted. That there is no backend for it may have ended it before the answer was made.
        assert (code, told.get("error", {}).get("code")) in {(202, None), (409, "nodes_missing")}, told


def test_a_server_with_broken_keys_starts_and_lets_nobody_in(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    secret = Keys(exports / ".state").add("zoe", admin=True)
    (exports / ".state" / "keys.json").write_text('{"secret": "ab", "keys": [', "utf8")
    with Server(exports, embedded=False) as server:
        for headers in ({}, {"Authorization": f"Bearer {secret}"}):
            for method, path in (("GET", "/api/runs"), ("GET", "/api/queue"), ("POST", "/api/queue/pause")):
                status, told = server.call(method, path, None, headers)
                assert (status, told["error"]["code"]) == (503, "keys_unreadable")
                assert str(tmp_path) not in json.dumps(told)
        assert server.call("GET", "/health")[0] == 200
