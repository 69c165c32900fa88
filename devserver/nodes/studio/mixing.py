"""A mix plan, and the processing of one stem: equaliser, compressor, level, ducking, place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from .audio import STRETCH, Samples, Work, stretches
from .curves import apply_release, compressor_gain, gain_at, mean_around
from .filters import Band, equalise
from .meter import STEP, Array, Meter, by_tenths, integrated_lufs, lufs
from .plan import Plan

StemName = Literal["drums", "bass", "chords", "lead", "vocals"]
STEMS: Final[tuple[StemName, ...]] = ("drums", "bass", "chords", "lead", "vocals")
QUIETEST_LUFS = -70.0
MIDDLE_LUFS = -20.0  # what a level of 0 is before the sum gets its own


class EqBand(Plan):
    """A band; cuts fall 12 dB an octave."""

    kind: Literal["low_cut", "high_cut", "low_shelf", "high_shelf", "bell"]
    hz: Annotated[float, Field(ge=10, le=20_000)]
    db: Annotated[float, Field(ge=-24, le=24)] = 0.0
    q: Annotated[float, Field(ge=0.1, le=20)] = 0.7


class Compression(Plan):
    """Lower levels above the threshold, which is relative to the stem's own loudness."""

    above_lu: Annotated[float, Field(ge=-30, le=20)] = 0.0
    ratio: Annotated[float, Field(ge=1, le=20)] = 2.0
    attack_ms: Annotated[float, Field(ge=1, le=200)] = 10.0
    release_ms: Annotated[float, Field(ge=10, le=2000)] = 150.0


class Ducking(Plan):
    """Lower the stem while another one's low band sounds. The attack is a ramp, to avoid clicks."""

    by: StemName = "drums"
    depth_db: Annotated[float, Field(ge=0, le=40)]
    attack_ms: Annotated[float, Field(ge=2, le=100)] = 6.0
    release_ms: Annotated[float, Field(ge=20, le=2000)] = 140.0
    below_hz: Annotated[float, Field(ge=40, le=1000)] = 120.0


class StemPlan(Plan):
    """One stem. `level_lu` is its loudness relative to the others' levels; sends are shares of its own level."""

    level_lu: Annotated[float, Field(ge=-40, le=20)]
    mute: bool = False
    pan: Annotated[float, Field(ge=-1, le=1)] = 0.0
    width: Annotated[float, Field(ge=0, le=2)] = 1.0
    eq: Annotated[list[EqBand], Field(max_length=12)] = []
    compress: Compression | None = None
    duck: Ducking | None = None
    reverb: Annotated[float, Field(ge=0, le=1)] = 0.0
    delay: Annotated[float, Field(ge=0, le=1)] = 0.0


class Reverb(Plan):
    """A room: decaying noise after a while of nothing, its ends of the spectrum cut."""

    seconds: Annotated[float, Field(ge=0.1, le=8)] = 1.4
    predelay_ms: Annotated[float, Field(ge=0, le=200)] = 18.0
    low_cut_hz: Annotated[float, Field(ge=20, le=1000)] = 220.0
    high_cut_hz: Annotated[float, Field(ge=1000, le=20_000)] = 7500.0


class Delay(Plan):
    """Echoes: `feedback` is what of each is heard again; ping-pong changes the side each time."""

    seconds: Annotated[float, Field(ge=0.02, le=2)] = 0.375
    feedback: Annotated[float, Field(ge=0, le=0.9)] = 0.35
    ping_pong: bool = True
    low_cut_hz: Annotated[float, Field(ge=20, le=1000)] = 250.0
    high_cut_hz: Annotated[float, Field(ge=1000, le=20_000)] = 4500.0


DEFAULTS: Final[dict[StemName, dict[str, Any]]] = {
    "drums": {
        "level_lu": 0.0,
        "eq": [{"kind": "low_cut", "hz": 28.0}],
        "compress": {"ratio": 2.0, "above_lu": 5.0},
        "reverb": 0.04,
    },
    "bass": {
        "level_lu": -2.0,
        "width": 0.5,
        "eq": [{"kind": "low_cut", "hz": 28.0}],
        "compress": {"ratio": 2.5, "above_lu": 3.0, "attack_ms": 20.0},
        "duck": {"depth_db": 3.0},
    },
    "chords": {
        "level_lu": -4.0,
        "eq": [{"kind": "low_cut", "hz": 110.0}],
        "duck": {"depth_db": 2.0},
        "reverb": 0.14,
    },
    "lead": {"level_lu": -4.5, "eq": [{"kind": "low_cut", "hz": 150.0}], "reverb": 0.16, "delay": 0.14},
    "vocals": {
        "level_lu": -1.0,
        "eq": [{"kind": "low_cut", "hz": 90.0}, {"kind": "bell", "hz": 3500.0, "db": 1.5}],
        "compress": {"ratio": 3.0, "above_lu": -2.0},
        "reverb": 0.12,
        "delay": 0.08,
    },
}


def _default_stems() -> dict[StemName, StemPlan]:
    return {name: StemPlan.model_validate(values) for name, values in DEFAULTS.items()}


