"""Drum kits: every instrument made from sines and shaped noise, with the differences between kits in a table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from .dsp import (
    Array,
    Samples,
    Spectrum,
    cycle,
    decay,
    fast_length,
    filter_band,
    frequency_hz,
    from_spectrum,
    noise,
    phase_of,
    ramp,
    read_tables,
    response,
    samples,
    sine,
    spectrum,
    ticks,
)

PAN = {
    36: 0.0,
    37: -0.25,
    38: 0.0,
    39: 0.1,
    42: 0.22,
    45: -0.35,
    46: 0.22,
    47: 0.0,
    49: -0.3,
    50: 0.35,
    51: 0.35,
    60: -0.28,
    61: -0.18,
    70: -0.3,
}
CHOKES = {42: 46}  # a closed hat ends an open one
TAKES = 3  # different recordings of one instrument, so that repeated hits are not identical


@dataclass(frozen=True)
class Kit:
    """Frequencies in Hz, times in seconds to -60 dB."""

    kick_hz: float = 48.0
    kick_sweep: float = 150.0
    kick_ring: float = 0.5
    kick_click: float = 0.35
    kick_drive: float = 1.8
    snare_hz: float = 190.0
    snare_ring: float = 0.24
    snare_tone: float = 0.55
    snare_low_hz: float = 1300.0
    hat_low_hz: float = 7500.0
    hat_ring: float = 0.09
    hat_metal: float = 0.35
    cymbal_ring: float = 1.8
    tom_hz: float = 90.0
    tom_ring: float = 0.4
    room: float = 0.0  # share of a short room
    room_seconds: float = 0.35
    top_hz: float = 20_000.0
    kick_level: float = 1.0
    cymbal_level: float = 1.0  # of hats, cymbals and shaker


KITS: dict[str, Kit] = {
    "breaks": Kit(kick_hz=52, kick_ring=0.36, snare_hz=205, snare_ring=0.26, snare_tone=0.6, room=0.16, hat_ring=0.1),
    "nine": Kit(
        kick_hz=47,
        kick_sweep=190,
        kick_ring=0.5,
        kick_drive=2.2,
        kick_level=0.8,
        snare_hz=180,
        hat_metal=0.5,
        hat_ring=0.08,
        cymbal_level=1.7,
    ),
    "eight": Kit(
        kick_hz=44,
        kick_sweep=120,
        kick_ring=0.6,
        kick_level=0.85,
        snare_hz=175,
        snare_ring=0.3,
        snare_low_hz=1800,
        hat_metal=0.7,
        hat_ring=0.06,
        cymbal_level=1.5,
    ),
    "dusty": Kit(
        kick_hz=55,
        kick_ring=0.34,
        kick_click=0.2,
        kick_drive=1.4,
        snare_ring=0.2,
        room=0.12,
        top_hz=8500,
        hat_low_hz=5500,
        cymbal_level=1.4,
    ),
    "gated": Kit(
        kick_hz=50,
        kick_ring=0.42,
        snare_hz=170,
        snare_ring=0.34,
        snare_tone=0.5,
        room=0.45,
        room_seconds=0.6,
        cymbal_ring=2.2,
        cymbal_level=1.2,
    ),
    "soft": Kit(
        kick_hz=50,
        kick_click=0.05,
        kick_drive=1.0,
        kick_level=0.7,
        top_hz=7000,
        hat_low_hz=5000,
        room=0.4,
        room_seconds=1.2,
        cymbal_level=1.4,
    ),
    "rock": Kit(
        kick_hz=58,
        kick_ring=0.34,
        kick_click=0.6,
        snare_hz=210,
        snare_ring=0.3,
        snare_tone=0.7,
        room=0.25,
        room_seconds=0.5,
    ),
    "dub": Kit(
        kick_hz=52,
        kick_ring=0.4,
        kick_click=0.25,
        kick_drive=1.5,
        snare_hz=240,
        snare_ring=0.2,
        snare_tone=0.7,
        tom_hz=110,
        room=0.22,
        room_seconds=0.8,
        top_hz=12_000,
        cymbal_level=1.5,
    ),
    "brushes": Kit(
        kick_hz=62,
        kick_ring=0.26,
        kick_click=0.08,
        kick_drive=1.0,
        kick_level=0.8,
        snare_hz=220,
        snare_ring=0.16,
        snare_tone=0.2,
        snare_low_hz=2200,
        hat_low_hz=6500,
        hat_ring=0.07,
        hat_metal=0.2,
        room=0.2,
        room_seconds=0.5,
        cymbal_level=1.6,
    ),
    "orchestra": Kit(
        kick_hz=40,
        kick_sweep=30,
        kick_ring=1.4,
        kick_click=0.1,
        kick_drive=1.0,
        snare_hz=230,
        snare_ring=0.18,
        snare_tone=0.3,
        snare_low_hz=1800,
        cymbal_ring=3.0,
        tom_hz=73,
        tom_ring=1.3,
        room=0.5,
        room_seconds=1.6,
        top_hz=14_000,
    ),
    "folk": Kit(
        kick_hz=60,
        kick_ring=0.3,
        kick_click=0.15,
        kick_drive=1.1,
        snare_hz=200,
        snare_ring=0.16,
        snare_tone=0.35,
        snare_low_hz=1600,
        hat_low_hz=6000,
        room=0.25,
        room_seconds=0.6,
        top_hz=12_000,
        cymbal_level=1.4,
    ),
}


def tune_kit(kit: Kit, tonic: int) -> Kit:
    """Return the kit with its kick and toms tuned to a pitch class, as near as may be to where they were."""
    return replace(kit, kick_hz=_nearest_hz(kit.kick_hz, tonic), tom_hz=_nearest_hz(kit.tom_hz, tonic))


def _nearest_hz(hz: float, tonic: int) -> float:
    pitch = 69 + 12 * math.log2(hz / 440)
    return frequency_hz(pitch + (tonic - pitch + 6) % 12 - 6)


def hit(kit: Kit, pitch: int, take: int, seed: int) -> Samples:
    """One take of an instrument, float32 [2, n], peak about 1."""
    rng = np.random.default_rng((seed, pitch, take))
    sound = np.asarray(_MAKERS[pitch](kit, rng), np.float32)
    if kit.top_hz < 20_000:
        sound = filter_band(np.append(sound, np.zeros(samples(0.01), np.float32)), 0, kit.top_hz)
    stereo = _in_room(sound, kit) if kit.room else np.stack([sound, sound])
    fade = min(stereo.shape[1], samples(0.004))
    stereo[:, -fade:] *= ramp(1, 0, fade)
    stereo *= np.array([[min(1.0, 1 - PAN[pitch])], [min(1.0, 1 + PAN[pitch])]], np.float32)
    return stereo


def _in_room(dry: Samples, kit: Kit) -> Samples:
    length = samples(kit.room_seconds)
    size = fast_length(len(dry) + length)
    wet = from_spectrum(spectrum(dry, size) * _walls(kit.room_seconds, size), size)[:, : len(dry) + length]
    wet *= np.float32(kit.room)
    wet[:, : len(dry)] += dry
    return wet


@lru_cache(maxsize=24)
def _walls(room_seconds: float, size: int) -> Spectrum:
    """Return a room's response for a transform of `size`: [2, size / 2 + 1]. A whole kit shares one."""
    rng, length = np.random.default_rng(7), samples(room_seconds)
    walls = np.stack([noise(rng, length, 300, 6000) * decay(length, room_seconds) for _ in range(2)])
    walls /= np.sqrt((walls**2).sum(axis=1, keepdims=True))
    return response(walls, size)


