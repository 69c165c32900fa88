"""Tonewright's command line: reads the settings, builds a server, starts and stops it."""

from __future__ import annotations

import signal

if __name__ == "__main__":  # until a command hears signals itself, Ctrl-C ends it without a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import json
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:  # a help text shall not wait for anything that it does not need
    from config import Settings

ROOT = Path(__file__).resolve().parent

DEFINITIONS = "tonewright.definitions"
DEMO: dict[str, object] = {
    "schema": "dada",
    "input_text": "test",
    "output_config": "acestep_instrumental",
    "execution_mode": "eco",
    "safety_level": "off",
}

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., object])


def _run_to_end(work: Coroutine[None, None, T]) -> T:
    import asyncio

    from devserver.processes.signals import run_until_stopped

    return asyncio.run(run_until_stopped(work))


def read_settings(given: Mapping[str, object]) -> Settings:
    """Read the settings with the command line's own values on top; end the program where one is wrong."""
    from cli.settings import SettingsWrong, read

    given = {"definitions": click.get_current_context().meta.get(DEFINITIONS), **given}
    try:
        return read({name: value for name, value in given.items() if value is not None})
    except SettingsWrong as e:
        click.echo(str(e), err=True)
        sys.exit(2)


def _backends(urls: tuple[str, ...]) -> list[dict[str, str]] | None:
    """Return the backends of the option --backend as settings."""
    many = len(urls) > 1
    usual = {url: "swarmui" if ":7801" in url else "comfyui" for url in urls}  # the real kind is detected later
    named = [{"name": f"{usual[url]}-{n}" if many else usual[url], "url": url} for n, url in enumerate(urls, 1)]
    return named or None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Tonewright: music and video from models on your own GPU, and without one."""


def _definitions(command: C) -> C:
    """Add the option --definitions to a command; `read_settings` reads it."""

    def keep(context: click.Context, _: click.Parameter, folders: tuple[Path, ...]) -> None:
        context.meta[DEFINITIONS] = list(folders) or None

    folder = click.Path(path_type=Path, file_okay=False)
    text = "A folder of your own definitions; they override the shipped ones. Repeatable. Default: definitions/"
    return click.option("--definitions", multiple=True, type=folder, help=text, callback=keep, expose_value=False)(
        command
    )


def _common(command: C) -> C:
    command = _definitions(command)
    for option in (
        click.option("--exports", type=click.Path(path_type=Path), help="The folder of the runs."),
        click.option("--backend", "backends", multiple=True, metavar="URL", help="A ComfyUI or SwarmUI; repeatable."),
    ):
        command = option(command)
    return command


@main.command()
@click.option("--port", type=int, help="Default 17802; 0 chooses a free port.")
@click.option("--host", help="Default 127.0.0.1; an address that is not loopback needs a key.")
@click.option("--role", type=click.Choice(["all", "web", "worker"]), help="The task of this process among several.")
@click.option("--node", metavar="NAME", help="This worker's name among several. Default: the machine's name.")
@click.option("--with-parent", is_flag=True, hidden=True, help="Stop when stdin closes.")
@_common
def serve(exports: Path | None, backends: tuple[str, ...], *, with_parent: bool, **given: object) -> None:
    """Start the server and its embedded backend."""
    import asyncio

    from cli.keys import KeyNeeded
    from cli.serve import serve as run_server
    from devserver.errors import DatabaseGone, FolderLocked, OldJournal, PackageMissing
    from devserver.errors.disk import JournalFault, describe_disk_error
    from devserver.users.keys import KeysUnreadable
    from schemas.errors import DefinitionError

    settings = read_settings({**given, "exports": exports, "backends": _backends(backends)})
    try:
        asyncio.run(run_server(settings, with_parent=with_parent))
    except (FolderLocked, OldJournal, DatabaseGone, PackageMissing, DefinitionError, KeyNeeded, KeysUnreadable) as e:
        click.echo(str(e), err=True)
        sys.exit(2)
    except JournalFault as e:
        click.echo(describe_disk_error(e), err=True)
        sys.exit(2)
    except OSError as e:
        said = describe_disk_error(e) if e.filename is not None else ""  # no file is named where it is about the port
        listen = f"Cannot listen at {settings.host}:{settings.port}: {e.strerror}. Take another --port."
        click.echo(said or listen, err=True)
        sys.exit(2)


def _request(exports: Path | None, urls: tuple[str, ...], body: dict[str, object]) -> None:
    from cli.request import RequestFailed, send, server_for, tell

    settings = read_settings({"exports": exports, "backends": _backends(urls)})
    own = bool(exports or urls or click.get_current_context().meta.get(DEFINITIONS))

    async def go() -> str:
        async with server_for(settings, own=own) as url:
            return tell(settings, url, await send(url, body, settings.key))

    try:
        click.echo(_run_to_end(go()))
    except RequestFailed as e:
        click.echo(str(e), err=True)
        sys.exit(1)


@main.command()
@_common
def demo(exports: Path | None, backends: tuple[str, ...]) -> None:
    """Make a piece of music and print its path."""
    click.echo("POST /api/schema/pipeline/execute " + json.dumps(DEMO))
    _request(exports, backends, DEMO)
    click.echo("`make run` serves it again, with a page to make more.")


@main.command()
@click.argument("text")
@click.option("--schema", help="How the text is transformed.")
@click.option("--output", "outputs", multiple=True, help="The output config; repeatable.")
@click.option("--preset", help="A named set of values of the output: draft, balanced, best.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter: JSON, text, or @FILE.")
@click.option("--seed", type=int)
@click.option("--safety-level", type=click.Choice(["off", "adult", "youth", "kids"]))
@click.option("--brief/--no-brief", default=None, help="Whether to read length, tempo, key and takes from the text.")
@_common
def run(
    text: str,
    params: tuple[str, ...],
    outputs: tuple[str, ...],
    exports: Path | None,
    backends: tuple[str, ...],
    **given: object,
) -> None:
    """Run a request; TEXT is the text that you would write on the page."""
    body: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if outputs:
        body["output_config"] = list(outputs)
    if params:
        body["params"] = dict(_param(param) for param in params)
    _request(exports, backends, {"input_text": text, **body})


def _param(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--param {text}: write NAME=VALUE")
    if value.startswith("@@"):  # a text that begins with an @
        return name, value[1:]
    if value.startswith("@"):
        if not Path(value[1:]).is_file():
            raise click.UsageError(f"--param {name}: there is no file {value[1:]}")
        return name, Path(value[1:])
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


@main.command()
@click.argument("file", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--backend", "backends", multiple=True, metavar="URL", help="Show which outputs this backend can run; repeatable."
)
@_definitions
def lint(file: Path | None, backends: tuple[str, ...]) -> None:
    """Check the definitions, or only FILE, and the words of the prompt parser."""
    from cli.build import definition_folders
    from cli.importing import check_words, list_runnable
    from devserver.stages.kinds import all_kinds
    from schemas.lint import lint as check
    from schemas.loader import read_tables

    settings = read_settings({"backends": _backends(backends)})
    folders = definition_folders(settings)
    tables, wrong = read_tables(folders)
    problems = [*map(str, check(folders, tables, file, wrong, all_kinds())), *check_words()]
    for problem in problems:
        click.echo(problem)
    click.echo(f"{len(problems)} problems" if problems else "The definitions have no problem.")
    if problems or not backends:
        sys.exit(1 if problems else 0)
    lines, well = _run_to_end(list_runnable(settings))
    click.echo("\n".join(lines))
    sys.exit(0 if well else 1)


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="The name of the new definitions. Default: the file's name.")
@click.option("--table", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A saved /object_info.")
@click.option(
    "--backend", "backends", multiple=True, metavar="URL", help="A backend that has the graph's nodes; repeatable."
)
@click.option("--replace", is_flag=True, help="Overwrite definitions of the same name in your own folder.")
@_definitions
def import_command(backends: tuple[str, ...], **given: Any) -> None:
    """Make definitions from FILE: a graph that ComfyUI exported, or a sound, picture or video that it made."""
    from cli.importing import import_file, refusal
    from schemas.errors import DefinitionError
    from schemas.importing.form import ImportRefused

    settings = read_settings({"backends": _backends(backends)})
    try:
        click.echo(_run_to_end(import_file(settings, **given)))
    except (ImportRefused, DefinitionError) as e:
        click.echo(refusal(e), err=True)
        sys.exit(1)


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "definitions" / "schemas")
def schema(folder: Path) -> None:
    """Write JSON Schemas of the definition files into FOLDER, for editors that complete YAML."""
    from cli.importing import write_schemas

    click.echo(write_schemas(folder))


@main.command()
@click.argument("name")
@click.option("--port", type=int, default=0, help="0 chooses a free port.")
@click.option("--base", type=click.Path(path_type=Path), help="The agent's folder for input, output and temp.")
@click.option("--open", "is_open", is_flag=True, help="Let in every program of this machine, without a token.")
def agent(name: str, port: int, base: Path | None, *, is_open: bool) -> None:
    """Serve the node table NAME over ComfyUI's protocol, as a separate process.

    Requests need the token in the agent's folder; it is printed when it is made.
    """
    from cli.agent import token_in
    from cli.build import apply_file_mode
    from devserver.host.__main__ import main as serve_table

    settings = read_settings({})
    apply_file_mode(settings)
    folder = (base or settings.exports / ".state" / f"agent-{name}").resolve()
    words = ["--table", name, "--standalone", "--port", str(port), "--base", str(folder)]
    serve_table(words, None if is_open else lambda: token_in(folder))


@main.group()
def keys() -> None:
    """Manage keys. Without any key everybody on this machine may use the server, and nobody else."""


_EXPORTS = click.option("--exports", type=click.Path(path_type=Path), help="The folder of the runs.")


@keys.command("add")
@click.argument("name", required=False)
@click.option("--admin", is_flag=True, help="An admin sees everybody's runs.")
@click.option("--class", "size", type=int, metavar="N", help="Make N users NAME-01, ... and print a sheet of codes.")
@click.option("--safety-floor", type=click.Choice(["off", "adult", "youth", "kids"]), help="The laxest safety level.")
@click.option("--queue-limit", type=click.IntRange(1), help="Maximum number of unfinished runs.")
@click.option("--output", "outputs", multiple=True, help="An output that the key may make; repeatable. Default: all.")
@_EXPORTS
def keys_add(
    name: str | None, admin: bool, size: int | None, exports: Path | None, outputs: tuple[str, ...], **limits: object
) -> None:
    """Make a key for the user NAME and show it, once."""
    from cli.keys import add_class, add_key, words
    from devserver.errors import TonewrightError
    from schemas.errors import DefinitionError

    if admin and size is not None:
        raise click.UsageError("--class makes no admins.")
    if name is None and size is None:
        raise click.UsageError("Missing argument 'NAME'.")
    name = name or "pupil"
    settings, rights = read_settings({"exports": exports}), {**limits, "outputs": list(outputs) or None}
    try:
        click.echo(
            add_key(settings, name, admin=admin, **rights)
            if size is None
            else add_class(settings, name, size, **rights)
        )
    except TonewrightError as e:
        raise click.ClickException(words(e)) from e
    except DefinitionError as e:
        raise click.ClickException(str(e)) from e


@keys.command("list")
@_EXPORTS
def keys_list(exports: Path | None) -> None:
    """List the keys."""
    from cli.keys import list_keys, words
    from devserver.errors import TonewrightError

    try:
        click.echo(list_keys(read_settings({"exports": exports})))
    except TonewrightError as e:
        raise click.ClickException(words(e)) from e


@keys.command("remove")
@click.argument("name")
@_EXPORTS
def keys_remove(name: str, exports: Path | None) -> None:
    """Remove the key NAME at once."""
    from cli.keys import remove_key, words
    from devserver.errors import TonewrightError

    try:
        click.echo(remove_key(read_settings({"exports": exports}), name))
    except TonewrightError as e:
        raise click.ClickException(words(e)) from e


@main.command()
@click.option("--rebuild", is_flag=True, help="Read the run folders back into a lost journal.")
@_common
def doctor(rebuild: bool, exports: Path | None, backends: tuple[str, ...]) -> None:
    """Check settings, backends and models, and say how to fix problems."""
    from cli.doctor import examine, rebuild_journal

    settings = read_settings({"exports": exports, "backends": _backends(backends)})
    if rebuild:
        click.echo(_run_to_end(rebuild_journal(settings)))
        return
    lines, well = _run_to_end(examine(settings))
    click.echo("\n".join(lines))
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
