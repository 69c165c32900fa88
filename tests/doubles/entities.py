"""Entities as runs have them, for tests that need one file of a run."""

from __future__ import annotations

from typing import Any

from devserver.model.entity import Entity

MAIN = {"number": 7, "type": "output_audio", "media": "audio", "stage": "generation", "take": 1, "role": "main"}


def make_entity(filename: str = "07_output_audio.mp3", **fields: Any) -> Entity:
    """Return the main sound of a run, but for the given fields."""
    file = {"filename": filename, "bytes": 480_000, "sha256": "0" * 64, "mime": "audio/mpeg"}
    return Entity.model_validate({**MAIN, "name": "", **file, **fields})
