"""Hosts that break the contract in one point each; the suite must notice every one of them."""

# ruff: noqa: ARG002 - a fault is that something asked for is not looked at

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from devserver.host import files, info
from devserver.host.host import Host
from devserver.host.prompts import Prompt
from devserver.host.validate import Verdict, validate
from devserver.host.worker_process import WorkerProcess

FAULTS: dict[str, type[Host]] = {}


class Fault(Host):
    """A host that breaks the contract in one point; its name says where."""

    def __init_subclass__(cls) -> None:
        FAULTS[cls.__name__] = cls


# Events and their order


class NoEndMark(Fault):
    async def finish(self, prompt: Prompt) -> None:
        self.prompts.finish(self.entry(prompt))


class EndMarkBeforeHistory(Fault):
    async def finish(self, prompt: Prompt) -> None:
        self.send_event(prompt, "executing", {"node": None, "prompt_id": prompt.prompt_id})
        await asyncio.sleep(0.2)
        self.prompts.finish(self.entry(prompt))


class EndMarkBeforeSuccess(Fault):
    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event == "execution_success":
            super().send_event(prompt, "executing", {"node": None, "prompt_id": prompt.prompt_id})
        super().send_event(prompt, event, data)


class NoStart(Fault):
    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event != "execution_start":
            super().send_event(prompt, event, data)


class NoCachedList(Fault):
    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event != "execution_cached":
            super().send_event(prompt, event, data)


class ExecutedBeforeExecuting(Fault):
    held: dict[str, Any] | None = None

    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event == "executing" and data["node"] == "2":
            self.held = data
            return
        super().send_event(prompt, event, data)
        if event == "executed" and self.held is not None:
            super().send_event(prompt, "executing", self.held)


class ExecutedWithoutOutput(Fault):
    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        super().send_event(prompt, event, {key: value for key, value in data.items() if key != "output"})


class NoProgressState(Fault):
    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event != "progress_state":
            super().send_event(prompt, event, data)


class NoProgress(Fault):
    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event != "progress":
            super().send_event(prompt, event, data)


class EventsWithoutPromptId(Fault):
    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        super().send_event(prompt, event, {key: value for key, value in data.items() if key != "prompt_id"})


class EverybodyHearsAll(Fault):
    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        self.sockets.send(event, data)


class NobodysPromptIsSilent(Fault):
    def send_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if prompt.client_id is not None:
            super().send_event(prompt, event, data)


class NoQueueStatus(Fault):
    def announce_queue(self) -> None:
        pass


class NoSid(Fault):
    def greet(self, client_id: str) -> None:
        self.sockets.send("status", self.status(), client_id)


class NoCurrentNode(Fault):
    def greet(self, client_id: str) -> None:
        self.sockets.send("status", {**self.status(), "sid": client_id}, client_id)


class WholeRunAgainOnReturn(Fault):
    def greet(self, client_id: str) -> None:
        super().greet(client_id)
        for event, data in self.prompts.running.messages if self.prompts.running else []:
            self.sockets.send(event, data, client_id)


class RunEndsWithItsClient(Fault):
    async def _ws(self, request: web.Request) -> web.StreamResponse:
        socket = await super()._ws(request)
        self.interrupt(None)
        return socket


# History, queue, interrupt


class HistoryWithoutStatus(Fault):
    def entry(self, prompt: Prompt) -> Mapping[str, object]:
        return {key: value for key, value in prompt.entry().items() if key != "status"}


class HistoryWithoutMeta(Fault):
    def entry(self, prompt: Prompt) -> Mapping[str, object]:
        return {key: value for key, value in prompt.entry().items() if key != "meta"}


class HistoryWithoutOutputs(Fault):
    def entry(self, prompt: Prompt) -> Mapping[str, object]:
        return prompt.entry() | {"outputs": {}}


