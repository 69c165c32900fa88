"""ComfyUI's audio nodes, as far as a graph without models needs them."""

from __future__ import annotations

import hashlib
import mimetypes
import secrets
from typing import ClassVar

import numpy as np

from devserver.host.folders import Folders, OutsideFolder
from devserver.host.node_class import InputSpec, InputTypes, Options, OutputNodeResult
from devserver.host.stock.sound import Audio, Samples, decode, encode, resample
from schemas.graph import Graph
from schemas.json_values import JsonObject

NO_BOUND = 0xFFFFFFFFFFFFFFFF
HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}

Made = tuple[Audio, ...]


class _AudioNode:
    folders: ClassVar[Folders]
    CATEGORY = "audio"
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ("AUDIO",)


class EmptyAudio(_AudioNode):
    DISPLAY_NAME = "Empty Audio"
    FUNCTION = "create"

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        tip = "Duration of the empty audio clip in seconds"
        seconds: Options = {"default": 60.0, "min": 0.0, "max": NO_BOUND, "step": 0.01, "tooltip": tip}
        rate = {"default": 44100, "tooltip": "Sample rate of the empty audio clip."}
        channels = {"default": 2, "min": 1, "max": 2, "tooltip": "Number of audio channels (1 for mono, 2 for stereo)."}
        return {
            "required": {
                "duration": ("FLOAT", seconds),
                "sample_rate": ("INT", rate),
                "channels": ("INT", channels),
            }
        }

    def create(self, duration: float, sample_rate: int, channels: int) -> Made:
        samples = np.zeros((1, channels, round(duration * sample_rate)), np.float32)
        return ({"waveform": samples, "sample_rate": sample_rate},)


class LoadAudio(_AudioNode):
    DISPLAY_NAME = "Load Audio"
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        names = sorted(entry.name for entry in cls.folders.input.iterdir() if _is_media(entry.name))
        return {"required": {"audio": ([*names], {"audio_upload": True})}}

    @classmethod
    def VALIDATE_INPUTS(cls, audio: str) -> bool | str:
        try:
            exists = cls.folders.input_file(audio).exists()
        except OutsideFolder:
            exists = False
        return exists or f"Invalid audio file: {audio}"

    @classmethod
    def IS_CHANGED(cls, audio: str) -> str:
        return hashlib.sha256(cls.folders.input_file(audio).read_bytes()).hexdigest()

    def load(self, audio: str) -> Made:
        samples, rate = decode(self.folders.input_file(audio))
        return ({"waveform": samples[None], "sample_rate": rate},)


class _SaveNode(_AudioNode):
    RETURN_TYPES = ()
    OUTPUT_NODE = True
    FUNCTION = "save"
    KIND = "flac"
    QUALITIES: ClassVar[tuple[str, ...]] = ()
    DEFAULT_QUALITY = ""
    TYPE = "output"

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        required: dict[str, InputSpec] = {
            "audio": ("AUDIO",),
            "filename_prefix": ("STRING", {"default": "audio/ComfyUI"}),
        }
        if cls.QUALITIES:
            required["quality"] = (list(cls.QUALITIES), {"default": cls.DEFAULT_QUALITY})
        return {"required": required, "hidden": dict(HIDDEN)}

    def save(
        self,
        audio: Audio,
        filename_prefix: str,
        quality: str = "",
        prompt: Graph | None = None,
        extra_pnginfo: JsonObject | None = None,
    ) -> OutputNodeResult:
        target = self.folders.save_target(filename_prefix, self.TYPE)
        tags: dict[str, object] = {**({} if prompt is None else {"prompt": prompt}), **(extra_pnginfo or {})}
        entries = []
        for index, samples in enumerate(audio["waveform"]):
            path, entry = target.file(self.KIND, index)
            path.write_bytes(encode(samples, int(audio["sample_rate"]), self.KIND, quality, tags))
            entries.append(entry)
        return {"ui": {"audio": entries}}


class SaveAudio(_SaveNode):
    DISPLAY_NAME = "Save Audio (FLAC)"


class SaveAudioMP3(_SaveNode):
    DISPLAY_NAME = "Save Audio (MP3)"
    KIND = "mp3"
    QUALITIES = ("V0", "128k", "320k")
    DEFAULT_QUALITY = "V0"


class SaveAudioOpus(_SaveNode):
    DISPLAY_NAME = "Save Audio (Opus)"
    KIND = "opus"
    QUALITIES = ("64k", "96k", "128k", "192k", "320k")
    DEFAULT_QUALITY = "128k"


class PreviewAudio(_SaveNode):
    DISPLAY_NAME = "Preview Audio"
    TYPE = "temp"
    # A name per process, as in ComfyUI: temp is emptied at the start, and a name must not come back for another file.
    PREFIX = f"ComfyUI_temp_{secrets.token_hex(3)}"

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        return {"required": {"audio": ("AUDIO",)}, "hidden": dict(HIDDEN)}

    FUNCTION = "preview"

    def preview(
        self, audio: Audio, prompt: Graph | None = None, extra_pnginfo: JsonObject | None = None
    ) -> OutputNodeResult:
        return self.save(audio, self.PREFIX, prompt=prompt, extra_pnginfo=extra_pnginfo)


