"""The node that writes sound files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .host import host
from .master import master_sound, measure_sound
from .studio.audio import Samples, Work, sounds_in, stretches
from .studio.decode import measure_file
from .studio.encode import FORMS, Encoder, form_of, overshoot_db
from .studio.mastering import Mastering

AUTO = "auto"
ANYTHING_DBTP = 20.0
ATTEMPTS, SPARE_DB = 3, 0.15
QUALITIES = [AUTO, *dict.fromkeys(quality for form in FORMS.values() for quality in form.qualities)]


class TonewrightConvert:
    """Sound to files: WAV of 16, 24 or 32 float bits, FLAC, MP3, Opus, AAC; the length stays to the sample.

    16 bits are dithered. A rate that the codec lacks becomes the next above. Only where an encoder would push the true
    peak over the ceiling, or where samples would be clipped, the sound is limited first. A lossy file is decoded and
    measured, and written again where it is over all the same. `ui.tonewright` tells that for each file of `ui.audio`.
    """

    DISPLAY_NAME = "Convert (Tonewright)"
    CATEGORY = "tonewright/studio"
    DESCRIPTION = "Saves a sound as WAV, FLAC, MP3, Opus or AAC. An .ogg holds Opus."
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ()
    RETURN_NAMES = ()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        allowed = "; ".join(f"{kind}: {', '.join(form.qualities)}" for kind, form in FORMS.items())
        peaks = f"No true peak of the decoded file shall be over it; {ANYTHING_DBTP:g} leaves the level as it is."
        return {
            "required": {
                "audio": ("AUDIO", {"tooltip": "One sound or more, mono or stereo."}),
                "format": ([*FORMS], {"default": "flac"}),
                "quality": (QUALITIES, {"default": AUTO, "tooltip": f"Bits, or kbit/s. {allowed}"}),
                "sample_rate_hz": ("INT", {"default": 0, "min": 0, "max": 192_000, "tooltip": "0 is the sound's own."}),
                "ceiling_dbtp": (
                    "FLOAT",
                    {"default": 0.0, "min": -12.0, "max": ANYTHING_DBTP, "step": 0.1, "tooltip": peaks},
                ),
                "filename_prefix": ("STRING", {"default": "audio/tonewright"}),
            }
        }

    def run(
        self,
        *,
        audio: Mapping[str, Any],
        format: str,  # noqa: A002 - an input is named as users name it
        quality: str,
        sample_rate_hz: int,
        ceiling_dbtp: float,
        filename_prefix: str,
    ) -> dict[str, Any]:
        sounds, rate = sounds_in(audio)
        _, quality = form_of(format, "" if quality == AUTO else quality)
        work = Work(sum(sound.shape[1] for sound in sounds), 6)
        target = Target(format, quality, sample_rate_hz, ceiling_dbtp)
        entries, reports = [], []
        for sound in sounds:
            path, entry = host().save_path(filename_prefix, format)
            reports.append(convert_sound(sound, rate, target, path, work))
            entries.append(entry)
        work.end()
        return {"ui": {"audio": entries, "tonewright": reports}, "result": ()}


@dataclass(frozen=True)
class Target:
    """The target format of a conversion."""

    kind: str
    quality: str
    to_rate_hz: int
    ceiling_dbtp: float


def convert_sound(sound: Samples, sample_rate_hz: int, target: Target, path: Path, work: Work) -> dict[str, Any]:
    """Write the sound to a file and tells what was done.

    A lossy one is decoded and measured; where it goes over the ceiling, it is written again, limited more.
    """
    room_db = overshoot_db(target.kind, target.quality)
    lossy, kept = room_db > 0, target.ceiling_dbtp >= ANYTHING_DBTP
    if lossy:
        before = measure_sound(sound, sample_rate_hz, work)
        room_db = overshoot_db(target.kind, target.quality, before.loudness_lufs)
        over = before.true_peak_dbtp + room_db > target.ceiling_dbtp
    else:
        over = target.quality != "32f" and float(np.abs(sound).max()) > 1
    about: dict[str, Any] = {}
    for _ in range(ATTEMPTS):
        fitting, reduction_db = sound, 0.0
        if over and not kept:
            ceiling_dbtp = target.ceiling_dbtp if lossy else min(target.ceiling_dbtp, 0.0)
            fitting, reduction_db = _limit(sound, sample_rate_hz, ceiling_dbtp - room_db, work)
        about = _write(fitting, sample_rate_hz, target, path, work) | {"limiter_reduction_db": reduction_db}
        if not lossy:
            return about | {"remark": ""}
        heard = measure_file(path, work.tick)
        about["decoded"] = {
            "loudness_lufs": round(heard.loudness_lufs, 2),
            "true_peak_dbtp": round(heard.true_peak_dbtp, 2),
        }
        over = heard.true_peak_dbtp > target.ceiling_dbtp
        if not over or kept:
            return about | {"remark": ""}
        room_db += heard.true_peak_dbtp - target.ceiling_dbtp + SPARE_DB
    reached = f"{about['decoded']['true_peak_dbtp']:.2f} dBTP"
    return about | {"remark": f"decoded, the file reaches {reached}, over the {target.ceiling_dbtp:g} asked"}


def _limit(sound: Samples, sample_rate_hz: int, ceiling_dbtp: float, work: Work) -> tuple[Samples, float]:
    """Return the sound under a true-peak ceiling, else unchanged; and by how many dB its highest peak came down."""
    limiter = Mastering(loudness_lufs=None, ceiling_dbtp=ceiling_dbtp, sample_rate_hz=sample_rate_hz)
    out, done, _ = master_sound(sound, sample_rate_hz, limiter, work)
    return out, round(done.limiter_reduction_db, 2)


def _write(sound: Samples, sample_rate_hz: int, target: Target, path: Path, work: Work) -> dict[str, Any]:
    quality, to_rate_hz = target.quality, target.to_rate_hz
    with Encoder(path, target.kind, sample_rate_hz, len(sound), quality, to_rate_hz=to_rate_hz) as encoder:
        for _, block in stretches(sound):
            encoder.write(block)
            work.tick()
    return {
        "format": target.kind,
        "quality": encoder.quality,
        "sample_rate_hz": encoder.sample_rate_hz,
        "clipped_samples": encoder.clipped_samples,
    }
