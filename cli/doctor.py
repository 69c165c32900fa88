"""`doctor`: report settings, backends that answer, and what is missing; `--rebuild` reads the run folders."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Iterator
from difflib import get_close_matches
from http import HTTPStatus

import aiohttp

from cli.build import build_app, build_models, discover, load_definitions, read_addresses
from cli.keys import keys_of
from config import Settings
from devserver.backends.health import WORKER_DEAD
from devserver.backends.pool import Backend
from devserver.backends.sources import Source
from devserver.comfy.probe import probe
from devserver.errors import FolderLocked
from devserver.llm.errors import LlmError
from devserver.queueing.survey import files_of_models, own_queue
from devserver.runs.rebuild import rebuild
from devserver.users.keys import KeysUnreadable
from schemas.catalog import Catalog
from schemas.errors import DefinitionError
from schemas.lint import lint_backend

PROBLEMS_SHOWN = 4
SERVER_ANSWERS_S = 2.0
GIB = 1 << 30
NEEDED = ("numpy", "scipy", "av", "PIL", "mido", "mutagen", "flask", "aiohttp", "websockets", "watchdog")


async def examine(settings: Settings) -> tuple[list[str], bool]:
    """Return the lines of the report, and True if there is no problem."""
    lines, well = [f"exports      {settings.exports.resolve()}"], True
    lines.append(f"address      http://{settings.host}:{settings.port}")
    for name in _missing_packages():
        lines, well = [*lines, f"MISSING      the package {name}: run `make setup`"], False
    try:
        definitions = await asyncio.to_thread(load_definitions, settings)
        catalog, wrong = definitions.catalog, definitions.problems
        summary = f"{len(wrong)} problems" if wrong else "no problem"
        lines.append(f"definitions  {len(catalog.outputs)} outputs, {len(catalog.interceptions)} schemas, {summary}")
        lines, well = [*lines, *(f"WRONG        {problem}" for problem in wrong)], well and not wrong
    except DefinitionError as e:
        return [*lines, *(f"WRONG        {problem}" for problem in e.problems)], False
    try:
        _ = keys_of(settings).all
    except KeysUnreadable as e:
        lines, well = [*lines, f"WRONG        {e} Until then the server lets nobody in."], False
    sources = [Source(address) for address in [*read_addresses(settings), *await discover(settings)]]
    for source in sources:
        await source.ask()
        for backend in source.backends:
            lines += _describe_backend(backend, catalog)
            at_work, working = await _describe_queue(backend)
            lines, well = [*lines, *at_work], well and working
        well = well and source.up
        await source.close()
    lines += [line async for line in _describe_server(settings)]
    lines.append(
        f"embedded     {'on: procedural music works without any other backend' if settings.embedded else 'off'}"
    )
    about_models, answering = await _describe_models(settings)
    lines, well = [*lines, *about_models], well and answering
    if not sources:
        lines.append("backends     none configured: name a ComfyUI or a SwarmUI with --backend http://127.0.0.1:8188")
    return lines, well


async def _describe_models(settings: Settings) -> tuple[list[str], bool]:
    models, lines, well = build_models(settings), [], True
    for endpoint in models.endpoints:
        use = f"{', '.join(sorted(endpoint.steps))}{'; remote, only in mode fast' if endpoint.remote else ''}"
        try:
            listed = await models.list_models(endpoint)
        except LlmError as e:
            lines.append(f"SILENT       {e.message}")
            lines.append("             Is it running? Is its url right? It usually ends in /v1.")
            well = False
            continue
        if endpoint.model in listed or f"{endpoint.model}:latest" in listed:  # Ollama completes a name like that
            lines.append(f"llm          {endpoint.name} at {endpoint.url} has {endpoint.model} ({use})")
        else:
            near = get_close_matches(endpoint.model, listed, 3, 0) or ["none"]
            lines.append(f"MISSING      {endpoint.name} has no {endpoint.model}; it has {', '.join(near)}")
            well = False
    await models.close()
    if not settings.llms:
        lines.append("llm          none configured: texts are rewritten by rule; see docs/text-stages.md")
    if settings.llm_check and not any("safety" in llm.steps for llm in settings.llms):
        lines.append("WRONG        llm_check is on, but no llm has the step safety: youth and kids refuse every text")
        well = False
    return lines, well


def _missing_packages() -> Iterator[str]:
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            yield name


def _describe_backend(backend: Backend, catalog: Catalog) -> Iterator[str]:
    address = backend.address
    if backend.state == "up" and backend.table is None:
        yield f"swarmui      {address.name} at {address.base_url} answers; its running ComfyUIs:"
        return
    if not backend.up or backend.table is None:
        yield f"SILENT       {address.name} at {address.base_url}: {backend.problem}"
        yield "             Is it running? Start it, or remove it from the configuration."
        return
    versions = ", ".join(f"{name} {value}" for name, value in backend.describe().versions.items())
    yield f"backend      {address.name} at {address.base_url} answers ({versions})"
    yield from (f"             {line}" for line in _memory_and_models(backend))
    for name, problems in sorted(lint_backend(catalog, backend.table).items()):
        yield f"             {name}: {'cannot run' if problems else 'can run'}"
        for problem in problems[:PROBLEMS_SHOWN]:
            yield f"                 {problem.message}"
        for model in catalog.chunk_of(name).models:
            if any(problem.kind == "missing_model" and problem.value == model.file for problem in problems):
                yield f"                 put {model.file} into models/{model.folder}"


def _memory_and_models(backend: Backend) -> Iterator[str]:
    for device in backend.stats.devices:
        total, free = device.get("vram_total"), device.get("vram_free")
        if isinstance(total, int | float) and isinstance(free, int | float) and total:
            yield f"{device.get('name', 'memory')}: {free / GIB:.1f} of {total / GIB:.1f} GiB free"
    models = files_of_models(backend.table) if backend.table else {}
    yield f"models: {sum(len(files) for files in models.values())} files"


async def _describe_queue(backend: Backend) -> tuple[list[str], bool]:
    """Return lines on a backend's queue, and False where its worker is dead."""
    queue = await own_queue(backend)
    lines = [f"             queue: {queue['running']} running, {queue['pending']} waiting"] if queue else []
    pulse = await probe(backend.follower) if queue else None
    if pulse is not None and pulse.answers and not pulse.worker_alive:
        return [*lines, f"WRONG        {backend.name}: {WORKER_DEAD}"], False
    return lines, True


