"""The settings by themselves: what each takes and what it makes of it. How they are written is in `tests/cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config import OWN_PATHS, ROOT, BackendSettings, LlmSettings, Settings, expand_path, is_loopback
from my_app.table import ROUTES

GPU = {"name": "gpu", "url": "http://192.168.1.5:8188"}
LLM = {"name": "here", "url": "http://127.0.0.1:11434/v1", "model": "llama3"}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable but those of the test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TONEWRIGHT_{name.upper()}", raising=False)
    monkeypatch.setenv("MUSIC", "/data/music")
    monkeypatch.delenv("NOPE", raising=False)


def refused(**given: Any) -> str:
    with pytest.raises(ValidationError) as wrong:
        Settings(**given)
    (fault,) = wrong.value.errors()
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def test_without_a_word_it_serves_this_machine_alone() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.exports) == ("127.0.0.1", 17802, ROOT / "exports")
    assert (settings.exports_mode, settings.role, settings.key, settings.database_url) == ("private", "all", None, None)
    assert is_loopback(settings.host)


def test_a_variable_sets_and_an_argument_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONEWRIGHT_PORT", "8000")
    monkeypatch.setenv("TONEWRIGHT_BACKENDS", '[{"name": "gpu", "url": "http://192.168.1.5:8188"}]')
    settings = Settings(port=9000)
    assert (settings.port, settings.backends) == (9000, [BackendSettings.model_validate(GPU)])


@pytest.mark.parametrize(
    ("host", "reaches"), [("localhost", True), ("127.0.0.9", True), ("::1", True), ("0.0.0.0", False), ("::", False)]
)
def test_an_address_of_this_machine_alone_is_a_loopback_one(host: str, reaches: bool) -> None:
    assert Settings(host=host).host == host
    assert is_loopback(host) is reaches


@pytest.mark.parametrize(
    ("written", "meant"),
    [("$MUSIC/runs", "/data/music/runs"), ("${MUSIC}s", "/data/musics"), ("%MUSIC%", "/data/music"), ("$$5", "$5")],
)
def test_a_path_has_its_variables_put_in(written: str, meant: str) -> None:
    assert expand_path(written) == expand_path(Path(written)) == Path(meant)


@pytest.mark.parametrize(
    ("written", "words"),
    [(" ", "must not be empty"), ("$NOPE/x", "the variable NOPE is not set"), ("~nobody-here/x", "no home folder")],
)
def test_a_path_that_means_nothing_is_refused(written: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        expand_path(written)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"host": "my.house"}, "host: Value error, must be an address of this machine"),
        ({"public_urls": ["ftp://a.example"]}, "scheme, host in small letters, port and path, and nothing else; 'ftp"),
        ({"public_urls": ["https://a.example:70000"]}, "https://a.example:70000' is not"),
        ({"public_urls": ["https://me:secret@a.example"]}, "and nothing else; one is not"),
        ({"public_urls": ["https://a.example/api"]}, "must have another path than the server's own /api"),
        ({"trusted_proxies": ["10.0.0.1/24"]}, "'10.0.0.1/24' is not"),
        ({"trusted_proxies": ["::1"], "trusted_user_header": "cookie"}, "must be a header of the proxy's own"),
        ({"trusted_user_header": "X-User"}, "trusted_user_header needs trusted_proxies"),
        ({"database_url": "mysql://x"}, "must be PostgreSQL's"),
        ({"role": "web"}, "the role web needs a database_url"),
        ({"backends": [GPU, GPU]}, "every backend needs a different name"),
        ({"backends": [{**GPU, "name": "embedded"}]}, "'embedded' is taken"),
        ({"backends": [{**GPU, "url": "http://x/?token=secret"}]}, "an address without ? and #"),
        ({"llms": [LLM, LLM]}, "every language model needs a different name"),
        ({"llms": [{**LLM, "url": "http://x/#y"}]}, "an address without ? and #"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_in_words(given: dict[str, Any], words: str) -> None:
    told = refused(**given)
    assert words in told
    assert "secret" not in told


def test_no_secret_is_shown_where_settings_are() -> None:
    settings = Settings(
        key="SECRET",
        database_url="postgresql://me:SECRET@x/y",  # type: ignore[arg-type] # as people write it
        backends=[BackendSettings.model_validate({**GPU, "authorization": "SECRET", "swarm_token": "SECRET"})],
        llms=[LlmSettings.model_validate({**LLM, "api_key": "SECRET"})],
    )
    assert "SECRET" not in repr(settings)


def test_no_proxy_can_put_the_server_below_one_of_its_own_paths() -> None:
    own = {route.path.split("/")[1] for route in ROUTES}
    assert own - {""} == OWN_PATHS


def test_every_setting_says_what_it_is_for() -> None:
    plain = {"backends", "embedded", "llms", "log_level", "attempts"}
    bare = [name for name, field in Settings.model_fields.items() if not field.description and name not in plain]
    assert bare == []
