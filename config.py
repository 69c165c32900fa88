"""The settings: defaults, then `tonewright.yaml`, then `TONEWRIGHT_...`, then the command line; the last one wins."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

ROOT = Path(__file__).resolve().parent
NODE = r"^[a-z0-9][a-z0-9_-]{0,62}$"


def is_loopback(host: str) -> bool:
    """Return True for an address that only this machine reaches."""
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def expand_path(value: object) -> object:
    """Return a path with `~`, `$NAME`, `${NAME}` and `%NAME%` expanded; `$$` is a dollar.

    Raises:
        ValueError: a variable is not set, or there is no such user; a folder is never called `~`.
    """
    if not isinstance(value, str | Path):
        return value
    if not str(value).strip():
        raise ValueError("must not be empty")
    text = VARIABLE.sub(_value_of, os.path.expanduser(value))  # noqa: PTH111 - Path's own raises RuntimeError
    if text.startswith("~"):
        raise ValueError(f"must be a path: this machine knows no home folder of {text.partition('/')[0]}")
    return Path(text)


def _value_of(found: re.Match[str]) -> str:
    if found[0] == "$$":
        return "$"
    name = next(part for part in found.groups() if part is not None)
    if not os.environ.get(name):
        raise ValueError(f"must be a path: the variable {name} is not set")
    return os.environ[name]


PUBLIC_URL = re.compile(
    r"https?://([a-z0-9._-]+|\[[0-9a-f:]+\])(:(?P<port>\d{1,5}))?"
    r"(/(?!\.{1,2}(/|$))(?P<first>[A-Za-z0-9._~-]+)(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*)?/?"
)
# The first parts of our own addresses: below such a path a proxy's path would look like ours.
OWN_PATHS = frozenset(
    {"api", "docs", "health", "metrics", "openapi.json", "pipeline_configs_metadata", "public", "ready"}
)
HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
OTHER_HEADERS = frozenset(
    ("authorization", "connection", "content-length", "content-type", "cookie", "host", "origin", "referer", "via")
)
VARIABLE = re.compile(r"\$\$|\$(\w+)|\$\{(\w+)\}|%(\w+)%")
Location = Annotated[Path, BeforeValidator(expand_path)]


def _without_query(url: str) -> str:
    if "?" in url or "#" in url:
        # The value itself is not quoted: it is mostly a token.
        raise ValueError("an address without ? and #; put a token into `authorization`, `headers` or `api_key`")
    return url


class PlacesSettings(BaseModel):
    """How many prompts a backend is given at a time."""

    model_config = ConfigDict(extra="forbid")

    running: int = Field(1, ge=1, le=64, description="Prompts that it runs at a time.")
    ready: int = Field(1, ge=0, le=64, description="Prompts that wait behind them, handed over shortly before.")


class BackendSettings(BaseModel):
    """One backend; earlier entries are preferred."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_@-]*$", description="Its name in the record and on the page.")
    url: str = Field(pattern=r"^https?://", description="The base URL of ComfyUI's protocol.")
    kind: Literal["auto", "comfyui", "swarmui", "agent"] = Field("auto", description="auto: detected from its answers.")
    headers: dict[str, str] = Field({}, description="Sent with every request to it.")
    swarm_token: str | None = Field(None, repr=False, description="The token of a SwarmUI account; sent as its cookie.")
    authorization: str | None = Field(None, repr=False, description="Sent as the header Authorization.")
    output_folder: Location | None = Field(None, description="Its output folder, if this machine can read it.")
    swarm_folder: Location | None = Field(None, description="SwarmUI's own folder, if this machine can read it.")

    places: PlacesSettings = PlacesSettings()
    only: list[str] = Field([], description="The outputs that it makes; an empty list means all.")
    never: list[str] = Field([], description="The outputs that it does not make.")
    shares: str = Field("", description="A name for its GPU: backends with the same one run one prompt at a time.")
    ours: bool | None = Field(None, description="Used in mode eco, too; default: whether it is on this machine.")

    _has_no_query = field_validator("url")(_without_query)


