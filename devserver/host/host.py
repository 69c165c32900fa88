"""A host: serves a table of node classes over ComfyUI's protocol and runs prompts in one worker process."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NoReturn, TypeGuard

from aiohttp import web

from devserver.host import files, info
from devserver.host.access import guard
from devserver.host.folders import Folders
from devserver.host.prompts import Prompt, Prompts
from devserver.host.running_prompt import RunningPrompt
from devserver.host.sockets import Sockets
from devserver.host.tables import load
from devserver.host.validate import Verdict, validate
from devserver.host.worker_process import WorkerEnded, WorkerProcess
from schemas.graph import Graph
from schemas.json_values import Json, JsonObject, read_list, read_object

# Kept in a prompt's record, with a time stamp.
RECORDED = frozenset(
    {"execution_start", "execution_cached", "execution_success", "execution_error", "execution_interrupted"}
)
# Sent to all clients if a prompt names none; other events of such a prompt are not sent.
PUBLIC = frozenset({"progress", "progress_state", "execution_interrupted"})

# ComfyUI's answer when it crashes, which is also its answer to unexpected requests.
SERVER_ERROR = "500 Internal Server Error\n\nServer got itself in trouble"

MOST_JSON_BYTES = 16 << 20

NO_PROMPT = {"type": "no_prompt", "message": "No prompt provided", "details": "No prompt provided", "extra_info": {}}


class Host:
    """One host. Each step of a prompt is a method of its own, in the order of the file."""

    interrupt_grace_seconds = 2.0

    def __init__(
        self, table: str, base: Path, max_upload_bytes: int = info.MAX_UPLOAD_BYTES, token: str | None = None
    ) -> None:
        """Create a host. `max_upload_bytes` is the largest request body, a little more than the largest file.

        Without a `token` every program of this machine may use it, like a ComfyUI.
        """
        self.table_name, self.token = table, token
        self.features = {**info.FEATURES, "max_upload_size": max_upload_bytes}
        self.folders = Folders(base)
        self.folders.create()
        self.running_prompt = RunningPrompt(self.folders.base)
        self.table = load(table, self.folders)
        self.worker = WorkerProcess(table, base)
        self.sockets = Sockets()
        self.prompts = Prompts(self.announce_queue)
        self._count = 0
        self._runner: asyncio.Task[None] | None = None
        self._free_wanted = False
        self._worker_lock = asyncio.Lock()  # a prompt that arrives while the worker is replaced waits for the new one

    # Life

    def app(self) -> web.Application:
        app = web.Application(
            middlewares=[guard(self.token, self.is_foreign)], client_max_size=self.features["max_upload_size"]
        )
        routes = [
            web.get("/ws", self._ws),
            web.get("/prompt", self._get_prompt),
            web.post("/prompt", self._post_prompt),
            web.get("/queue", self._get_queue),
            web.post("/queue", self._post_queue),
            web.get("/history", self._get_history),
            web.get("/history/{prompt_id}", self._get_history_entry),
            web.post("/history", self._post_history),
            web.post("/interrupt", self._post_interrupt),
            web.post("/free", self._post_free),
            web.get("/object_info", self._get_object_info),
            web.get("/object_info/{name}", self._get_object_info),
            web.get("/system_stats", self._get_system_stats),
            web.get("/features", self._get_features),
            web.get("/view", self._get_view),
            web.post("/upload/image", self._post_upload),
        ]
        app.add_routes(routes)
        app.add_routes([web.route(route.method, "/api" + route.path, route.handler) for route in routes])
        app.on_startup.append(self._start)
        app.on_shutdown.append(self._close_sockets)
        app.on_cleanup.append(self._stop)
        return app

    async def _start(self, _app: web.Application) -> None:
        await self.worker.start()
        self._runner = asyncio.create_task(self._run_prompts())

    async def _close_sockets(self, _app: web.Application) -> None:
        await self.sockets.close()

    async def _stop(self, _app: web.Application) -> None:
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.wait([self._runner])
        await self.worker.stop()

    async def wait_until_broken(self) -> None:
        """Wait until the host can no longer run prompts, and raise the reason: such a host must exit."""
        assert self._runner is not None  # noqa: S101 - the host was started
        await asyncio.shield(self._runner)

    # Access

    def is_foreign(self, host: str, origin: str) -> bool:
        """Tell whether an origin differs from this host; both with their ports."""
        return host != origin

    # Prompts

    async def accept(self, body: JsonObject) -> web.Response:
        """Check a posted prompt and put it into the queue."""
        if "number" in body:
            number = _number(body["number"])
        else:
            number = -self._count if body.get("front") else self._count
            self._count += 1
        if "prompt" not in body:
            return web.json_response({"error": NO_PROMPT, "node_errors": {}}, status=400)
        graph, targets = body["prompt"], body.get("partial_execution_targets")
        if not _has_nodes(graph):
            raise web.HTTPInternalServerError(text=SERVER_ERROR)
        verdict = self.validate(graph, None if targets is None else [str(each) for each in read_list(targets)])
        if verdict.error is not None:
            return self.refuse(verdict)
        extra = {**read_object(body.get("extra_data"))}
        if "client_id" in body:
            extra["client_id"] = body["client_id"]
        prompt = Prompt(number, str(body.get("prompt_id", uuid.uuid4())), graph, extra, verdict.outputs)
        self.prompts.add(prompt)
        return web.json_response({"prompt_id": prompt.prompt_id, "number": number, "node_errors": verdict.node_errors})

    def validate(self, graph: Graph, targets: list[str] | None) -> Verdict:
        try:
            return validate(graph, self.table, targets)
        except (TypeError, AttributeError) as error:
            raise web.HTTPInternalServerError(text=SERVER_ERROR) from error

    def refuse(self, verdict: Verdict) -> web.Response:
        return web.json_response({"error": verdict.error, "node_errors": verdict.node_errors}, status=400)

    async def _run_prompts(self) -> None:
        while True:
            prompt = await self.prompts.take()
            async with self._worker_lock:
                await self.run(prompt)
            if self._free_wanted:
                self._free_wanted = False
                await self._replace_worker()

    async def run(self, prompt: Prompt) -> None:
        """Run one prompt to its end."""
        self.running_prompt.begin(prompt.prompt_id)
        try:
            events = self.worker.run(prompt.prompt_id, prompt.graph, prompt.extra_data, prompt.outputs_to_run)
            async for event, data in events:
                self.handle_event(prompt, event, data)
        except WorkerEnded as ended:
            self.handle_event(prompt, *self.worker_loss_event(prompt, ended))
            await self.worker.start()
        self.running_prompt.end()
        await self.finish(prompt)

    def handle_event(self, prompt: Prompt, event: str, data: JsonObject) -> None:
        """Record one event of a running prompt and pass it on to its client."""
        if event in RECORDED:
            data = {**data, "timestamp": int(time.time() * 1000)}
            prompt.messages.append((event, data))
        elif event == "executing":
            prompt.started_nodes.append(str(data["node"]))
        elif event == "executed":
            node = str(data["node"])
            prompt.outputs[node] = read_object(data["output"])
            prompt.meta[node] = {"node_id": node, "display_node": node, "parent_node": None, "real_node_id": node}
        self.send_event(prompt, event, data)

    def send_event(self, prompt: Prompt, event: str, data: JsonObject) -> None:
        if prompt.client_id is not None:
            self.sockets.send(event, data, prompt.client_id)
        elif event in PUBLIC:
            self.sockets.send(event, data)

    def worker_loss_event(self, prompt: Prompt, ended: WorkerEnded) -> tuple[str, JsonObject]:
        """Return the event that ends a prompt whose worker is gone: killed after an interrupt, or died by itself."""
        node = prompt.started_nodes[-1] if prompt.started_nodes else prompt.outputs_to_run[0]
        where: JsonObject = {
            "prompt_id": prompt.prompt_id,
            "node_id": node,
            "node_type": prompt.graph[node]["class_type"],
            "executed": [*prompt.started_nodes[:-1]],
        }
        if prompt.interrupted:
            return "execution_interrupted", where
        report: JsonObject = {"exception_message": f"{ended}\n", "exception_type": "WorkerEnded", "traceback": []}
        return "execution_error", {**where, **report, "current_inputs": {}, "current_outputs": [*prompt.graph]}

    async def finish(self, prompt: Prompt) -> None:
        """Write the history first, then send the queue's new length, then the end mark that clients wait for."""
        self.prompts.finish(self.entry(prompt))
        self.send_event(prompt, "executing", {"node": None, "prompt_id": prompt.prompt_id})

    def entry(self, prompt: Prompt) -> Mapping[str, object]:
        return prompt.entry()

    def interrupt(self, prompt_id: str | None) -> None:
        """Stop the running prompt if it has this id, or any running prompt without an id."""
        prompt = self.prompts.running
        if prompt is None or (prompt_id and prompt.prompt_id != prompt_id):
            return
        prompt.interrupted = True
        self.worker.cancel(prompt.prompt_id)
        asyncio.get_running_loop().call_later(self.interrupt_grace_seconds, self._kill_if_running, prompt)

    def _kill_if_running(self, prompt: Prompt) -> None:
        if self.prompts.running is prompt:
            self.worker.kill()

    async def _replace_worker(self) -> None:
        """Start a fresh process, the only sure way to free memory."""
        async with self._worker_lock:
            await self.worker.stop()
            await self.worker.start()

    # Messages and answers

    def announce_queue(self) -> None:
        self.sockets.send("status", self.status())

    def status(self) -> JsonObject:
        return {"status": {"exec_info": {"queue_remaining": len(self.prompts)}}}

    def greet(self, client_id: str) -> None:
        """Send the first messages on a socket; a client that reconnects during its prompt gets the current node."""
        self.sockets.send("status", {**self.status(), "sid": client_id}, client_id)
        prompt = self.prompts.running
        if prompt is not None and prompt.client_id == client_id and prompt.started_nodes:
            self.sockets.send("executing", {"node": prompt.started_nodes[-1]}, client_id)

    def object_info(self, name: str | None) -> dict[str, info.ClassInfo]:
        names = self.table if name is None else [name] if name in self.table else []
        return {each: info.describe_class(each, self.table[each]) for each in names}

    def file_response(self, path: Path) -> web.StreamResponse:
        headers = {"Content-Disposition": f'filename="{path.name}"', "Content-Type": files.mime_type(path.name)}
        return web.FileResponse(path, headers=headers)

    def store_upload(self, path: Path, content: IO[bytes], *, overwrite: bool) -> Path:
        return files.store(path, content, overwrite=overwrite)

    # Routes

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        return await self.sockets.serve(request, self.greet, self.features)

    async def _get_prompt(self, _request: web.Request) -> web.Response:
        return web.json_response(self.status()["status"])

    async def _post_prompt(self, request: web.Request) -> web.Response:
        return await self.accept(await _body(request))

    async def _get_queue(self, _request: web.Request) -> web.Response:
        running = [] if self.prompts.running is None else [self.prompts.running.row()]
        pending = [prompt.row() for prompt in self.prompts.pending()]
        return web.json_response({"queue_running": running, "queue_pending": pending})

    async def _post_queue(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if body.get("clear"):
            self.prompts.clear()
        for prompt_id in read_list(body.get("delete")):
            self.delete(str(prompt_id))
        return web.Response()

    def delete(self, prompt_id: str) -> None:
        self.prompts.delete(prompt_id)

    async def _get_history(self, request: web.Request) -> web.Response:
        limit, offset = request.query.get("max_items"), request.query.get("offset")
        past = self.prompts.list_history(None if limit is None else int(limit), -1 if offset is None else int(offset))
        return web.json_response(past)

    async def _get_history_entry(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["prompt_id"]
        entry = self.prompts.history.get(prompt_id)
        return web.json_response({} if entry is None else {prompt_id: entry})

    async def _post_history(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if body.get("clear"):
            self.prompts.history.clear()
        for prompt_id in read_list(body.get("delete")):
            self.prompts.history.pop(str(prompt_id), None)
        return web.Response()

    async def _post_interrupt(self, request: web.Request) -> web.Response:
        try:
            prompt_id = read_object(await request.json()).get("prompt_id")
        except json.JSONDecodeError:
            prompt_id = None  # no body: any running prompt
        self.interrupt(None if prompt_id is None else str(prompt_id))
        return web.Response()

    async def _post_free(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if body.get("unload_models") or body.get("free_memory"):
            if self.prompts.running is None:
                await self._replace_worker()
            else:
                self._free_wanted = True
        return web.Response()

    async def _get_object_info(self, request: web.Request) -> web.Response:
        return web.json_response(self.object_info(request.match_info.get("name")))

    async def _get_system_stats(self, _request: web.Request) -> web.Response:
        return web.json_response(info.system_stats(self.table_name))

    async def _get_features(self, _request: web.Request) -> web.Response:
        return web.json_response(self.features)

    async def _get_view(self, request: web.Request) -> web.StreamResponse:
        try:
            return self.file_response(files.view_path(self.folders, dict(request.query)))
        except files.Refused as refused:
            return web.Response(status=refused.status)

    async def _post_upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        image = form.get("image")
        if not isinstance(image, web.FileField):
            return web.Response(status=400)
        subfolder, kind = str(form.get("subfolder", "")), str(form.get("type", "input"))
        try:
            path = files.upload_target(self.folders, image.filename, subfolder, kind)
        except files.Refused as refused:
            if refused.status == web.HTTPInternalServerError.status_code:
                raise web.HTTPInternalServerError(text=SERVER_ERROR) from refused
            return web.Response(status=refused.status)
        overwrite = form.get("overwrite") in {"true", "1"}
        stored_path = await asyncio.to_thread(self.store_upload, path, image.file, overwrite=overwrite)
        return web.json_response({"name": stored_path.name, "subfolder": subfolder, "type": kind})


async def _body(request: web.Request) -> JsonObject:
    """Return the JSON object of a request.

    Raises:
        web.HTTPInternalServerError: it is not an object, as in ComfyUI.
        web.HTTPRequestEntityTooLarge: it has more than `MOST_JSON_BYTES`.
    """
    received = bytearray() if request.can_read_body else bytearray(await request.read())  # a middleware has read it
    async for block in request.content.iter_any():
        received += block
        if len(received) > MOST_JSON_BYTES:
            raise web.HTTPRequestEntityTooLarge(MOST_JSON_BYTES, len(received))
    try:
        body = _parse_strictly(received.decode())
    except (ValueError, RecursionError) as error:
        raise web.HTTPInternalServerError(text=SERVER_ERROR) from error
    if not isinstance(body, dict):
        raise web.HTTPInternalServerError(text=SERVER_ERROR)
    return body


def _parse_strictly(text: str) -> Json:
    """Parse JSON as browsers do: NaN in a graph would be repeated in every answer with the graph."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    value: Json = json.loads(text, parse_constant=refuse)
    return value


def _number(value: Json) -> float:
    if isinstance(value, str | int | float):
        return float(value)
    raise web.HTTPInternalServerError(text=SERVER_ERROR)


def _has_nodes(value: Json) -> TypeGuard[Graph]:
    """Tell whether a value has the outer form of a graph; the validation checks its nodes."""
    return isinstance(value, dict) and all(isinstance(node, dict) for node in value.values())
