from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cli.build import build_models
from config import Settings

HERE = {"name": "here", "url": "http://127.0.0.1:11434/v1", "model": "tiny"}


@pytest.mark.parametrize(
    ("given", "remote"),
    [
        ({}, False),
        ({"url": "http://localhost:8080/v1"}, False),
        ({"url": "https://llm.example.org/v1"}, True),
        ({"url": "http://192.168.0.5:11434/v1"}, True),
        ({"url": "http://192.168.0.5:11434/v1", "remote": False}, False),
        ({"remote": True}, True),
    ],
)
def test_a_model_on_another_machine_is_remote_unless_it_is_said(given: dict[str, Any], remote: bool) -> None:
    settings = Settings.model_validate({"llms": [{**HERE, **given}]})
    (endpoint,) = build_models(settings).endpoints
    assert endpoint.remote is remote


def test_a_key_is_in_no_message() -> None:
    settings = Settings.model_validate({"llms": [{**HERE, "api_key": "secret"}]})
    models = build_models(settings)
    assert models.endpoints[0].headers == {"Authorization": "Bearer secret"}
    assert "secret" not in repr(models.endpoints) + repr(settings)


def test_two_models_need_two_names() -> None:
    with pytest.raises(ValidationError, match="a different name"):
        Settings.model_validate({"llms": [HERE, HERE]})