TextStep = Literal["safety", "interception", "translation", "brief"]


class LlmSettings(BaseModel):
    """One language model behind the OpenAI-compatible chat route; they are asked in the order of the list."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_@-]*$", description="Its name in the record and on the page.")
    url: str = Field(
        pattern=r"^https?://", description="The base URL of its routes: http://127.0.0.1:11434/v1 for Ollama."
    )
    model: str = Field(min_length=1, description="The model's name at its server.")
    api_key: str = Field("", repr=False, description="Sent as the header Authorization.")
    remote: bool | None = Field(
        None, description="Used only in mode fast; default: whether its address is another machine."
    )
    keep_alive: str | int | None = Field(None, description="Sent to Ollama before media are made; 0 frees its memory.")
    steps: list[TextStep] = Field(
        ["safety", "interception", "translation", "brief"], description="The steps that use it."
    )

    _has_no_query = field_validator("url")(_without_query)


class Settings(BaseSettings):
    """All settings. Each name is also an environment variable: `TONEWRIGHT_PORT=17802`.

    `cli.settings` reads `tonewright.yaml` and keeps its line numbers.
    """

    model_config = SettingsConfigDict(env_prefix="TONEWRIGHT_", env_nested_delimiter="__", extra="forbid")

    host: str = Field("127.0.0.1", description="The address to listen at; one that is not loopback needs a key first.")
    port: int = Field(17802, ge=0, le=65535, description="0 chooses a free port.")
    public_urls: list[str] = Field(
        [],
        description="Further URLs of the server, behind a proxy or by another name, including their path;"
        " also the addresses of other pages that may use it.",
    )
    trusted_proxies: list[str] = Field(
        [], description="Addresses of proxies whose headers count: the path that they remove, the user that they name."
    )
    trusted_user_header: str | None = Field(
        None, description="The header in which a trusted proxy names the signed-in user: X-Remote-User."
    )
    key: str | None = Field(
        None, repr=False, description="The key that `run` and `demo` send to a server that has keys."
    )
    exports: Location = Field(ROOT / "exports", description="The folder of the run folders.")
    exports_mode: Literal["private", "group", "all"] = Field(
        "private",
        description="Accounts of this machine that may read the exports: the server's own, its group, or all.",
    )
    file_roots: list[Location] = Field([], description="Folders whose files a request may name by path.")
    definitions: list[Location] = Field(
        [], description="Folders of your own definitions, which override the shipped ones."
    )
    backends: list[BackendSettings] = []
    embedded: bool = Field(True, description="Whether the embedded backend runs.")
    discover: bool = Field(True, description="Whether to look for a ComfyUI and a SwarmUI on their usual ports.")
    probe_s: float = Field(30.0, gt=0, description="Seconds between two requests for a backend's nodes and models.")
    backend_wait_s: float = Field(120.0, ge=0, description="How long to wait for a backend that does not answer.")
    attempts: int = Field(5, ge=1, le=100, description="Attempts per take when backends lose it.")
    retry_pause_s: float = Field(
        0.5, gt=0, description="The pause before the second attempt; doubled before each further one."
    )
    elsewhere_after_s: float = Field(
        15.0, ge=0, description="How long a backend may be down before its takes are tried at another one."
    )
    queue_limit: int = Field(1000, ge=0, description="Maximum number of unfinished runs; 0 is unlimited.")
    queue_limit_per_user: int = Field(
        0, ge=0, description="Maximum number of unfinished runs of one user; 0 is unlimited."
    )
    safety_floor: Literal["off", "adult", "youth", "kids"] | None = Field(
        None, description="The laxest safety_level that a request may use; a key may have a stricter one."
    )
    llms: list[LlmSettings] = []
    llm_timeout_s: float = Field(120.0, gt=0, description="Time limit for an answer of a language model.")
    llm_check: bool = Field(False, description="Whether the safety stages also ask a language model.")
    database_url: SecretStr | None = Field(
        None, description="postgresql://... for several processes; default: a file in exports."
    )
    node: str | None = Field(
        None,
        pattern=NODE,
        description="The name of this machine among those that share a database; default: its hostname.",
    )
    role: Literal["all", "web", "worker"] = Field(
        "all", description="With a database_url: web accepts and serves, worker makes the runs, all does both."
    )
    walks_at_once: int = Field(
        32, ge=1, description="With a database_url: maximum number of runs that a worker works on at once."
    )
    embed_tags: bool = Field(True, description="Whether media files get the tags prompt, workflow and tonewright.")
    upload_limit_mib: float = Field(512.0, gt=0, description="The largest upload, in MiB.")
    connections_per_address: int = Field(
        2000,
        ge=0,
        description="Maximum number of connections of one address (behind a proxy: of all); 0 is unlimited.",
    )
    requests_per_key: int = Field(
        200, ge=0, description="Maximum number of open requests of one key, including streams; 0 is unlimited."
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_url: str | None = Field(
        None, pattern=r"^https?://", description="The OpenTelemetry collector that gets traces: http://127.0.0.1:4318."
    )
    log_format: Literal["text", "json"] = Field("text", description="json: one object per line, for programs.")

    @field_validator("host")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value != "localhost":
            try:
                ipaddress.ip_address(value)
            except ValueError as e:
                raise ValueError(
                    "must be an address of this machine: 127.0.0.1, ::1, localhost, 192.168.1.5, 0.0.0.0"
                ) from e
        return value

    @field_validator("public_urls")
    @classmethod
    def _are_addresses(cls, value: list[str]) -> list[str]:
        for url in value:
            found = PUBLIC_URL.fullmatch(url)
            if found is None or int(found["port"] or 1) not in range(1, 65536):
                secret = "@" in url or "?" in url  # a password, a token
                shown = "one is not" if secret else f"{url!r} is not"
                raise ValueError(
                    "must be like https://music.example.org, http://studio.local:17802 or https://studio.example/music:"
                    f" scheme, host in small letters, port and path, and nothing else; {shown}"
                )
            if found["first"] in OWN_PATHS:
                raise ValueError(f"must have another path than the server's own /{found['first']}; {url!r} has not")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for address in value:
            try:
                ipaddress.ip_network(address)
            except ValueError as e:
                allowed = "must be addresses or networks of proxies: 127.0.0.1, ::1, 10.0.0.0/24"
                raise ValueError(f"{allowed}; {address!r} is not") from e
        return value

    @field_validator("trusted_user_header")
    @classmethod
    def _names_a_header(cls, value: str | None) -> str | None:
        if value is not None and (not HEADER.fullmatch(value) or value.lower() in OTHER_HEADERS):
            raise ValueError("must be a header of the proxy's own: X-Remote-User, Remote-User, X-Forwarded-User")
        return value

    @model_validator(mode="after")
    def _somebody_is_trusted(self) -> Self:
        if self.trusted_user_header and not self.trusted_proxies:
            raise ValueError("trusted_user_header needs trusted_proxies: the addresses that may send it, ['127.0.0.1']")
        return self

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must be PostgreSQL's: postgresql://user:password@host:5432/name")
        return value

    @model_validator(mode="after")
    def _roles_share(self) -> Self:
        if self.role != "all" and self.database_url is None:
            raise ValueError(f"the role {self.role} needs a database_url that all processes share")
        return self

    @field_validator("backends")
    @classmethod
    def _names_differ(cls, value: list[BackendSettings]) -> list[BackendSettings]:
        names = [backend.name for backend in value]
        if len(set(names)) != len(names) or "embedded" in names:
            raise ValueError("every backend needs a different name, and 'embedded' is taken")
        return value

    @field_validator("llms")
    @classmethod
    def _llm_names_differ(cls, value: list[LlmSettings]) -> list[LlmSettings]:
        if len({llm.name for llm in value}) != len(value):
            raise ValueError("every language model needs a different name")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - same
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings
