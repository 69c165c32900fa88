"""What can be told of a finished file from its samples alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devserver.nodes.measure.listen import analyse
from devserver.nodes.music.song import Song
from devserver.nodes.music.treatment import apply_treatments

Samples = NDArray[np.float32]
SAMPLE_RATE_HZ = 48_000
BANDS_HZ = (20, 120, 500, 2_000, 6_000, 16_000)
BAND_NAMES = ("low", "low-mid", "mid", "high", "air")
FULL_SCALE = 0.9999
# A click: a second difference so many times the median of the 60 ms about it, and so large, with no onset of the score
# near it, and no others of its kind around it.
CLICK_RATIO = 40.0
CLICK_LEAST = 0.02
CLICK_WINDOW = 960
ALONE_SAMPLES = 1440
ECHO_BEATS, ECHOES = 0.75, 4  # how the mix repeats the lead
ONSET_BEFORE_SECONDS, ONSET_AFTER_SECONDS = 0.01, 0.04
QUIET_BAND_DB = 40.0  # a third-octave band so far below the loudest is not compared


@dataclass(frozen=True)
class SoundFacts:
    seconds: float
    bpm: float | None
    bpm_confidence: float
    key: str | None
    key_relative: str | None
    loudness_lufs: float
    true_peak_dbtp: float
    clicks: int
    clipped: int
    bands_db: dict[str, float]


def decoded(path: Path) -> tuple[Samples, int]:
    """A file's samples, float32 [C, T], and their rate."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        frames = [out.to_ndarray() for frame in container.decode(stream) for out in resampler.resample(frame)]
        return np.concatenate(frames, axis=1).astype(np.float32), int(stream.rate)


def loudness(path: Path) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak in dBTP, as FFmpeg's ebur128 reads the file."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        graph = av.filter.Graph()
        source = graph.add_abuffer(template=stream)
        meter = graph.add("ebur128", "metadata=1:peak=true")
        sink = graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        graph.configure()
        last: dict[str, Any] = {}
        for frame in [*container.decode(stream), None]:
            graph.push(frame)
            while True:
                try:
                    last = dict(graph.pull().metadata) or last
                except (av.error.BlockingIOError, av.error.EOFError):
                    break
        peak = max(float(last[name]) for name in last if "true_peaks_ch" in name)
        return float(last["lavfi.r128.I"]), 20 * float(np.log10(max(peak, 1e-9)))


def facts(path: Path, song: Song) -> tuple[SoundFacts, Samples]:
    audio, rate = decoded(path)
    heard = analyse(audio, rate, lambda: None)
    lufs, peak = loudness(path)
    return (
        SoundFacts(
            seconds=audio.shape[1] / rate,
            bpm=heard.bpm,
            bpm_confidence=heard.bpm_confidence,
            key=heard.key,
            key_relative=heard.key_relative,
            loudness_lufs=lufs,
            true_peak_dbtp=peak,
            clicks=len(clicks(audio, rate, _onsets(song))),
            clipped=int((np.abs(audio) >= FULL_SCALE).sum()),
            bands_db=bands(audio, rate),
        ),
        audio,
    )


def _onsets(song: Song) -> list[float]:
    """When something begins, in seconds: notes, and the echoes of the lead's."""
    echoes = ECHOES if apply_treatments(song.brief).echo else 0
    starts = {
        note.start_beats + repeat * ECHO_BEATS
        for track in song.tracks
        for note in track.notes
        for repeat in range(1 + echoes if track.part == "lead" else 1)
    }
    return sorted(start * 60 / song.brief.bpm for start in starts)