class HistoryForgetsExtraData(Fault):
    def entry(self, prompt: Prompt) -> Mapping[str, object]:
        prompt.extra_data = {"client_id": prompt.client_id}
        return prompt.entry()


class EverythingSucceeds(Fault):
    def entry(self, prompt: Prompt) -> Mapping[str, object]:
        status = prompt.entry()["status"] | {"status_str": "success", "completed": True}
        return prompt.entry() | {"status": status}


class MessagesWithoutTime(Fault):
    def entry(self, prompt: Prompt) -> Mapping[str, object]:
        for _, data in prompt.messages:
            data.pop("timestamp", None)
        return prompt.entry()


class UnknownHistoryIs404(Fault):
    async def _get_history_entry(self, request: web.Request) -> web.Response:
        if request.match_info["prompt_id"] not in self.prompts.history:
            return web.json_response({"error": "not found"}, status=404)
        return await super()._get_history_entry(request)


class HistoryOfRunningPrompt(Fault):
    async def _get_history_entry(self, request: web.Request) -> web.Response:
        running = self.prompts.running
        if running is not None and running.prompt_id == request.match_info["prompt_id"]:
            return web.json_response({running.prompt_id: running.entry()})
        return await super()._get_history_entry(request)


class OldestHistoryFirst(Fault):
    async def _get_history(self, request: web.Request) -> web.Response:
        return web.json_response(self.prompts.list_history(int(request.query.get("max_items", 1000)), 0))


class HistoryIsNeverDeleted(Fault):
    async def _post_history(self, request: web.Request) -> web.Response:
        return web.Response()


class InterruptHitsAny(Fault):
    def interrupt(self, prompt_id: str | None) -> None:
        super().interrupt(None)


class InterruptIsAnError(Fault):
    def handle_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        super().handle_event(prompt, "execution_error" if event == "execution_interrupted" else event, data)


class DeletedPromptGetsHistory(Fault):
    def delete(self, prompt_id: str) -> None:
        for prompt in self.prompts.pending():
            if prompt.prompt_id == prompt_id:
                self.prompts.history[prompt_id] = prompt.entry()
        super().delete(prompt_id)


class NothingIsDeleted(Fault):
    def delete(self, prompt_id: str) -> None:
        pass


class QueueWithoutRows(Fault):
    async def _get_queue(self, _request: web.Request) -> web.Response:
        running = [] if self.prompts.running is None else [self.prompts.running.prompt_id]
        pending = [prompt.prompt_id for prompt in self.prompts.pending()]
        return web.json_response({"queue_running": running, "queue_pending": pending})


class RunningIsNotCounted(Fault):
    def status(self) -> dict[str, Any]:
        return {"status": {"exec_info": {"queue_remaining": len(self.prompts.pending())}}}


# Submission


class RefusalWithoutNodeErrors(Fault):
    def refuse(self, verdict: Verdict) -> web.Response:
        return web.json_response({"error": verdict.error, "node_errors": {}}, status=400)


class RefusalInOwnWords(Fault):
    def refuse(self, verdict: Verdict) -> web.Response:
        return web.json_response({"message": "bad prompt"}, status=422)


class AcceptsAnything(Fault):
    def validate(self, graph: Any, targets: list[str] | None) -> Verdict:
        verdict = super().validate(graph, targets)
        outputs = [node for node in graph if graph[node].get("class_type", "").startswith("Save")]
        return Verdict(outputs=verdict.outputs or outputs) if outputs else verdict


class AllOutputsOrNone(Fault):
    def validate(self, graph: Any, targets: list[str] | None) -> Verdict:
        verdict = validate(graph, self.table, targets)
        if verdict.node_errors and verdict.error is None:
            verdict.error = {"type": "prompt_outputs_failed_validation", "message": "", "details": "", "extra_info": {}}
        return verdict


class OwnPromptId(Fault):
    async def accept(self, body: dict[str, Any]) -> web.Response:
        body.pop("prompt_id", None)
        return await super().accept(body)


