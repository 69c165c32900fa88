"""Hosts with what a real ComfyUI was seen to do; the contract allows it and a client must cope."""

from __future__ import annotations

import asyncio
from pathlib import Path

from devserver.comfy.files import files_of
from devserver.host.host import Host
from devserver.host.prompts import Prompt
from devserver.host.sockets import Outgoing, Sockets


class DeafTwin(Host):
    """When the older of two sockets with one id closes, the newer hears nothing more."""

    class _Forgetful(Sockets):
        def remove(self, client_id: str, queue: Outgoing) -> None:
            self._queues.pop(client_id, queue)

    def __init__(self, table: str, base: Path) -> None:
        super().__init__(table, base)
        self.sockets = self._Forgetful()


class DeadWorker(Host):
    """Prompts are accepted and never run: `queue_remaining` grows, `queue_running` stays empty."""

    async def _run_prompts(self) -> None:
        await asyncio.Event().wait()


class SuccessBeforeHistory(Host):
    """`execution_success` is heard a while before the history has the prompt."""

    async def finish(self, prompt: Prompt) -> None:
        await asyncio.sleep(0.3)
        await super().finish(prompt)


class GhostFile(Host):
    """A cached answer names a file that is gone."""

    async def finish(self, prompt: Prompt) -> None:
        for file in files_of(prompt.outputs):
            file.below(self.folders.output).unlink(missing_ok=True)
        await super().finish(prompt)


QUIRKS: dict[str, type[Host]] = {cls.__name__: cls for cls in (DeafTwin, DeadWorker, SuccessBeforeHistory, GhostFile)}