def clicks(audio: Samples, rate: int, onsets: Sequence[float]) -> list[float]:
    """The times in seconds of lone steps in the wave that no onset explains.

    A wave with sharp edges of its own has them every period; a click stands alone.
    """
    allowed = np.zeros(audio.shape[1] + 1, np.int32)
    for onset in onsets:
        allowed[max(0, min(audio.shape[1], round((onset - ONSET_BEFORE_SECONDS) * rate)))] += 1
        allowed[max(0, min(audio.shape[1], round((onset + ONSET_AFTER_SECONDS) * rate)))] -= 1
    outside = np.cumsum(allowed)[:-1] == 0
    found: set[float] = set()
    for channel in audio:
        bend = np.abs(np.diff(channel, 2, prepend=channel[:1], append=channel[-1:]))
        medians = [float(np.median(bend[at : at + CLICK_WINDOW])) for at in range(0, len(bend), CLICK_WINDOW)]
        for number in range(len(medians)):
            level = max(medians[max(0, number - 1) : number + 2])
            start = number * CLICK_WINDOW
            over = bend[start : start + CLICK_WINDOW] > max(CLICK_LEAST, CLICK_RATIO * level)
            at = start + np.flatnonzero(over & outside[start : start + CLICK_WINDOW])
            if at.size and _stands_alone(bend, int(at[0])):
                found.add(round(int(at[0]) / rate, 3))
    return sorted(found)


def _stands_alone(bend: Samples, at: int) -> bool:
    """Whether no more than one other step half as large lies within 30 ms, a millisecond away or more."""
    first = max(0, at - ALONE_SAMPLES)
    near = first + np.flatnonzero(bend[first : at + ALONE_SAMPLES] > bend[at] / 2)
    apart = near[np.abs(near - at) > ALONE_SAMPLES // 30]
    return int((np.diff(apart, prepend=-ALONE_SAMPLES) > ALONE_SAMPLES // 30).sum()) <= 1


def bands(audio: Samples, rate: int) -> dict[str, float]:
    """Each band's power in dB below that of all bands."""
    power, hz = _power(audio, rate)
    sums = np.array([power[(hz >= low) & (hz < high)].sum() for low, high in pairwise(BANDS_HZ)])
    level = 10 * np.log10(np.maximum(sums, 1e-20) / max(sums.sum(), 1e-20))
    return {name: round(float(value), 1) for name, value in zip(BAND_NAMES, level, strict=True)}


def thirds(audio: Samples, rate: int) -> NDArray[np.float64]:
    """The levels of third-octave bands from 25 Hz to 16 kHz, in dB."""
    power, hz = _power(audio, rate)
    centres = 1000 * 2 ** (np.arange(-16, 13) / 3)
    sums = [power[(hz >= centre / 2 ** (1 / 6)) & (hz < centre * 2 ** (1 / 6))].sum() for centre in centres]
    decibels: NDArray[np.float64] = 10 * np.log10(np.maximum(np.array(sums), 1e-12))
    return decibels


def _power(audio: Samples, rate: int) -> tuple[NDArray[np.float64], NDArray[np.floating[Any]]]:
    """The mean power spectrum of the channels' sum of powers, and its frequencies."""
    size = 8192
    window = np.hanning(size)
    total = np.zeros(size // 2 + 1)
    count = 0
    for channel in audio:
        padded = np.pad(channel, (0, max(0, size - len(channel))))
        frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 2]
        for first in range(0, len(frames), 64):
            total += (np.abs(np.fft.rfft(frames[first : first + 64] * window, axis=1)) ** 2).sum(axis=0)
        count += len(frames)
    return total / max(1, count) / size, np.arange(size // 2 + 1) * (rate / size)


def sections_differ_db(audio: Samples, rate: int, song: Song) -> list[float]:
    """For each pair of neighbouring sections, by how much the third-octave band that differs most differs, in dB."""
    samples_per_bar = song.beats_per_bar * 60 / song.brief.bpm * rate
    levels = [
        thirds(audio[:, round(s.start_bar * samples_per_bar) : round((s.start_bar + s.bars) * samples_per_bar)], rate)
        for s in song.sections
        if s.name != "ending"
    ]
    differences = []
    for one, other in pairwise(levels):
        heard = np.maximum(one, other) > max(one.max(), other.max()) - QUIET_BAND_DB
        differences.append(float(np.abs(one - other)[heard].max()))
    return differences
