"""ComfyUI's video nodes that need no model. Their combos are declared in its newer style, which it does not check."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from devserver.host.folders import Folders
from devserver.host.node_class import InputTypes, OutputNodeResult
from devserver.host.stock.image import to_pixels
from devserver.host.stock.sound import Audio, write_audio
from devserver.nodes.host import host
from schemas.graph import Graph
from schemas.json_values import JsonObject

CONTAINERS = ("auto", "mp4")
CODECS = ("auto", "h264")


@dataclass(frozen=True)
class Video:
    """VIDEO between nodes: frames [count, height, width, channels], frames per second, and a soundtrack or none."""

    images: NDArray[np.float32]
    fps: Fraction
    audio: Audio | None


class CreateVideo:
    folders: ClassVar[Folders]
    CATEGORY = "image/video"
    DESCRIPTION = "Create a video from images."
    DISPLAY_NAME = "Create Video"
    RETURN_TYPES = ("VIDEO",)
    FUNCTION = "create"

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        return {
            "required": {
                "images": ("IMAGE", {"tooltip": "The images to create a video from."}),
                "fps": ("FLOAT", {"default": 30.0, "min": 1.0, "max": 120.0, "step": 1.0}),
            },
            "optional": {"audio": ("AUDIO", {"tooltip": "The audio to add to the video."})},
        }

    def create(self, images: NDArray[np.float32], fps: float, audio: Audio | None = None) -> tuple[Video]:
        return (Video(images, Fraction(round(fps * 1000), 1000), audio),)


class SaveVideo:
    folders: ClassVar[Folders]
    CATEGORY = "image/video"
    DESCRIPTION = "Saves the input images to your ComfyUI output directory."
    DISPLAY_NAME = "Save Video"
    RETURN_TYPES = ()
    OUTPUT_NODE = True
    FUNCTION = "save"

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        tip = (
            "The prefix for the file to save. This may include formatting information such as %date:yyyy-MM-dd% or "
            "%Empty Latent Image.width% to include values from nodes."
        )
        prefix = {"tooltip": tip, "default": "video/ComfyUI", "multiline": False}
        combo = {"default": "auto", "multiselect": False}
        container = combo | {"tooltip": "The format to save the video as.", "options": list(CONTAINERS)}
        codec = combo | {"tooltip": "The codec to use for the video.", "options": list(CODECS)}
        return {
            "required": {
                "video": ("VIDEO", {"tooltip": "The video to save."}),
                "filename_prefix": ("STRING", prefix),
                "format": ("COMBO", container),
                "codec": ("COMBO", codec),
            },
            "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
        }

    def save(  # noqa: PLR0917 - ComfyUI's inputs
        self,
        video: Video,
        filename_prefix: str,
        format: str,  # noqa: A002 - ComfyUI's name
        codec: str,
        prompt: Graph | None = None,
        extra_pnginfo: JsonObject | None = None,
    ) -> OutputNodeResult:
        for value, allowed, what in ((format, CONTAINERS, "VideoContainer"), (codec, CODECS, "VideoCodec")):
            if value not in allowed:
                raise ValueError(f"'{value}' is not a valid {what}")
        _, height, width, _ = video.images.shape
        path, entry = self.folders.save_target(filename_prefix, width=width, height=height).file("mp4")
        tags: dict[str, object] = {**(extra_pnginfo or {}), **({} if prompt is None else {"prompt": prompt})}
        write_mp4(path, video, tags)
        return {"ui": {"images": [entry], "animated": [True]}}


def write_mp4(path: Path, video: Video, tags: Mapping[str, object]) -> None:
    """Write H.264 in yuv420p and, with a soundtrack, AAC cut to the length of the picture; tags as JSON."""
    import av

    count, height, width, _ = video.images.shape
    with av.open(str(path), mode="w", format="mp4", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update({key: json.dumps(value) for key, value in tags.items()})
        picture = container.add_stream("h264", rate=video.fps)
        picture.width, picture.height, picture.pix_fmt = width, height, "yuv420p"
        sound = None
        if video.audio is not None:
            sound = container.add_stream("aac", rate=int(video.audio["sample_rate"]))
            sound.layout = "mono" if video.audio["waveform"].shape[1] == 1 else "stereo"
        for image in video.images:
            host().check()
            frame = av.VideoFrame.from_ndarray(to_pixels(image[..., :3]), format="rgb24")
            container.mux(picture.encode(frame.reformat(format="yuv420p")))
        container.mux(picture.encode(None))
        if sound is not None and video.audio is not None:
            rate = int(video.audio["sample_rate"])
            samples = video.audio["waveform"][0, :, : math.ceil(count * rate / video.fps)]
            write_audio(container, sound, samples, rate)


CLASSES: tuple[type, ...] = (CreateVideo, SaveVideo)
