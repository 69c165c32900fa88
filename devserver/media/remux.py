"""Tags of WebM and Matroska, which can only be written by writing the container anew; sound and pictures are copied."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any


def _av() -> Any:
    """Import PyAV in the worker that tags, not at the server's start."""
    return import_module("av")


def read_matroska(path: Path) -> dict[str, str]:
    """Return the container's tags by lower-case name."""
    with _av().open(str(path)) as container:
        return {str(name).lower(): str(text) for name, text in container.metadata.items()}


def write_matroska(form: str, path: Path, texts: dict[str, str]) -> None:
    """Replace the container's tags; the same file and tags give the same bytes.

    Args:
        form: `webm` or `matroska`.
        path: the file, replaced when the new one is complete.
        texts: tags by name.
    """
    anew = path.with_name(path.name + ".anew")
    try:
        # Without bitexact the container would get a random id.
        with (
            _av().open(str(path)) as source,
            _av().open(str(anew), "w", format=form, container_options={"fflags": "+bitexact"}) as target,
        ):
            target.metadata.update(texts)
            streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
            for packet in source.demux():
                if packet.size:
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
        anew.replace(path)
    finally:
        anew.unlink(missing_ok=True)
