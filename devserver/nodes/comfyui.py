"""Makes a class of ours a ComfyUI node: torch outside, numpy inside. Imported by ComfyUI only."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.utils
import folder_paths
import numpy as np
import torch
from comfy_execution.utils import get_executing_context

from .host import PARTIAL, Host, check_output, current


def to_numpy(value: Any) -> Any:
    """Tensors become read-only arrays in rebuilt containers: they share memory with ComfyUI's cache of results."""
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        array = (tensor.float() if tensor.is_floating_point() else tensor).numpy().view()
        array.flags.writeable = False
        return array
    if isinstance(value, Mapping):
        return {key: to_numpy(value[key]) for key in value}
    return type(value)(map(to_numpy, value)) if type(value) in (list, tuple) else value


def to_torch(value: Any) -> Any:
    """Arrays become tensors (floats as float32); a read-only array is copied."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.require(value, np.float32 if value.dtype.kind == "f" else None, ["C", "W"]))
    if isinstance(value, dict):
        return {key: to_torch(item) for key, item in value.items()}
    return type(value)(map(to_torch, value)) if type(value) in (list, tuple) else value


class ComfyHost(Host):
    """Progress, cancel and file names by ComfyUI's own means."""

    def __init__(self) -> None:
        super().__init__(folder_paths.get_output_directory(), folder_paths.get_temp_directory())
        self._bar = comfy.utils.ProgressBar(1)  # finds the running node's id itself

    def check(self) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()

    def report(self, done: int, total: int) -> None:
        self._bar.update_absolute(done, total)

    def partial(self, index: int, entry: dict[str, str]) -> None:
        # ComfyUI's module of this name, which is not ours.
        server, running = importlib.import_module("server").PromptServer.instance, get_executing_context()
        if server.client_id is not None and running is not None:  # sent to nobody's id it would go to all
            data = {"prompt_id": running.prompt_id, "node": running.node_id, "index": index, "file": entry}
            server.send_sync(PARTIAL, data, server.client_id)

    def save_path(self, prefix: str, ext: str) -> tuple[Path, dict[str, str]]:
        return _next_path(self.output_dir, "output", prefix, ext)

    def temp_path(self, prefix: str, ext: str) -> tuple[Path, dict[str, str]]:
        return _next_path(self.temp_dir, "temp", prefix, ext)


def _next_path(root: Path, kind: str, prefix: str, ext: str) -> tuple[Path, dict[str, str]]:
    folder, name, number, subfolder, _ = folder_paths.get_save_image_path(prefix, str(root))
    filename = f"{name}_{number:05}_.{ext}"
    return Path(folder, filename), {"filename": filename, "subfolder": subfolder, "type": kind}


def wrap(node: Any) -> type:
    """Return the ComfyUI form of a node class of ours."""
    if inspect.iscoroutinefunction(getattr(node, node.FUNCTION)):
        raise TypeError(f"{node.__name__}: an async node cannot be wrapped for ComfyUI")

    def _run(_self: Any, **inputs: Any) -> Any:
        token = current.set(ComfyHost())
        try:
            # A fresh object: ComfyUI keeps its own between prompts.
            output = check_output(node, getattr(node(), node.FUNCTION)(**to_numpy(inputs)))
        finally:
            current.reset(token)
        if not isinstance(output, dict):
            return to_torch(output)
        return output | ({"result": to_torch(output["result"])} if "result" in output else {})

    return type(node.__name__, (node,), {"FUNCTION": "_run", "_run": _run})
