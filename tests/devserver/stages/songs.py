"""A pipeline of three graph stages, and the plans that are made with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from devserver.model.plan import MediaStage, Plan

SONG = """\
label: {en: Song, de: Lied}
description: {en: A song., de: Ein Lied.}
stages:
  - {name: interception, kind: text, chunk: interception}
  - {name: generation, kind: graph, chunk: $output}
  - {name: master, kind: graph, chunk: mastered_recording, inputs: {audio: generation.main}, values: {loudness: -9}}
  - {name: film, kind: graph, chunk: recording_video, inputs: {audio: master.main, title: interception.text}}
defaults: {schema: plain, output_config: procedural_instrumental}
"""
Planned = Callable[..., Plan]


def stage(plan: Plan, name: str) -> MediaStage:
    return next(stage for stage in plan.media if stage.name == name)


def written() -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = yaml.safe_load(SONG)["stages"]
    return stages
