"""From settings to a server: the one place where configuration becomes objects."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config import ROOT, BackendSettings, LlmSettings, Settings
from devserver.app import App
from devserver.backends.pool import Address
from devserver.backends.sources import Use, find_answering
from devserver.comfy.swarm import credentials
from devserver.definitions.current import Definitions
from devserver.errors import PackageMissing
from devserver.files.exports import Exports
from devserver.files.uploads import MIB
from devserver.http.addresses import split_credentials
from devserver.installed.definitions import installed_folders
from devserver.llm.ask import Models
from devserver.llm.chat import Endpoint
from devserver.queueing.queue import Limits
from devserver.runs.cluster import Sharing, own_name
from devserver.stages.graph.retries import Retries
from devserver.stages.kind import StageKind
from devserver.stages.kinds import all_kinds
from devserver.stages.walk import WalkSettings
from schemas.errors import DefinitionError, DefinitionProblem
from schemas.loader import load_tables

if TYPE_CHECKING:
    from devserver.durable.database import Database
    from devserver.watching.tracing import Tracing

log = logging.getLogger(__name__)

MASKS = {"private": 0o077, "group": 0o027, "all": 0o022}
SHIPPED = ROOT / "schemas"
OWN = ROOT / "definitions"
USUALLY = (
    Address("comfyui-8188", "comfyui", "http://127.0.0.1:8188", discovered=True),
    Address("swarmui-7801", "swarmui", "http://127.0.0.1:7801", discovered=True),
)


def definition_folders(settings: Settings) -> list[Path]:
    """Return the folders of definitions: shipped, of installed packages, then the user's own over them.

    The user's are those that are set, or else `definitions/`.
    """
    own = settings.definitions or ([OWN] if OWN.is_dir() else [])
    return [SHIPPED, *installed_folders([SHIPPED]), *own]


def load_definitions(settings: Settings, kinds: Mapping[str, StageKind] | None = None) -> Definitions:
    """Load the shipped definitions with the user's own over them.

    Raises:
        schemas.errors.DefinitionError: with every problem in them.
    """
    missing = [folder for folder in settings.definitions if not folder.is_dir()]
    if missing:
        raise DefinitionError(DefinitionProblem(str(folder), 1, "", "is not a folder") for folder in missing)
    folders = definition_folders(settings)
    own = settings.definitions or [OWN]
    return Definitions([path for path in folders if path not in own], load_tables(folders), own, kinds or all_kinds())


def read_addresses(settings: Settings) -> list[Address]:
    """Return the addresses of the configured backends, in their order."""
    return [_address(backend) for backend in settings.backends]


def _address(backend: BackendSettings) -> Address:
    url, authorization = split_credentials(backend.url.rstrip("/"))
    headers = {**backend.headers, **credentials(backend.swarm_token, backend.authorization or authorization)}
    folders = (backend.output_folder, backend.swarm_folder)
    places, outputs = backend.places, (frozenset(backend.only), frozenset(backend.never))
    use = Use(places.running, places.ready, *outputs, shares=backend.shares, ours=backend.ours)
    return Address(backend.name, backend.kind, url, headers, folders[0], swarm_folder=folders[1], use=use)


def build_models(settings: Settings) -> Models:
    """Build the configured language models, in their order."""
    return Models([_endpoint(llm) for llm in settings.llms], settings.llm_timeout_s)


def _endpoint(llm: LlmSettings) -> Endpoint:
    remote = Address(llm.name, "agent", llm.url).remote if llm.remote is None else llm.remote
    url, authorization = split_credentials(llm.url)
    about = (llm.api_key, remote, llm.keep_alive, frozenset(llm.steps))
    return Endpoint(llm.name, url, llm.model, *about, authorization=authorization)


def read_sharing(settings: Settings) -> Sharing | None:
    """Return this process's part among those that share a database; None where it has the exports for itself."""
    if settings.database_url is None:
        return None
    url = settings.database_url.get_secret_value()
    return Sharing(url, settings.node or own_name(), settings.role, settings.walks_at_once)


def apply_file_mode(settings: Settings) -> None:
    """Create files with the configured mode from now on, and tighten an exports folder that exists."""
    mask = MASKS[settings.exports_mode]
    os.umask(mask)
    for folder in (settings.exports, settings.exports / ".state"):
        if folder.is_dir():
            try:
                folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~mask)
            except PermissionError:
                log.warning("%s is another account's; its mode stays as it is", folder)


async def discover(settings: Settings) -> list[Address]:
    """Find a ComfyUI and a SwarmUI on their usual ports, unless they are configured anyway."""
    if not settings.discover:
        return []
    urls = [split_credentials(backend.url)[0].replace("localhost", "127.0.0.1") for backend in settings.backends]
    known = {f"{url.scheme}://{url.netloc}" for url in map(urlsplit, urls)}
    return await find_answering([address for address in USUALLY if address.base_url not in known])


def tracing_factory(settings: Settings) -> Callable[[Database], Tracing] | None:
    """Return a function that makes the tracing over a database; None where no collector is configured."""
    if not settings.otlp_url:
        return None
    try:
        from devserver.watching.tracing import Tracing, exporter_to
    except ImportError as e:
        raise PackageMissing("otlp_url", "telemetry") from e
    return partial(Tracing, exporter_to(settings.otlp_url))


async def build_app(settings: Settings) -> App:
    """Return a server that is not started yet.

    Raises:
        devserver.errors.FolderLocked: another server has the exports folder.
        devserver.errors.PackageMissing: a setting needs an extra that is not installed.
        schemas.errors.DefinitionError: the definitions are wrong.
    """
    tracing = tracing_factory(settings)
    sharing = read_sharing(settings)
    exports = Exports(settings.exports, sharing.node if sharing else None, works=settings.role != "web")
    exports.lock({"pid": os.getpid(), "url": f"http://{settings.host}:{settings.port}"})
    kinds = all_kinds()
    return App(
        exports=exports,
        definitions=load_definitions(settings, kinds),
        kinds=kinds,
        addresses=[*read_addresses(settings), *await discover(settings)],
        embedded=settings.embedded,
        probe_s=settings.probe_s,
        limits=Limits(settings.queue_limit, settings.queue_limit_per_user),
        models=build_models(settings),
        upload_limit_bytes=int(settings.upload_limit_mib * MIB),
        file_roots=settings.file_roots,
        safety_floor=settings.safety_floor or "off",
        sharing=sharing,
        tracing=tracing,
        walks=WalkSettings(
            backend_wait_s=settings.backend_wait_s,
            retries=Retries(settings.attempts, settings.retry_pause_s, elsewhere_after_s=settings.elsewhere_after_s),
            embed_tags=settings.embed_tags,
            llm_check=settings.llm_check,
        ),
    )
