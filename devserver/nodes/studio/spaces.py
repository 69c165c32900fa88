"""Reverberation and echoes of what is sent to them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from .audio import STRETCH, Samples, Work
from .filters import Band, convolve, equalise
from .mixing import Delay, Reverb

FAINTEST: Final = 1e-3  # echoes fainter than this are left out
SIDE_SEED: Final = 11


def room(sent: Samples, reverb: Reverb, sample_rate_hz: int, work: Work) -> Samples:
    """Return a room's reverberation of a mono sound [1, T]: [2, T], about as loud as the sound, cut at its end."""
    length = round(reverb.seconds * sample_rate_hz)
    before = round(reverb.predelay_ms / 1000 * sample_rate_hz)
    taps = 1 << (length + before).bit_length()
    rng = np.random.default_rng(SIDE_SEED)
    response = np.zeros((2, taps), np.float32)
    fall = 10 ** (-3 * np.arange(length) / length)  # 60 dB
    rise = np.minimum(1, np.arange(length) / (0.01 * sample_rate_hz))  # the first reflections are sparse
    response[:, before : before + length] = rng.standard_normal((2, length)) * fall * rise
    bands = [Band("low_cut", reverb.low_cut_hz), Band("high_cut", reverb.high_cut_hz)]
    response = equalise(response, bands, sample_rate_hz, work.tick)
    response /= np.sqrt((response**2).sum(axis=1, keepdims=True))
    spectra = [np.asarray(np.fft.rfft(side, 2 * taps), np.complex64) for side in response]
    return np.concatenate([convolve(sent, spectrum, taps, work.tick) for spectrum in spectra])


def echoes(sent: Samples, delay: Delay, sample_rate_hz: int, work: Work) -> Samples:
    """Return the echoes of a mono sound [1, T]: [2, T], cut at its end."""
    bands = [Band("low_cut", delay.low_cut_hz), Band("high_cut", delay.high_cut_hz)]
    sound = equalise(sent, bands, sample_rate_hz, work.tick)[0]
    out = np.zeros((2, len(sound)), np.float32)
    step = round(delay.seconds * sample_rate_hz)
    count = 1 + (int(math.log(FAINTEST) / math.log(delay.feedback)) if delay.feedback > FAINTEST else 0)
    for number in range(count):
        late, level = step * (number + 1), np.float32(delay.feedback**number)
        for start in range(late, len(sound), STRETCH * 8):
            heard = sound[start - late : start - late + STRETCH * 8][: len(sound) - start] * level
            place = out[:, start : start + len(heard)]
            if delay.ping_pong:
                place[number % 2] += heard * np.float32(math.sqrt(2))
            else:
                place += heard
            work.tick()
    return out
