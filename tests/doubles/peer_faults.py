"""Hosts with the faults on which other programs were seen to fail: what the contract allows, and what breaks it.

Each is without fault but for one point; the tests see to it that others go well beside it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web

from devserver.comfy import files as comfy
from devserver.host.host import Host
from devserver.host.prompts import Prompt
from devserver.host.stock.sound import encode
from devserver.host.validate import Verdict
from schemas.graph import Graph
from tests.doubles.quirky_host import DeadWorker, SuccessBeforeHistory

__all__ = ["DeadWorker", "SuccessBeforeHistory"]

DECOY_SECONDS = 9.9


def length_of(prompt: Prompt) -> float:
    """The length of the silence that a prompt asks for, by which tests know it."""
    given = (node["inputs"].get("duration") for node in prompt.graph.values())
    return next(float(seconds) for seconds in given if isinstance(seconds, int | float))


def files_of(host: Host, prompt: Prompt) -> list[Path]:
    """Where the files lie that a prompt has made."""
    return [file.below(host.folders.output) for file in comfy.files_of(prompt.outputs)]


@cache
def silence(seconds: float) -> bytes:
    return encode(np.zeros((2, int(seconds * 44100)), np.float32), 44100, "mp3", "V0", {})


class Litters(Host):
    """After each of our files somebody else saves newer ones: beside it, and under its name in the folder above."""

    async def finish(self, prompt: Prompt) -> None:
        decoy = silence(DECOY_SECONDS)
        for path in files_of(self, prompt):
            for newer in (path.with_name("zz_00009_.mp3"), self.folders.output / path.name):
                newer.write_bytes(decoy)
                os.utime(newer, (time.time() + 60, time.time() + 60))
        await super().finish(prompt)


class DeletesNothing(Host):
    """Says that a waiting prompt is deleted, and runs it all the same."""

    def delete(self, prompt_id: str) -> None:
        pass


class OtherKey(Host):
    """Lists its files under another key, as packs of nodes do."""

    key = "images"

    def handle_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event == "executed" and "audio" in data["output"]:
            data = {**data, "output": {self.key: data["output"]["audio"]}}
        super().handle_event(prompt, event, data)


class EndsBetweenQuestions(Host):
    """A prompt is over in the moment between the question for its history and the one for the queue."""

    def __init__(self, table: str, base: Path) -> None:
        super().__init__(table, base)
        self.asked = asyncio.Event()
        self.ended = asyncio.Event()

    async def finish(self, prompt: Prompt) -> None:
        await self.asked.wait()
        self.prompts.finish(self.entry(prompt))  # and no word of it on the socket
        self.ended.set()

    async def _get_history_entry(self, request: web.Request) -> web.Response:
        response = await super()._get_history_entry(request)
        if not self.ended.is_set():
            self.asked.set()
        return response

    async def _get_queue(self, request: web.Request) -> web.Response:
        if self.asked.is_set():
            await self.ended.wait()
            self.asked.clear()
            self.ended.clear()
        return await super()._get_queue(request)


class LosesFiles(Host):
    """The answer comes from a cache and its file was deleted since: `times`, each time before it is told."""

    times = 1

    async def finish(self, prompt: Prompt) -> None:
        if self.times:
            self.times -= 1
            for path in files_of(self, prompt):
                path.unlink()
        await super().finish(prompt)


class FailsWithFiles(Host):
    """A prompt fails although its file is listed: a later node broke."""

    def handle_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event == "execution_success":
            where = {"prompt_id": prompt.prompt_id, "node_id": "2", "node_type": "SaveAudioMP3", "executed": ["1"]}
            report = {"exception_message": "the VAE is broken\n", "exception_type": "RuntimeError", "traceback": []}
            event, data = "execution_error", {**where, **report}
        super().handle_event(prompt, event, data)


class MakesNothing(Host):
    """Success, and no file is named anywhere."""

    def entry(self, prompt: Prompt) -> Mapping[str, object]:
        return prompt.entry() | {"outputs": {}}


class WrongName(Host):
    """Sound in a file whose name says that it is a picture."""

    def handle_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event == "executed" and "audio" in data["output"]:
            for entry in data["output"]["audio"]:
                path = self.folders.output / entry["subfolder"] / entry["filename"]
                entry["filename"] = path.with_suffix(".png").name
                path.rename(path.with_suffix(".png"))
        super().handle_event(prompt, event, data)


class TalksMuch(Host):
    """An `executed` message of five megabytes."""

    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event == "executed":
            data = {**data, "output": {**data["output"], "text": ["x" * 5 * 1024 * 1024]}}
        super().send_event(prompt, event, data)


class GoesDeaf(Host):
    """Tells nobody anything any more, and keeps every socket open."""

    deaf = False

    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if not self.deaf:
            super().send_event(prompt, event, data)

    def announce_queue(self) -> None:
        if not self.deaf:
            super().announce_queue()


class HalfWritten(Host):
    """The folder that others see lags behind: a file is half there when it is named, and whole a while later."""

    shown = Path()
    cut_for_s = 0.3

    async def finish(self, prompt: Prompt) -> None:
        for path in files_of(self, prompt):
            seen = self.shown / path.relative_to(self.folders.output)
            seen.parent.mkdir(parents=True, exist_ok=True)
            seen.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            asyncio.get_running_loop().call_later(self.cut_for_s, shutil.copyfile, path, seen)
        await super().finish(prompt)


class FullDisk(Host):
    """No room for what is saved, as long as `full`."""

    full = True

    def __init__(self, table: str, base: Path) -> None:
        super().__init__(table, base)
        save = self.table["SaveAudioMP3"]
        host = self

        class Full(save):  # type: ignore[valid-type, misc]
            def save(self, *args: Any, **given: Any) -> Any:
                if host.full:
                    raise OSError(28, "No space left on device", "/comfyui/output/a_00001_.mp3")
                return super().save(*args, **given)

        self.table = {**self.table, "SaveAudioMP3": Full}


class OwnRefusal(Host):
    """Has the nodes, and refuses a value of them in its own words."""

    def validate(self, graph: Graph, targets: list[str] | None) -> Verdict:
        graph["2"]["inputs"]["quality"] = "9k"
        return super().validate(graph, targets)


class TurnsPromptsAway(Host):
    """Everything is answered as by a ComfyUI, but in the place of its answers to prompts something else comes.

    `answers` says what, one for each prompt that is sent.
    """

    def __init__(self, table: str, base: Path) -> None:
        super().__init__(table, base)
        self.answers: list[Callable[[web.Request], web.Response]] = []

    async def _post_prompt(self, request: web.Request) -> web.Response:
        if self.answers:
            return self.answers.pop(0)(request)
        return await super()._post_prompt(request)
