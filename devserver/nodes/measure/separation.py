"""A preview of a mix's layers: what is struck, what is low, and the rest. No model, so no voices and no instruments.

Median filters over a spectrogram keep what lasts (along time) or what is broad (along frequency); their shares of the
power are the masks, after D. FitzGerald, "Harmonic/percussive separation using median filtering" (2010).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .spectra import FAST

Samples = NDArray[np.float32]
Spectra = NDArray[np.complex64]

WINDOW_SECONDS = 0.043
OVERLAP = 4
TAPS, APART = 9, 2  # every second of 17 frames or bins: as good a median, in half the time
REACH = TAPS // 2 * APART
FRAMES_AT_ONCE = 128
BASS_HZ = 160.0
BASS_OCTAVES = 0.5  # the width of the crossover
# Exchanges after which the fifth of nine values is their median (J. L. Smith's network).
NETWORK = (
    *((1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3)),
    *((5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7), (4, 2), (6, 4), (4, 2)),
)


def layers(audio: Samples, sample_rate_hz: int, progress: Callable[[int, int], None]) -> tuple[Samples, ...]:
    """Return percussive, bass and harmonic layers of float32 [C, T], which add up to it.

    Both channels share the masks, so that nothing moves in the stereo picture. Beside its outputs it needs the same
    memory for any length. `progress` is called with (done, total) about every second of sound.
    """
    size = 1 << round(np.log2(WINDOW_SECONDS * sample_rate_hz))
    hop = size // OVERLAP
    channels, length = audio.shape
    count = -(-length // hop) + OVERLAP - 1  # frames that hold any sample
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    crossover = _crossover(np.fft.rfftfreq(size, 1 / sample_rate_hz))
    percussive, bass = (np.zeros((channels, (count + OVERLAP) * hop), np.float32) for _ in range(2))
    for first in range(0, count, FRAMES_AT_ONCE):
        frames = min(FRAMES_AT_ONCE, count - first)
        spectra = _spectra(audio, first - REACH, frames + 2 * REACH, window, hop)
        struck = _struck(np.abs(spectra).sum(axis=0))
        own = spectra[:, REACH : REACH + frames]
        _add(percussive, own * struck, first, window, hop)
        _add(bass, own * ((1 - struck) * crossover), first, window, hop)
        progress(first + frames, count)
    start = size - hop
    percussive, bass = (layer[:, start : start + length] for layer in (percussive, bass))
    return percussive, bass, np.asarray(audio - percussive - bass, np.float32)


def _spectra(audio: Samples, first: int, count: int, window: Samples, hop: int) -> Spectra:
    """Return the frames from number `first` on, [C, frames, bins]; frame 0 ends one hop into the sound."""
    size = len(window)
    start, stop = (first + 1) * hop - size, (first + count) * hop
    part = audio[:, max(0, start) : max(0, stop)]
    part = np.pad(part, ((0, 0), (max(0, -start), max(0, stop - start - max(0, -start) - part.shape[1]))))
    windows = np.lib.stride_tricks.sliding_window_view(part, size, axis=1)[:, ::hop]
    return np.fft.rfft(windows * window, axis=2, norm=FAST).astype(np.complex64)


def _add(layer: Samples, spectra: Spectra, first: int, window: Samples, hop: int) -> None:
    """Add frames to a layer, whose sample 0 is where frame 0 begins. Squared, the windows add up to OVERLAP / 2."""
    sound = np.fft.irfft(spectra, len(window), axis=2, norm=FAST).astype(np.float32) * (
        window * np.float32(2 / OVERLAP)
    )
    pieces = sound.reshape(*sound.shape[:2], OVERLAP, hop)
    frames = sound.shape[1]
    for place in range(OVERLAP):
        start = (first + place) * hop
        layer[:, start : start + frames * hop] += pieces[:, :, place].reshape(len(layer), -1)


def _struck(magnitudes: Samples) -> Samples:
    """Return the percussive share of each bin (0 to 1), for all frames but `REACH` on both sides."""
    frames = len(magnitudes) - 2 * REACH
    lasting = _median([magnitudes[tap * APART : tap * APART + frames] for tap in range(TAPS)])
    inner = np.pad(magnitudes[REACH : REACH + frames], ((0, 0), (REACH, REACH)), mode="reflect")
    bins = magnitudes.shape[1]
    broad = _median([inner[:, tap * APART : tap * APART + bins] for tap in range(TAPS)])
    share: Samples = (broad**2 + np.float32(1e-20)) / (broad**2 + lasting**2 + np.float32(2e-20))
    return share


def _median(values: list[Samples]) -> Samples:
    """Return the median of nine arrays, element by element."""
    for low, high in NETWORK:
        values[low], values[high] = np.minimum(values[low], values[high]), np.maximum(values[low], values[high])
    return values[4]


def _crossover(frequencies_hz: NDArray[np.floating[Any]]) -> Samples:
    """Return the bass share of each bin: 1 below, 0 above, half at `BASS_HZ`."""
    octaves = np.log2(np.maximum(frequencies_hz, 1.0) / BASS_HZ)
    share: Samples = (0.5 - 0.5 * np.sin(np.pi / 2 * np.clip(octaves / BASS_OCTAVES, -1, 1))).astype(np.float32)
    return share