class NumbersStandStill(Fault):
    async def accept(self, body: dict[str, Any]) -> web.Response:
        return await super().accept({**body, "number": 0})


class CachesNothing(Fault):
    async def run(self, prompt: Prompt) -> None:
        await WorkerProcess.stop(self.worker)
        await super().run(prompt)


class CounterStandsStill(Fault):
    def handle_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        super().handle_event(prompt, event, json.loads(json.dumps(data).replace("_00002_", "_00001_")))


# Files


class OwnResultKey(Fault):
    def handle_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event == "executed" and "audio" in data["output"]:
            data = {**data, "output": {"sounds": data["output"]["audio"]}}
        super().handle_event(prompt, event, data)


class FilmUnderVideo(Fault):
    def handle_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event == "executed" and "animated" in data["output"]:
            data = {**data, "output": {"video": data["output"]["images"]}}
        super().handle_event(prompt, event, data)


class FileNamesWithPath(Fault):
    def handle_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event == "executed":
            for entries in data["output"].values():
                for entry in entries:
                    if isinstance(entry, dict):
                        entry["filename"] = f"{entry['subfolder']}/{entry['filename']}"
        super().handle_event(prompt, event, data)


class RangeIgnored(Fault):
    def file_response(self, path: Path) -> web.StreamResponse:
        return web.Response(body=path.read_bytes(), content_type=files.mime_type(path.name))


class NoETag(Fault):
    def app(self) -> web.Application:
        async def drop(_request: web.Request, response: web.StreamResponse) -> None:
            response.headers.pop("ETag", None)

        app = super().app()
        app.on_response_prepare.append(drop)
        return app


class UnknownTypes(Fault):
    def file_response(self, path: Path) -> web.StreamResponse:
        response = super().file_response(path)
        response.headers["Content-Type"] = "application/octet-stream"
        return response


class MissingFileIsEmpty(Fault):
    async def _get_view(self, request: web.Request) -> web.StreamResponse:
        response = await super()._get_view(request)
        return web.Response() if response.status == 404 else response


class LeadingOutIsNotFound(Fault):
    async def _get_view(self, request: web.Request) -> web.StreamResponse:
        response = await super()._get_view(request)
        return web.Response(status=404) if response.status in {400, 403} else response


class UploadOverwrites(Fault):
    def store_upload(self, path: Path, content: Any, *, overwrite: bool) -> Path:
        return super().store_upload(path, content, overwrite=True)


class UploadAlwaysRenames(Fault):
    def store_upload(self, path: Path, content: Any, *, overwrite: bool) -> Path:
        return super().store_upload(path.with_stem(f"{path.stem}_new"), content, overwrite=overwrite)


# About


class MissingClass(Fault):
    def object_info(self, name: str | None) -> dict[str, Any]:
        return {key: value for key, value in super().object_info(name).items() if key != "SaveAudioMP3"}


class OtherDefaults(Fault):
    def object_info(self, name: str | None) -> dict[str, Any]:
        text = json.dumps(super().object_info(name)).replace('"default": 44100', '"default": 48000')
        told: dict[str, Any] = json.loads(text)
        return told


class StatsWithoutDevices(Fault):
    async def _get_system_stats(self, _request: web.Request) -> web.Response:
        return web.json_response({"system": info.system_stats(self.table_name)["system"]})


class NoFeatures(Fault):
    async def _get_features(self, _request: web.Request) -> web.Response:
        return web.json_response({})


class AnyOrigin(Fault):
    def is_foreign(self, host: str, origin: str) -> bool:
        return False


class NoApiPrefix(Fault):
    def app(self) -> web.Application:
        app = super().app()

        @web.middleware
        async def refuse(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.path.startswith("/api"):
                return web.Response(status=404)
            response: web.StreamResponse = await handler(request)
            return response

        app.middlewares.append(refuse)
        return app
