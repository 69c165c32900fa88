"""The browser's files: these are served, others are not, and a browser that has one is not sent it again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from aiohttp import ClientSession
from yarl import URL

from my_app.door.context import FrontSettings
from my_app.routes.pages import TYPES
from tests.my_app.still import PUBLIC, Still


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_a_page_and_all_that_it_names_are_served(client: ClientSession, path: str) -> None:
    async with client.get(path) as reply:
        text = await reply.text()
        assert (reply.status, reply.content_type) == (200, "text/html")
    named = re.findall(r'(?:src|href)="(public/[^"]+)"', text)
    assert named
    for file in named:
        async with client.get(f"/{file}") as reply:
            assert (reply.status, await reply.read()) == (200, (PUBLIC / file.removeprefix("public/")).read_bytes())


@pytest.mark.parametrize(
    "path",
    [
        "/public/../pyproject.toml",
        "/public/%2e%2e/pyproject.toml",
        "/public/..%2fschemas%2ftables%2fcomfyui.json",
        "/public/%2e%2e%2fschemas%2ftables%2fcomfyui.json",
        "/public/%00",
        "/public/" + "x" * 5000,
        "/public//etc/passwd",
        "/public/none.js",
        "/public/.",
    ],
)
async def test_nothing_beside_the_public_folder_is_served(client: ClientSession, path: str) -> None:
    async with client.get(URL(path, encoded=True)) as reply:
        assert reply.status == 404


async def test_a_file_is_sent_with_its_type_and_another_kind_of_file_is_not(still: Still, tmp_path: Path) -> None:
    for name in (*(f"a{suffix}" for suffix in TYPES), "a.py", "a.exe", "a"):
        (tmp_path / name).write_text(name)
    (tmp_path / "a.d.js").mkdir()
    async with still.client(FrontSettings(tmp_path)) as client:
        for suffix, kind in TYPES.items():
            async with client.get(f"/public/a{suffix}") as reply:
                assert (reply.status, reply.headers["Content-Type"], await reply.text()) == (200, kind, f"a{suffix}")
        for name in ("a.py", "a.exe", "a", "a.d.js"):
            async with client.get(f"/public/{name}") as reply:
                assert reply.status == 404, name


async def test_a_link_that_leads_out_of_the_folder_is_not_followed(still: Still, tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "secret.json").write_text("{}")
    (tmp_path / "public" / "link.json").symlink_to(tmp_path / "secret.json")
    async with still.client(FrontSettings(tmp_path / "public")) as client, client.get("/public/link.json") as reply:
        assert reply.status == 404


async def test_a_browser_asks_again_and_is_sent_only_what_changed(still: Still, tmp_path: Path) -> None:
    shutil.copy(PUBLIC / "app.js", tmp_path)
    async with still.client(FrontSettings(tmp_path)) as client:
        async with client.get("/public/app.js") as reply:
            known = {"If-None-Match": reply.headers["ETag"]}
            assert reply.headers["Cache-Control"] == "no-cache"
        async with client.get("/public/app.js", headers=known) as reply:
            assert (reply.status, await reply.read()) == (304, b"")
        (tmp_path / "app.js").write_text("changed " * 500)
        async with client.get("/public/app.js", headers=known) as reply:
            assert (reply.status, await reply.text()) == (200, "changed " * 500)


def test_the_pages_reach_for_nothing_outside() -> None:
    for file in PUBLIC.rglob("*.*"):
        text = file.read_text("utf8")
        assert not re.search(r"https?://(?!www\.w3\.org)", text), file
        assert "innerHTML" not in text, file
        assert file.name == "api.js" or not re.search(r"\bfetch\(|EventSource\(|XMLHttp", text), file
