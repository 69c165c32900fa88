"""The interface from a running node to the program that runs it: report progress, stop when cancelled, name a file, and
hand out a piece of its main sound before the rest is made.

Nodes call ``host()`` and never import ComfyUI or our own agents: the same class runs in both, and bare in a test.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

REPORT_EVERY_SECONDS = 0.1
PARTIAL = "tonewright.partial"  # the event by which a host passes `Host.partial` on


class Cancelled(Exception):
    """The prompt was interrupted. Never catch it in a node: ``except Exception`` would turn a cancel into a success."""


class Host:
    """The default host: reports to nobody, is never cancelled, saves under ``output_dir`` and, what is only for a
    while, under ``temp_dir`` (``temp`` beside it).

    A host overrides ``check`` (raise when the prompt was interrupted), ``report`` and ``partial`` (tell the user).
    """

    def __init__(self, output_dir: Path | str = "output", temp_dir: Path | str | None = None) -> None:
        self.output_dir = Path(output_dir)
        self.temp_dir = Path(temp_dir) if temp_dir is not None else self.output_dir.parent / "temp"
        self._reported_at = float("-inf")

    def check(self) -> None:
        """Raise ``Cancelled`` (or the host's own exception) when the prompt was interrupted."""

    def report(self, done: int, total: int) -> None:
        """Tell the user that `done` of `total` steps are finished."""

    def partial(self, index: int, entry: dict[str, str]) -> None:
        """Tell the user that piece number `index` of the node's main sound is there, in a closed file.

        Pieces come in order from 0 on; played one after the other they are the sound, before its final mastering.
        `entry` is that of ``temp_path``.
        """

    def progress(self, done: int, total: int) -> None:
        """Called by nodes at least every 100 ms of work; checks on every call, reports at most ten times a second."""
        self.check()
        now = time.monotonic()
        if done >= total or now - self._reported_at >= REPORT_EVERY_SECONDS:
            self._reported_at = now
            self.report(done, total)

    def save_path(self, prefix: str, ext: str) -> tuple[Path, dict[str, str]]:
        """Return a new file's path and its ``ui`` entry, named as ComfyUI names it: ``<prefix>_00001_.<ext>``.

        Args:
            prefix: a name, with sub-folders if wanted, below the output folder.
            ext: the extension without a dot.

        Raises:
            ValueError: the prefix leaves the output folder or names no file.
        """
        return _next_path(self.output_dir, "output", prefix, ext)

    def temp_path(self, prefix: str, ext: str) -> tuple[Path, dict[str, str]]:
        """Like ``save_path`` for a file that need not outlive the prompt; a host deletes such files when it starts."""
        return _next_path(self.temp_dir, "temp", prefix, ext)


def _next_path(folder: Path, kind: str, prefix: str, ext: str) -> tuple[Path, dict[str, str]]:
    root = folder.resolve()
    parts = prefix.replace("\\", "/").split("/")
    name = parts[-1]
    folder = root.joinpath(*parts[:-1]).resolve()
    if not parts[0] or name in {"", ".", ".."} or not folder.is_relative_to(root):
        raise ValueError(
            f"filename_prefix is {prefix!r}; allowed is a file name, with sub-folders, inside the {kind} folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    taken = re.compile(re.escape(name) + r"_(\d+)_", re.IGNORECASE)
    numbers = (int(match[1]) for entry in folder.iterdir() if (match := taken.match(entry.name)))
    filename = f"{name}_{max(numbers, default=0) + 1:05}_.{ext}"
    subfolder = folder.relative_to(root).as_posix()
    return folder / filename, {
        "filename": filename,
        "subfolder": "" if subfolder == "." else subfolder,
        "type": kind,
    }


current: ContextVar[Host] = ContextVar("tonewright_host", default=Host())  # noqa: B039 - it only remembers a time


def host() -> Host:
    """Return the host of the running node. A worker thread needs ``contextvars.copy_context().run`` to see it."""
    return current.get()


def check_output(node: type, output: Any) -> Any:
    """Return the output of a node's function, unchanged, once it has the form that every host can pass on.

    ComfyUI takes a wrong form without a word: it splits a string into letters, reports success for a missing tuple, and
    a single numpy number in ``ui`` ends its whole process.

    Raises:
        TypeError: ``ui`` is not a dict of lists, or the result not a tuple as long as ``RETURN_TYPES``.
        ValueError: ``ui`` holds what JSON cannot: a numpy number, NaN, an object.
    """
    name = node.__name__
    ui = output.get("ui", {}) if isinstance(output, Mapping) else {}
    result = output.get("result", ()) if isinstance(output, Mapping) else output
    if not isinstance(ui, Mapping) or not all(isinstance(value, list) for value in ui.values()):
        raise TypeError(f"{name}: every value of ui must be a list, got {ui!r:.200}")
    try:
        json.dumps(dict(ui), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: ui must hold plain JSON values only: {error}") from error
    types = getattr(node, "RETURN_TYPES", ())
    if not isinstance(result, tuple) or len(result) != len(types):
        raise TypeError(
            f"{name}: must return a tuple of {len(types)} ({', '.join(types)}), got {type(result).__name__}"
        )
    return output