def _kick(kit: Kit, rng: np.random.Generator) -> Array:
    n = samples(kit.kick_ring)
    at = ticks(0, n)
    pitch = kit.kick_hz + kit.kick_sweep * np.exp(-at / samples(0.022)) + kit.kick_sweep * np.exp(-at / samples(0.004))
    body = np.tanh(kit.kick_drive * sine(pitch, n) * decay(n, kit.kick_ring))
    body[: samples(0.0008)] *= ramp(0, 1, samples(0.0008))
    click = samples(0.012)
    body[:click] += kit.kick_click * noise(rng, click, 1500, 9000) * decay(click, 0.012)
    return np.asarray(body * kit.kick_level)


def _snare(kit: Kit, rng: np.random.Generator) -> Array:
    n = samples(kit.snare_ring + 0.05)
    bend = 1 + 0.4 * np.exp(-ticks(0, n) / samples(0.008))
    head = sine(kit.snare_hz * bend, n) + 0.5 * sine(kit.snare_hz * 1.78 * bend, n)
    wires = noise(rng, n, kit.snare_low_hz, 11_000) * decay(n, kit.snare_ring) * 0.75
    crack = noise(rng, n, 3000, 9000) * decay(n, 0.035) * 0.5
    return np.asarray(np.tanh(1.3 * (kit.snare_tone * head * decay(n, kit.snare_ring * 0.6) + wires + crack)))


