"""The node that writes sound files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .host import host
from .master import mastered, measured
from .studio.audio import Samples, Work, sounds_in, stretches
from .studio.decode import decoded_blocks
from .studio.encode import FORMS, Encoder, form_of, overshoot_db
from .studio.mastering import Mastering
from .studio.meter import Levels, Meter

AUTO = "auto"
ANYTHING_DBTP = 20.0
QUALITIES = [AUTO, *dict.fromkeys(quality for form in FORMS.values() for quality in form.qualities)]


class TonewrightConvert:
    """Sound to files: WAV of 16, 24 or 32 float bits, FLAC, MP3, Opus, AAC; the length stays to the sample.

    16 bits are dithered. A rate that the codec lacks becomes the next above. Only where an encoder would push the true
    peak over the ceiling, or where samples would be clipped, the sound is limited first; what comes out of a lossy file
    is decoded and measured. `ui.tonewright` tells all that for each file of `ui.audio`.
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
        entries, reports = [], []
        for sound in sounds:
            about: dict[str, Any]
            before = measured(sound, rate, work)
            clipped = quality != "32f" and float(np.abs(sound).max()) > 1
            room_db = overshoot_db(format, quality, before.loudness_lufs)
            over = before.true_peak_dbtp + room_db > ceiling_dbtp if room_db else clipped
            fitting, reduction_db = sound, 0.0
            if over and ceiling_dbtp < ANYTHING_DBTP:
                fitting, reduction_db = _limited(sound, rate, min(ceiling_dbtp, 0.0) - room_db, work)
            path, entry = host().save_path(filename_prefix, format)
            with Encoder(path, format, rate, len(sound), quality, to_rate_hz=sample_rate_hz) as encoder:
                for _, block in stretches(fitting):
                    encoder.write(block)
                    work.tick()
            about = {"format": format, "quality": quality, "sample_rate_hz": encoder.sample_rate_hz, "remark": ""}
            about |= {"clipped_samples": encoder.clipped_samples, "limiter_reduction_db": reduction_db}
            if room_db:
                about |= _decoded(path, ceiling_dbtp, work)
            entries.append(entry)
            reports.append(about)
        work.end()
        return {"ui": {"audio": entries, "tonewright": reports}, "result": ()}


def _limited(sound: Samples, sample_rate_hz: int, ceiling_dbtp: float, work: Work) -> tuple[Samples, float]:
    """The sound under a true-peak ceiling, else unchanged; and by how many dB its highest peak came down."""
    limiter = Mastering(loudness_lufs=None, ceiling_dbtp=ceiling_dbtp, sample_rate_hz=sample_rate_hz)
    out, done, _ = mastered(sound, sample_rate_hz, limiter, work)
    return out, round(done.limiter_reduction_db, 2)


def _decoded(path: Path, ceiling_dbtp: float, work: Work) -> dict[str, Any]:
    """How the file measures once it is decoded again."""
    meter: Meter | None = None
    for block, rate in decoded_blocks(path):
        meter = meter or Meter(rate)
        meter.hear(block)
        work.tick()
    levels = meter.levels() if meter else Levels(-70.0, -150.0, 0.0)
    over = levels.true_peak_dbtp > ceiling_dbtp
    remark = f"decoded, the file reaches {levels.true_peak_dbtp:.2f} dBTP, over the {ceiling_dbtp:g} asked"
    heard = {"loudness_lufs": round(levels.loudness_lufs, 2), "true_peak_dbtp": round(levels.true_peak_dbtp, 2)}
    return {"decoded": heard} | ({"remark": remark} if over else {})