class MixPlan(Plan):
    """A mix. A stem that it does not name, and a field of a stem that it leaves out, are as in `DEFAULTS`."""

    stems: dict[StemName, StemPlan] = Field(default_factory=_default_stems)
    reverb: Reverb = Reverb()
    delay: Delay = Delay()
    loudness_lufs: Annotated[float, Field(ge=-36, le=-8)] = -18.0
    ceiling_dbtp: Annotated[float, Field(ge=-12, le=0)] = -1.0
    tail_seconds: Annotated[float, Field(ge=0, le=20)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("stems", {}), dict):
            return data
        given = data.get("stems", {})
        stems = {name: values | (given.get(name) or {}) for name, values in DEFAULTS.items() if _is_plan(given, name)}
        return data | {"stems": given | stems}


def _is_plan(given: dict[str, Any], name: str) -> bool:
    return isinstance(given.get(name, {}), dict)


@dataclass(frozen=True)
class Placed:
    """A stem as it sounds in the mix, [2, T], before the sum's own level, and what was done to it."""

    sound: Samples
    report: dict[str, float]


def ducking_curve(key: Samples, duck: Ducking, sample_rate_hz: int, work: Work) -> Array:
    """Return the gain that a key's low band leaves to a ducked stem, at most 1, for every 32 samples."""
    low = equalise(key, [Band("high_cut", duck.below_hz)] * 2, sample_rate_hz, work.tick)
    power = _step_powers(low)
    loud = float(np.percentile(power[power > 0], 98)) if power.any() else 0.0
    if not loud:
        return np.ones(len(power))
    down_db = duck.depth_db * np.minimum(1.0, power / loud)
    steps_in_a_second = sample_rate_hz / STEP
    followed = apply_release(down_db, duck.release_ms / 1000 * steps_in_a_second)
    ramp = max(1, round(duck.attack_ms / 2000 * steps_in_a_second))
    return np.asarray(10 ** (-mean_around(followed, ramp) / 20))


def place_stem(stem: Samples, plan: StemPlan, duck: Array | None, sample_rate_hz: int, work: Work) -> Placed:
    """One stem equalised, put in its place, compressed, brought to its level and ducked."""
    bands = [Band(band.kind, band.hz, band.db, band.q) for band in plan.eq]
    sound = equalise(stem, bands, sample_rate_hz, work.tick)
    out = np.empty((2, sound.shape[1]), np.float32)
    matrix, meter = stereo_matrix(plan.pan, plan.width), Meter(sample_rate_hz)
    for start, block in stretches(sound):
        both = block if len(block) == 2 else np.repeat(block, 2, axis=0)
        out[:, start : start + STRETCH] = matrix @ both
        meter.add(out[:, start : start + STRETCH])
        work.tick()
    _, energies = meter.steps()
    own_lufs = _lufs(energies, sound.shape[1], sample_rate_hz)
    curve = np.ones(len(energies))
    if plan.compress and own_lufs > QUIETEST_LUFS:
        curve = _compressor_curve(energies, own_lufs, plan.compress, sample_rate_hz)
    compressed_lufs = _lufs(energies * curve**2, sound.shape[1], sample_rate_hz)
    gain = 10 ** ((MIDDLE_LUFS + plan.level_lu - compressed_lufs) / 20) if compressed_lufs > QUIETEST_LUFS else 0.0
    whole = gain * (curve if duck is None else curve * duck[: len(curve)])
    for start, block in stretches(out):
        np.multiply(block, gain_at(whole, start, block.shape[1]), out=block)
        work.tick()
    report = {"loudness_lufs": own_lufs, "gain_db": 20 * math.log10(gain) if gain else 0.0, "level_lu": plan.level_lu}
    report["compressed_db"] = _depth_db(curve)
    report["ducked_db"] = _depth_db(duck) if duck is not None else 0.0
    return Placed(out, {key: round(value, 2) for key, value in report.items()})


def stereo_matrix(pan: float, width: float) -> Samples:
    """From left and right to left and right: the sides apart by `width`, then both towards one of them by `pan`.

    The side that is panned away from moves over by a sine, and leaves by a cosine: fully panned, both are on one side.
    """
    middle, side = (1 + width) / 2, (1 - width) / 2
    near, far = math.sin(abs(pan) * math.pi / 2), math.cos(abs(pan) * math.pi / 2)
    towards = np.array([[1, near], [0, far]]) if pan < 0 else np.array([[far, 0], [near, 1]])
    return np.asarray((towards @ np.array([[middle, side], [side, middle]])).round(9), np.float32)


def _compressor_curve(energies: Array, loudness_lufs: float, plan: Compression, sample_rate_hz: int) -> Array:
    steps_in_a_second = sample_rate_hz / STEP
    reach = max(1, round(plan.attack_ms / 2000 * steps_in_a_second))
    level_db = lufs(mean_around(energies, reach) / STEP)
    down_db = compressor_gain(level_db - loudness_lufs - plan.above_lu, plan.ratio, 6.0)
    followed = apply_release(down_db, plan.release_ms / 1000 * steps_in_a_second)
    return np.asarray(10 ** (-mean_around(followed, reach) / 20))


def _step_powers(sound: Samples) -> Array:
    padded = np.pad(sound, ((0, 0), (0, -sound.shape[1] % STEP)))
    by_step = padded.reshape(len(sound), -1, STEP)
    return np.asarray(np.einsum("cij,cij->i", by_step, by_step), np.float64)


def _lufs(energies: Array, length: int, sample_rate_hz: int) -> float:
    return integrated_lufs(by_tenths(energies, length, sample_rate_hz))


def _depth_db(curve: Array) -> float:
    return -20 * math.log10(float(curve.min(initial=1.0)))