async def _describe_server(settings: Settings) -> AsyncIterator[str]:
    """Yield what a running server reports of its backends."""
    url = f"http://{settings.host}:{settings.port}"
    timeout = aiohttp.ClientTimeout(total=SERVER_ANSWERS_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{url}/api/backends") as answer:
            if answer.status != HTTPStatus.OK:
                yield f"server       answers at {url}, but needs a key"
                return
            backends = (await answer.json())["backends"]
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError):
        yield f"server       none answers at {url}"
        return
    yield f"server       runs at {url}"
    for one in backends:
        ours = f"{one['in_flight']} of ours in flight, {one['waiting']} waiting{', paused' if one['paused'] else ''}"
        yield f"             {one['name']} is {one['state']}: {ours}"
        if one["last_problem"]:
            yield f"             {one['name']}'s last problem: {one['last_problem']}"


async def rebuild_journal(settings: Settings) -> str:
    """Read every run folder's record into the journal; runs that it has already stay as they are."""
    try:
        app = await build_app(settings)
    except FolderLocked as e:
        return f"{e}\nStop that server first."
    try:
        count, wrong = await rebuild(app.journal, app.exports)
        return "\n".join([f"{count} runs were read back into the journal.", *(f"unreadable: {line}" for line in wrong)])
    finally:
        app.database.close()
        app.exports.unlock()
