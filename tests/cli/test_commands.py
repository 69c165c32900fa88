"""The command line as a person types it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from devserver.nodes.prompting import wordlists
from server import main
from tests.doubles.commands import tonewright
from tests.doubles.programs import ROOT, Server


def test_lint_finds_no_problem_in_what_is_shipped() -> None:
    done = tonewright("lint")
    assert (done.returncode, done.stdout.strip()) == (0, "The definitions have no problem.")


def test_lint_names_file_line_and_field(tmp_path: Path) -> None:
    wrong = tmp_path / "configs" / "output" / "mine.yaml"
    wrong.parent.mkdir(parents=True)
    wrong.write_text((ROOT / "schemas/configs/output/silence_mp3.yaml").read_text().replace("seconds: 1", "second: 1"))
    done = tonewright("lint", str(wrong), definitions=f'["{tmp_path}"]')
    assert done.returncode == 1
    assert "mine.yaml:" in done.stdout
    assert "second" in done.stdout


def test_lint_reads_the_words_of_every_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nl.yaml").write_text("moods:\n  calm: rustig\n", "utf-8")
    monkeypatch.setattr(wordlists, "FOLDER", tmp_path)
    done = CliRunner().invoke(main, ["lint"])
    assert (done.exit_code, done.output.splitlines()) == (
        1,
        ["nl.yaml:2: a list of terms is expected for 'calm': `[term, term]`", "1 problems"],
    )


def test_a_wrong_setting_is_named() -> None:
    done = tonewright("serve", "--host", "studio.local")
    assert done.returncode == 2
    assert "host" in done.stderr
    assert "0.0.0.0" in done.stderr


def test_a_role_among_others_needs_a_database_that_all_share() -> None:
    done = tonewright("serve", "--role", "worker")
    assert done.returncode == 2
    assert "the role worker needs a database_url" in done.stderr


def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/none"
    done = tonewright("serve", "--role", "web", "--port", "0", "--exports", str(tmp_path), database_url=url)
    assert done.returncode == 2
    assert "The database postgresql://127.0.0.1:1/none does not answer" in done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_run_shows_progress_and_tells_where_the_file_is(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    asked = ("--output", "procedural_instrumental", "--param", "seconds=2", "--seed", "1")
    done = tonewright("run", "a bright house track", *asked, "--exports", str(exports))
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stdout
    file = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("File"))
    assert Path(file).is_file()


def test_run_says_what_is_wrong_with_a_request(tmp_path: Path) -> None:
    done = tonewright("run", "x", "--output", "silence_mp", "--exports", str(tmp_path / "exports"))
    assert done.returncode == 1
    assert "silence_mp3" in done.stderr


def test_a_lost_journal_is_rebuilt_from_the_run_folders(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    with Server(exports) as server:
        _, made = server.execute(input_text="keep me", output_config="silence_mp3")
        _, failed = server.execute(input_text="x", output_config="acestep_instrumental", fallback=False)
    for file in (exports / ".state").glob("journal.sqlite*"):
        file.unlink()
    done = tonewright("doctor", "--rebuild", "--exports", str(exports))
    assert "2 runs" in done.stdout, done.stdout + done.stderr
    with Server(exports) as server:
        status, body = server.call("GET", f"/api/runs/{made['run_id']}/answer")
        assert (status, body["media_output"]) == (200, made["media_output"])
        assert server.call("GET", body["media_output"]["url"])[0] == 200
        assert server.ended(failed["run_id"])[0] == 409
        _, started = server.call("POST", f"/api/runs/{made['run_id']}/rerun")
        _, again = server.ended(started["run_id"])
        hashes = [told["media_output"]["metadata"]["graph_sha256"] for told in (made, again)]
        assert hashes[0] == hashes[1]


def test_run_tells_what_it_took_from_the_words_unless_it_shall_not(tmp_path: Path) -> None:
    given = ["--output", "silence_mp3", "--exports", str(tmp_path / "exports")]
    done = tonewright("run", "two seconds of nothing, two takes", *given)
    assert done.returncode == 0, done.stderr
    assert "Read    seconds 2\n" in done.stdout
    assert done.stdout.count("File ") == 2
    done = tonewright("run", "two seconds of nothing, two takes", "--no-brief", *given)
    assert (done.returncode, "Read" in done.stdout, done.stdout.count("File ")) == (0, False, 1)


def test_who_would_come_from_elsewhere_needs_a_key_first_and_is_told_how(tmp_path: Path) -> None:
    given = ("--port", "0", "--exports", str(tmp_path / "exports"))
    named = {"trusted_user_header": "X-Remote-User", "trusted_proxies": '["127.0.0.1"]'}
    here = '"http://localhost:5173"'  # which nobody else reaches
    addresses = {"public_urls": f'[{here}, "https://music.example.org/studio"]'}
    cases: list[tuple[tuple[str, ...], dict[str, str]]] = [(("--host", "0.0.0.0"), {}), ((), addresses), ((), named)]
    for more, settings in cases:
        done = tonewright("serve", *given, *more, **settings)
        assert done.returncode == 2
        assert "python server.py keys add NAME --admin" in done.stderr
        assert "Traceback" not in done.stderr


def test_keys_are_made_listed_and_taken_away(tmp_path: Path) -> None:
    exports = ("--exports", str(tmp_path / "exports"))
    assert "There are no keys" in tonewright("keys", "list", *exports).stdout
    made = tonewright("keys", "add", "anna", "--admin", *exports)
    assert made.returncode == 0
    secret = made.stdout.splitlines()[0]
    listed = tonewright("keys", "list", *exports).stdout
    assert "anna" in listed
    assert "admin" in listed
    assert secret not in listed
    limits = ("--safety-floor", "kids", "--queue-limit", "3", "--output", "silence_mp3")
    assert tonewright("keys", "add", "bob", *limits, *exports).returncode == 0
    assert "safety_floor kids  queue_limit 3  outputs silence_mp3" in tonewright("keys", "list", *exports).stdout
    wrong = tonewright("keys", "add", "eve", "--output", "nothing", *exports)
    assert (wrong.returncode, "no output nothing" in wrong.stderr) == (1, True)
    assert tonewright("keys", "remove", "bob", *exports).returncode == 0
    sheet = tonewright("keys", "add", "choir", "--class", "3", "--safety-floor", "kids", *exports)
    assert len(re.findall(r"^choir-0[123] +[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}$", sheet.stdout, re.MULTILINE)) == 3
    addresses = '["http://localhost:5173", "https://music.example.org/studio"]'
    slip = tonewright("keys", "add", "solo", "--class", "1", *exports, public_urls=addresses).stdout
    assert "Open https://music.example.org/studio and enter this code." in slip
    refused: list[tuple[str, ...]] = [("--class", "0"), ("--class", "3", "--admin"), ()]
    for options in refused:
        assert tonewright("keys", "add", *options, *exports).returncode != 0
    for number in (1, 2, 3):
        assert tonewright("keys", "remove", f"choir-0{number}", *exports).returncode == 0
    again = tonewright("keys", "add", "anna", *exports)
    assert (again.returncode, "already" in again.stderr) == (1, True)
    with Server(tmp_path / "exports", host="0.0.0.0", embedded=False) as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        server.url = url
        assert server.call("GET", "/api/runs")[0] == 401
        assert server.call("GET", "/api/runs", headers={"Authorization": f"Bearer {secret}"})[0] == 200
        assert server.call("GET", "/health", headers={"Host": "studio.local"})[0] == 403
        assert tonewright("keys", "remove", "anna", *exports).returncode == 0
        assert server.call("GET", "/api/runs", headers={"Authorization": f"Bearer {secret}"})[0] == 401
        assert server.call("GET", "/api/runs")[0] == 401, "nobody is let in because the last key is gone"