class TrimAudioDuration(_AudioNode):
    DISPLAY_NAME = "Trim Audio Duration"
    FUNCTION = "trim"
    DESCRIPTION = "Trim audio tensor into chosen time range."

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        tip = "Start time in seconds, can be negative to count from the end (supports sub-seconds)."
        start: Options = {"default": 0.0, "min": -NO_BOUND, "max": NO_BOUND, "step": 0.01, "tooltip": tip}
        duration = {"default": 60.0, "min": 0.0, "step": 0.01, "tooltip": "Duration in seconds"}
        return {
            "required": {
                "audio": ("AUDIO",),
                "start_index": ("FLOAT", start),
                "duration": ("FLOAT", duration),
            }
        }

    def trim(self, audio: Audio, start_index: float, duration: float) -> Made:
        samples, rate = audio["waveform"], audio["sample_rate"]
        length = samples.shape[-1]
        start = round(start_index * rate) + (length if start_index < 0 else 0)
        start = max(0, min(start, length - 1))
        end = min(start + round(duration * rate), length)
        if start >= end:
            raise ValueError(f"nothing is left of {length / rate:g} s from {start_index:g} s on for {duration:g} s")
        return ({"waveform": samples[..., start:end], "sample_rate": rate},)


class AudioConcat(_AudioNode):
    DISPLAY_NAME = "Audio Concat"
    FUNCTION = "concat"
    DESCRIPTION = "Concatenates the audio1 to audio2 in the specified direction."

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        tip = "Whether to append audio2 after or before audio1."
        return {
            "required": {
                "audio1": ("AUDIO",),
                "audio2": ("AUDIO",),
                "direction": (["after", "before"], {"default": "after", "tooltip": tip}),
            }
        }

    def concat(self, audio1: Audio, audio2: Audio, direction: str) -> Made:
        first, second, rate = _to_same_rate(audio1, audio2)
        # ComfyUI makes both stereo before joining them.
        parts = [np.repeat(part, 2, axis=1) if part.shape[1] == 1 else part for part in (first, second)]
        joined = np.concatenate(parts if direction == "after" else parts[::-1], axis=2)
        return ({"waveform": joined, "sample_rate": rate},)


class AudioMerge(_AudioNode):
    DISPLAY_NAME = "Audio Merge"
    FUNCTION = "merge"
    DESCRIPTION = "Combine two audio tracks by overlaying their waveforms."

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        tip = "The method used to combine the audio waveforms."
        return {
            "required": {
                "audio1": ("AUDIO",),
                "audio2": ("AUDIO",),
                "merge_method": (["add", "mean", "subtract", "multiply"], {"tooltip": tip}),
            }
        }

    def merge(self, audio1: Audio, audio2: Audio, merge_method: str) -> Made:
        first, second, rate = _to_same_rate(audio1, audio2)
        missing = max(0, first.shape[-1] - second.shape[-1])
        second = np.pad(second, ((0, 0), (0, 0), (0, missing)))[..., : first.shape[-1]]
        if merge_method == "add":
            merged = first + second
        elif merge_method == "subtract":
            merged = first - second
        elif merge_method == "multiply":
            merged = first * second
        else:
            merged = (first + second) / 2
        peak = float(np.max(np.abs(merged), initial=0.0))
        return ({"waveform": merged / peak if peak > 1.0 else merged, "sample_rate": rate},)


class AudioAdjustVolume(_AudioNode):
    DISPLAY_NAME = "Audio Adjust Volume"
    FUNCTION = "adjust_volume"

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        tip = "Volume adjustment in decibels (dB). 0 = no change, +6 = double, -6 = half, etc"
        volume = {"default": 1.0, "min": -100, "max": 100, "tooltip": tip}
        return {"required": {"audio": ("AUDIO",), "volume": ("INT", volume)}}

    def adjust_volume(self, audio: Audio, volume: int) -> Made:
        return ({"waveform": audio["waveform"] * 10 ** (volume / 20), "sample_rate": audio["sample_rate"]},)


class SplitAudioChannels(_AudioNode):
    DISPLAY_NAME = "Split Audio Channels"
    FUNCTION = "separate"
    RETURN_TYPES = ("AUDIO", "AUDIO")
    RETURN_NAMES = ("left", "right")
    DESCRIPTION = "Separates the audio into left and right channels."

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        return {"required": {"audio": ("AUDIO",)}}

    def separate(self, audio: Audio) -> Made:
        samples: Samples = audio["waveform"]
        if samples.shape[1] != 2:
            raise ValueError(f"audio has {samples.shape[1]} channel; 2 are needed to split it")
        return tuple(
            {"waveform": samples[:, channel : channel + 1], "sample_rate": audio["sample_rate"]} for channel in (0, 1)
        )


def _is_media(name: str) -> bool:
    kind = mimetypes.guess_type(name, strict=False)[0] or ""
    return kind.startswith(("audio/", "video/"))


def _to_same_rate(first: Audio, second: Audio) -> tuple[Samples, Samples, int]:
    """Return both sounds at the higher of the two rates."""
    rate = max(int(first["sample_rate"]), int(second["sample_rate"]))
    one, two = (resample(audio["waveform"], int(audio["sample_rate"]), rate) for audio in (first, second))
    return one, two, rate


CLASSES: tuple[type, ...] = (
    EmptyAudio,
    LoadAudio,
    SaveAudio,
    SaveAudioMP3,
    SaveAudioOpus,
    PreviewAudio,
    TrimAudioDuration,
    AudioConcat,
    AudioMerge,
    AudioAdjustVolume,
    SplitAudioChannels,
)