def _clap(kit: Kit, rng: np.random.Generator) -> Array:
    n = samples(0.32)
    bursts = np.zeros(n, np.float32)
    for late, level, ring in ((0.0, 0.7, 0.03), (0.011, 0.7, 0.03), (0.022, 1.0, 0.24)):
        start = samples(late)
        bursts[start:] += level * decay(n - start, ring)
    return noise(rng, n, 900, 6000 if kit.top_hz > 8000 else 4000) * np.minimum(bursts, 1.2) * 0.8


def _metal(n: int, low_hz: float, rng: np.random.Generator) -> Array:
    """Six squares in no simple ratio, the sound of machine cymbals."""
    tune_kit = (2.0, 3.0, 4.16, 5.43, 6.79, 8.21)
    squares = np.zeros(n, np.float32)
    for ratio in tune_kit:
        hz = 205.3 * ratio
        squares += read_tables(phase_of(hz, 0, n, rng.random()), cycle("square", hz))[0]
    return filter_band(squares, low_hz, 18_000, 3) * np.float32(0.5)


def _hat(kit: Kit, rng: np.random.Generator, ring: float = 0.0) -> Array:
    ring = ring or kit.hat_ring
    n = samples(ring * 1.1)
    shaped = noise(rng, n, kit.hat_low_hz, 16_000, 3) * (1 - kit.hat_metal) + kit.hat_metal * _metal(
        n, kit.hat_low_hz, rng
    )
    out = shaped * decay(n, ring)
    out[: samples(0.0005)] *= ramp(0, 1, samples(0.0005))
    return out * 0.7 * kit.cymbal_level


def _cymbal(kit: Kit, rng: np.random.Generator, low_hz: float, ring: float, ping: float) -> Array:
    n = samples(ring)
    wash = noise(rng, n, low_hz, 14_000, 2) * 0.6 + _metal(n, low_hz, rng) * kit.hat_metal
    out = wash * decay(n, ring) * (0.35 + 0.65 * decay(n, ring * 0.3))
    out += ping * noise(rng, n, 5000, 12_000) * decay(n, 0.05)
    out[: samples(0.001)] *= ramp(0, 1, samples(0.001))
    return out * 0.6 * kit.cymbal_level


def _tom(kit: Kit, rng: np.random.Generator, ratio: float) -> Array:
    n = samples(kit.tom_ring + 0.02)
    pitch = kit.tom_hz * ratio * (1 + 0.24 / (kit.tom_ring + 0.001) * np.exp(-ticks(0, n) / samples(0.03)))
    skin = noise(rng, n, 400, 4000) * decay(n, 0.05) * 0.25
    return np.asarray(np.tanh(1.5 * sine(pitch, n) * decay(n, kit.tom_ring)) + skin)


def _rim(_kit: Kit, rng: np.random.Generator) -> Array:
    n = samples(0.06)
    knock: Array = sine(1720, n) * 0.6 + sine(820, n) * 0.4 + 0.3 * noise(rng, n, 2000, 9000)
    return knock * decay(n, 0.045)


def _shaker(kit: Kit, rng: np.random.Generator) -> Array:
    n = samples(0.08)
    swell = np.minimum(1, ticks(0, n) / samples(0.014))
    return noise(rng, n, 5500, 13_000, 2) * swell * decay(n, 0.09) * 0.6 * kit.cymbal_level


def _bongo(_kit: Kit, rng: np.random.Generator, hz: float) -> Array:
    n = samples(0.16)
    skin = sine(hz * (1 + 0.3 * np.exp(-ticks(0, n) / samples(0.006))), n) + 0.3 * sine(hz * 1.6, n)
    slap = noise(rng, n, 1500, 7000) * decay(n, 0.02) * 0.5
    return (skin * decay(n, 0.14) + slap) * 0.7


_MAKERS: dict[int, Callable[[Kit, np.random.Generator], Array]] = {
    36: _kick,
    37: _rim,
    38: _snare,
    39: _clap,
    42: _hat,
    45: lambda kit, rng: _tom(kit, rng, 1.0),
    46: lambda kit, rng: _hat(kit, rng, 0.34),
    47: lambda kit, rng: _tom(kit, rng, 1.35),
    49: lambda kit, rng: _cymbal(kit, rng, 4200, kit.cymbal_ring, 0.3),
    50: lambda kit, rng: _tom(kit, rng, 1.75),
    51: lambda kit, rng: _cymbal(kit, rng, 5500, 0.8, 0.5),
    60: lambda kit, rng: _bongo(kit, rng, 390.0),
    61: lambda kit, rng: _bongo(kit, rng, 280.0),
    70: _shaker,
}
