"""The promises of the frame: lock, ranges, verbs, pages, licences, and what a machine that lacks something is told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config import Settings

ROOT = Path(__file__).parents[1]
VERBS = {
    "setup",
    "comfyui",
    "demo",
    "run",
    "test",
    "soak",
    "lint",
    "golden",
    "bench",
    "bench-peers",
    "bench-music",
    "bench-fleet",
}
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LOCKED_LINE = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[\w.+!]+)(?P<marker> ;[^\\]*)? \\$")


RUNNING, TESTING = "requirements.lock", "requirements-dev.lock"


def locked(lock: str = TESTING) -> Iterator[tuple[str, str, list[str]]]:
    """Name, version and hashes of every entry of a lock."""
    for entry in re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8").strip()):
        first, *rest = entry.splitlines()
        match = LOCKED_LINE.match(first)
        assert match, f"not 'name==version \\': {first}"
        hashes = [word for line in rest for word in line.split() if word.startswith("--hash=")]
        yield canonicalize_name(match["name"]), match["version"], hashes


def declared() -> Iterator[Requirement]:
    """What is installed here. The extra `templates` is data for one test, in one known version, and not locked."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = (project["optional-dependencies"][name] for name in ("postgres", "telemetry", "dev"))
    for group in (project["dependencies"], *extras):
        yield from (requirement for requirement in map(Requirement, group) if requirement.name != project["name"])


@pytest.mark.parametrize("lock", [RUNNING, TESTING])
def test_every_locked_package_has_sha256_hashes(lock: str) -> None:
    entries = list(locked(lock))
    assert len(entries) > 30
    for name, _, hashes in entries:
        assert hashes, name
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", text) for text in hashes), name


@pytest.mark.parametrize("file", [RUNNING, TESTING, "pyproject.toml", "Makefile", ".ci/run"])
def test_no_file_names_a_package_index(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not re.findall(r"https?://|file://|--(?:extra-)?index-url|--find-links| @ |pypi", text)


def test_dependencies_are_ranges_and_the_lock_lies_within_them() -> None:
    versions: dict[str, list[str]] = {}
    for name, version, _ in locked():
        versions.setdefault(name, []).append(version)
    for requirement in declared():
        assert any(bound.operator == ">=" for bound in requirement.specifier), requirement
        found = versions.get(canonicalize_name(requirement.name), [])
        assert found, f"{requirement.name} is not locked"
        assert all(requirement.specifier.contains(version) for version in found), (requirement, found)


def test_the_tools_are_locked_beside_the_same_versions_of_what_runs() -> None:
    pairs = {lock: {(name, version) for name, version, _ in locked(lock)} for lock in (RUNNING, TESTING)}
    assert pairs[RUNNING] <= pairs[TESTING]
    assert not {"pytest", "mypy", "ruff", "playwright", "hypothesis"} & {name for name, _ in pairs[RUNNING]}


def test_what_runs_is_locked_to_run() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = {canonicalize_name(Requirement(one).name) for one in project["dependencies"] + extras["postgres"]}
    assert needed <= {name for name, _, _ in locked(RUNNING)}


def verbs_of_the_makefile() -> set[str]:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return set(targets)


def test_the_makefile_has_the_verbs() -> None:
    assert verbs_of_the_makefile() >= VERBS


def verbs_on(page: Path) -> set[str]:
    """The verbs of `make ...` in a code span, or of a line of a code block that begins with make."""
    text = page.read_text(encoding="utf-8")
    commands = re.findall(r"`make ([^`]+)`|^make ([^#\n]+)", text, re.MULTILINE)
    words = [word for command in commands for word in "".join(command).split('"')[0].split()]
    return {word for word in words if "=" not in word}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_what_exists(page: Path) -> None:
    assert verbs_on(page) <= VERBS
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_pages_name_every_verb() -> None:
    assert set[str]().union(*map(verbs_on, PAGES)) == VERBS


def test_the_commands_that_the_pages_name_exist() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"python server\.py ([a-z]+)", text))
    shown = subprocess.run([sys.executable, ROOT / "server.py", "--help"], capture_output=True, text=True, check=True)
    assert named
    assert {command for command in named if not re.search(rf"\b{command}\b", shown.stdout)} == set()


def test_the_settings_that_the_pages_show_are_accepted() -> None:
    blocks = [text for page in PAGES for text in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)]
    shown = [block for block in map(yaml.safe_load, blocks) if block.keys() & Settings.model_fields.keys()]
    assert sum(len(Settings(**block).backends) for block in shown) >= 3


def test_the_licence_is_ours() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License")
    assert "The Tonewright authors" in text


def test_the_page_of_licences_lists_exactly_what_is_locked() -> None:
    text = (ROOT / "docs/licences.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([\w.-]+)(?: \([^)]*\))? \| [^|]+ \|$", text, re.MULTILINE)
    assert set(listed) - {"package"} == {name for name, _, _ in locked()}
    to_run = re.findall(
        r"^\| ([\w.-]+)(?: \([^)]*\))? \| [^|]+ \|$", text.partition("## Needed for tests")[0], re.MULTILINE
    )
    assert set(to_run) - {"package"} == {name for name, _, _ in locked(RUNNING)}


def make_setup(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    """`make setup` in a copy of the Makefile, with a Python that is the given shell script."""
    (folder / "Makefile").write_text((ROOT / "Makefile").read_text(encoding="utf-8"), encoding="utf-8")
    for lock in (RUNNING, TESTING):
        (folder / lock).touch()
    (folder / "python").write_text(f"#!/bin/sh\n{python}\n", encoding="utf-8")
    (folder / "python").chmod(0o755)
    return subprocess.run(["make", "setup", "PYTHON=./python"], cwd=folder, capture_output=True, text=True, check=False)


def test_a_python_that_does_not_fit_is_refused_in_words(tmp_path: Path) -> None:
    done = make_setup(tmp_path, '[ "$1" = --version ] && echo Python 3.9.2; exit 1')
    assert done.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13, but ./python is: Python 3.9.2" in done.stdout


def test_where_venv_is_missing_the_apt_line_is_printed(tmp_path: Path) -> None:
    done = make_setup(tmp_path, '[ "$2" != venv ]')
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(("forbidden", "returncode"), [("", 0), ("1", 1)])
def test_a_skip_names_its_remedy_and_fails_where_it_is_forbidden(
    tmp_path: Path, forbidden: str, returncode: int
) -> None:
    test = tmp_path / "test_page.py"
    test.write_text("import pytest\n@pytest.mark.chromium\ndef test_page(): pass\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "tests.conftest", "-c", ROOT / "pyproject.toml", test],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path), "TONEWRIGHT_NO_SKIPS": forbidden},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == returncode, done.stdout
    assert "apt-get install chromium" in done.stdout
