"""ComfyUI's image nodes that need no model. IMAGE is float32 [batch, height, width, channels], 0 to 1."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from devserver.host.folders import Folders
from devserver.host.node_class import InputTypes, OutputNodeResult
from devserver.nodes.host import host
from schemas.graph import Graph
from schemas.json_values import JsonObject

LARGEST_SIDE = 16384


class EmptyImage:
    folders: ClassVar[Folders]
    CATEGORY = "image"
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "generate"

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        side = {"default": 512, "min": 1, "max": LARGEST_SIDE, "step": 1}
        return {
            "required": {
                "width": ("INT", dict(side)),
                "height": ("INT", dict(side)),
                "batch_size": ("INT", {"default": 1, "min": 1, "max": 4096}),
                "color": ("INT", {"default": 0, "min": 0, "max": 0xFFFFFF, "step": 1, "display": "color"}),
            }
        }

    def generate(self, width: int, height: int, batch_size: int, color: int) -> tuple[NDArray[np.float32]]:
        rgb = np.array([color >> 16 & 0xFF, color >> 8 & 0xFF, color & 0xFF], np.float32) / 255
        return (np.broadcast_to(rgb, (batch_size, height, width, 3)).astype(np.float32),)


class SaveImage:
    folders: ClassVar[Folders]
    CATEGORY = "image"
    DESCRIPTION = "Saves the input images to your ComfyUI output directory."
    DISPLAY_NAME = "Save Image"
    RETURN_TYPES = ()
    OUTPUT_NODE = True
    FUNCTION = "save_images"

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        tip = (
            "The prefix for the file to save. This may include formatting information such as %date:yyyy-MM-dd% or "
            "%Empty Latent Image.width% to include values from nodes."
        )
        return {
            "required": {
                "images": ("IMAGE", {"tooltip": "The images to save."}),
                "filename_prefix": ("STRING", {"default": "ComfyUI", "tooltip": tip}),
            },
            "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
        }

    def save_images(
        self,
        images: NDArray[np.float32],
        filename_prefix: str,
        prompt: Graph | None = None,
        extra_pnginfo: JsonObject | None = None,
    ) -> OutputNodeResult:
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        _, height, width, _ = images.shape
        target = self.folders.save_target(filename_prefix, width=width, height=height)
        tags = PngInfo()
        kept: dict[str, object] = {**({} if prompt is None else {"prompt": prompt}), **(extra_pnginfo or {})}
        for key, value in kept.items():
            tags.add_text(key, json.dumps(value))
        entries = []
        for index, image in enumerate(images):
            host().check()
            path, entry = target.file("png", index)
            Image.fromarray(to_pixels(image)).save(path, pnginfo=tags, compress_level=4)
            entries.append(entry)
        return {"ui": {"images": entries}}


def to_pixels(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return [height, width, channels] as bytes; values outside 0 to 1 are clipped."""
    return np.asarray(np.clip(image * 255.0, 0, 255), np.uint8)


CLASSES: tuple[type, ...] = (EmptyImage, SaveImage)
