"""Settings as people write them: paths with variables, files of editors, slips of the pen; each wrong one in a line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.settings import SettingsWrong, read
from tests.doubles.commands import run_command

TWO = "http://127.0.0.1:8188"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file and no variable but those of the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("TONEWRIGHT_DISCOVER", "TONEWRIGHT_LOG_LEVEL", "NOPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MUSIC", "/data/music")


def refused(**given: Any) -> list[str]:
    with pytest.raises(SettingsWrong) as wrong:
        read(given)
    return str(wrong.value).splitlines()


def write(text: str | bytes) -> None:
    Path("tonewright.yaml").write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("~/runs", "{home}/runs"),
        ("~", "{home}"),
        ("$MUSIC/runs", "/data/music/runs"),
        ("${MUSIC}s/runs", "/data/musics/runs"),
        ("%MUSIC%/runs", "/data/music/runs"),
        ("$$MUSIC", "$MUSIC"),
        ("100%/a ~ b", "100%/a ~ b"),
    ],
)
def test_a_path_has_its_home_and_variables_put_in_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    path = Path(meant.format(home=tmp_path / "home"))
    gpu = {"name": "gpu", "url": TWO, "output_folder": written, "swarm_folder": written}
    given = {"exports": written, "definitions": [written], "file_roots": [written], "backends": [gpu]}
    found = [read(given)]
    write(yaml.safe_dump(given))
    found.append(read({}))
    write("")
    for name, value in given.items():
        monkeypatch.setenv(f"TONEWRIGHT_{name.upper()}", value if isinstance(value, str) else json.dumps(value))
    found.append(read({}))
    for settings in found:
        (backend,) = settings.backends
        assert settings.exports == backend.output_folder == backend.swarm_folder == path
        assert settings.definitions == settings.file_roots == [path]


@pytest.mark.parametrize("written", ["$NOPE/runs", "${NOPE}", "%NOPE%/runs", "~nobody-here/runs", "", None])
def test_a_path_that_cannot_be_told_is_refused_and_no_folder_made(tmp_path: Path, written: str | None) -> None:
    write(f"# where\nexports: {json.dumps(written)}\n")
    (line,) = refused()
    assert line.startswith("tonewright.yaml:2: exports: must ")
    if written and "NOPE" in written:
        assert "the variable NOPE is not set" in line
    assert [path.name for path in tmp_path.iterdir()] == ["tonewright.yaml"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("port: 1\nbackends:\n\t- {name: a}\n", ["3: is indented by a tab; YAML allows only spaces"]),
        ("port: 1\n".encode("utf-16"), ["1: is UTF-16 or not a text; save it as UTF-8"]),
        ("a: 1\nname: f\u00fcr\n".encode("latin-1"), ["2: is not UTF-8 text; save it as UTF-8"]),
        ("- port\n", ["1: must be a mapping of fields to values"]),
        ("just words\n", ["1: must be a mapping of fields to values"]),
        ("port: 1\nport: 2\n", ["2: port: is given twice, first in line 1"]),
        ("prot: 1\n", ["1: prot: there is no such setting; available: port,"]),
        ("\nport: many\n", ['2: port: must be a whole number; not "many"']),
        ("port: 99999\n", ["1: port: must be at most 65535; not 99999"]),
        ("file_roots: /music\n", ['1: file_roots: must be a list; not "/music"']),
        ("backends: {name: a}\n", ["1: backends: must be a list"]),
        ("backends: words\n", ['1: backends: must be a list; not "words"']),
        (
            "backends:\n- {name: Big, url: 'ftp://x'}\n- {nam: a, url: 'http://x', kind: comfy}\n",
            [
                '2: backends.0.name: must be of small letters, digits, _, @ and -, a letter or digit first; not "Big"',
                '2: backends.0.url: must begin with http:// or https://; not "ftp://x"',
                "3: backends.1.name: is required",
                '3: backends.1.kind: must be auto, comfyui, swarmui or agent; not "comfy"',
                "3: backends.1.nam: there is no such setting; available: name,",
            ],
        ),
        ("probe_s: 0\n", ["1: probe_s: must be more than 0; not 0"]),
        ("embedded: maybe\n", ['1: embedded: must be true or false; not "maybe"']),
        ("log_level: loud\n", ['1: log_level: must be debug, info, warning or error; not "loud"']),
    ],
)
def test_a_wrong_file_is_told_with_its_lines(text: str | bytes, lines: list[str]) -> None:
    write(text)
    told = refused()
    assert len(told) == len(lines)
    for line, expected in zip(told, lines, strict=True):
        assert line.startswith(f"tonewright.yaml:{expected}")


@pytest.mark.parametrize(
    "text", [b"\xef\xbb\xbfport: 8000\n", "port: 8000\r\nembedded: off\r\n", "---\nport: '8000'\n"]
)
def test_what_editors_leave_in_a_file_harms_nothing(text: str | bytes) -> None:
    write(text)
    assert read({}).port == 8000


ADDRESS = (
    "public_urls: must be like https://music.example.org, http://studio.local:17802 or https://studio.example/music"
)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://a.example", f"{ADDRESS}: scheme, host in small letters, port and path, and nothing else; 'ftp://a"),
        ("https://A.example", ADDRESS),
        ("https://", ADDRESS),
        ("https://a.example:99999", ADDRESS),
        ("https://a.example//music", ADDRESS),
        ("https://a.example/a/../b", ADDRESS),
        ("https://a.example/m%75sic", ADDRESS),
        ("https://a.example/music#x", ADDRESS),
        (
            "https://anna:secret@a.example",
            f"{ADDRESS}: scheme, host in small letters, port and path, and nothing else; one is",
        ),
        (
            "https://a.example/?token=secret",
            f"{ADDRESS}: scheme, host in small letters, port and path, and nothing else; one is",
        ),
        (
            "https://a.example/api/music",
            "public_urls: must have another path than the server's own /api; 'https://a.example/api",
        ),
    ],
)
def test_a_public_address_is_scheme_host_port_and_path(url: str, told: str) -> None:
    write(f"public_urls: ['{url}']\n")
    (line,) = refused()
    assert line.startswith(f"tonewright.yaml:1: {told}")
    assert "secret" not in line


def test_public_addresses_may_have_a_path() -> None:
    urls = ["https://a.example/music/", "http://[fd00::1]:17802/a/b.c", "http://localhost:5173", "https://a.example/"]
    write(f"public_urls: {json.dumps(urls)}\n")
    assert read({}).public_urls == urls


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("trusted_user_header: X-User\n", "trusted_user_header needs trusted_proxies: the addresses that may send it"),
        ("trusted_proxies: [proxy.local]\n", "must be addresses or networks of proxies: 127.0.0.1, ::1, 10.0.0.0/24"),
        ("trusted_proxies: [10.0.0.1/24]\n", "must be addresses or networks of proxies"),
        ("trusted_proxies: ['::1']\ntrusted_user_header: Cookie\n", "must be a header of the proxy's own"),
        ("trusted_proxies: ['::1']\ntrusted_user_header: 'X User'\n", "must be a header of the proxy's own"),
    ],
)
def test_who_may_name_users_is_said_by_address(text: str, told: str) -> None:
    write(text)
    (line,) = refused()
    assert told in line


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_file_says_nothing(text: str) -> None:
    write(text)
    assert read({}).port == 17802


def test_the_last_one_who_says_something_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    write("port: 1\nnode: file\nlog_level: debug\n")
    monkeypatch.setenv("TONEWRIGHT_NODE", "env")
    monkeypatch.setenv("TONEWRIGHT_LOG_LEVEL", "error")
    settings = read({"log_level": "info"})
    assert (settings.port, settings.node, settings.log_level) == (1, "env", "info")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("BACKENDS", '[{"name": ', "TONEWRIGHT_BACKENDS: is not JSON (column 11); write a list like"),
        ("DEFINITIONS", "/a", "TONEWRIGHT_DEFINITIONS: is not JSON (column 1); write a list like"),
        ("BACKENDS", '{"a": 1}', "TONEWRIGHT_BACKENDS: must be a list"),
        ("PORT", "abc", 'TONEWRIGHT_PORT: must be a whole number; not "abc"'),
        ("EXPORT", "/a", "TONEWRIGHT_EXPORT: there is no such setting; available: exports,"),
        (
            "FILE_ROOTS",
            '["$NOPE"]',
            "TONEWRIGHT_FILE_ROOTS: file_roots.0: must be a path: the variable NOPE is not set",
        ),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(f"TONEWRIGHT_{name}", value)
    (line,) = refused()
    assert line.startswith(expected)


def test_an_option_is_told_by_its_name() -> None:
    assert refused(port=-1) == ["--port: must be at least 0; not -1"]
    assert refused(backends=[{"name": "a", "url": "x"}]) == [
        '--backend: backends.0.url: must begin with http:// or https://; not "x"'
    ]


def test_no_secret_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        "key: [SECRET]\ndatabase_url: 'mysql://me:SECRET@x'\nllms:\n- {name: a, url: 'ftp://me:SECRET@x', model: m,"
        " api_key: [SECRET]}\nbackends:\n- {name: a, url: 'ftp://me:SECRET@x', authorization: [SECRET]}\n"
    )
    assert len(refused()) == 6
    monkeypatch.setenv("TONEWRIGHT_BACKENDS", '[{"authorization": "SECRET')
    assert "SECRET" not in "".join(refused())
    monkeypatch.delenv("TONEWRIGHT_BACKENDS")
    assert "SECRET" not in "".join(refused())


def test_the_program_ends_with_2_and_one_line(tmp_path: Path) -> None:
    write("exports: ~/runs\nbackends:\n\t- {}\n")
    for command in ("serve", "doctor", "lint"):
        done = run_command([command], os.environ, tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "tonewright.yaml:3: is indented by a tab; YAML allows only spaces\n"
