"""Examine a file that a user sent: its kind, whether it can be used, and warnings about it.

The messages are for that user, so they name no path of this machine.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import Field

from devserver.media.chunks import boxes_are_whole, is_whole
from devserver.media.measure import Content, Truncated, Undecodable, measure
from devserver.media.mixdown import FULL, channel_names, mix_down
from devserver.media.opening import open_media
from devserver.media.remarks import (
    FileFacts,
    Frozen,
    PictureFacts,
    Remark,
    SoundFacts,
    decibels,
    find_remarks,
    is_silent,
)
from devserver.media.sound_analysis import SoundAnalyser, SoundAnalysis
from devserver.system.sniff import KINDS, Kind, Medium, sniff

if TYPE_CHECKING:
    from av.video.stream import VideoStream

SHORTEST_SECONDS: Final = 0.1
RATES_HZ: Final = (1_000, 768_000)
LOUDEST_DBFS: Final = 100.0  # whole numbers taken for fractions reach 90 to 187; at 140 an AAC encoder does not end
UNKNOWN: Final = "application/octet-stream"
# FFmpeg's names of the containers that have no magic of their own in `sniff`.
PICTURES: Final = "_pipe"
CONTAINERS: Final = {"mpegts": Kind("video", "video/mp2t", "ts"), "mpeg": Kind("video", "video/mpeg", "mpg")}


class Refusal(Frozen):
    """The reason to refuse a file: `words` follow its name."""

    status: int
    words: str
    hint: str


class Mix(Frozen):
    """The stereo mix of a sound that has more channels, a FLAC file."""

    sha256: str


class Examined(Frozen):
    """The result for a file; `facts` has `sound` and `picture`, each None if the file has none."""

    version: int = 1
    media: Medium
    mime: str
    ext: str
    facts: FileFacts = Field(default_factory=FileFacts)
    warnings: tuple[Remark, ...] = ()
    refusal: Refusal | None = None
    mix: Mix | None = None

    @property
    def kind(self) -> Kind:
        return Kind(self.media, self.mime, self.ext)

    @property
    def sound(self) -> SoundFacts | None:
        return self.facts.get("sound")

    @property
    def picture(self) -> PictureFacts | None:
        return self.facts.get("picture")


NO_MEDIA: Final = Refusal(
    status=415,
    words="is not a sound, film or picture in a known format.",
    hint="The content decides, not the name. Any sound that FFmpeg decodes may be sent.",
)
EXPORT_AGAIN: Final = "Export or copy it again and send it whole."
DAMAGED: Final = Refusal(status=422, words="cannot be read to its end: it is damaged or cut off.", hint=EXPORT_AGAIN)
CUT_OFF: Final = Refusal(status=422, words="is cut off: its end is missing.", hint=EXPORT_AGAIN)
REFUSALS: Final = {
    "nothing": Refusal(status=415, words="has neither sound nor picture.", hint="Send a sound, a film or a picture."),
    "no_samples": Refusal(status=422, words="holds no sound: it has a header, but not one sample.", hint=EXPORT_AGAIN),
    "no_numbers": Refusal(
        status=422,
        words="has samples that are not numbers (NaN or infinite), so its sound cannot be used.",
        hint="A plug-in may have failed in your project: look for silence or crackling, and export it again.",
    ),
    "changes": Refusal(
        status=422,
        words="is put together of pieces with different sample rates or channels.",
        hint="Export it again as one piece.",
    ),
}


def examine(path: Path, name: str, mix_to: Path) -> Examined:
    """Decode a file to its end and describe its content.

    Args:
        path: an existing file.
        name: the name that it had where it comes from, or ''.
        mix_to: the path for a stereo mix, written if the sound has more channels.
    """
    kind = sniff(path, name or None)
    if kind.mime == UNKNOWN:
        kind = _probe(path) or kind
    if kind.media == "file" and kind.ext != "mid":
        return _refuse(kind, NO_MEDIA)
    analyser = SoundAnalyser()
    content = _decode(path, kind, analyser)
    if isinstance(content, Refusal):
        return _refuse(kind, content)
    if kind.media not in ("audio", "video"):
        return _accept(kind, {"picture": _image_facts(content)} if kind.media == "image" else {})
    analysis = analyser.result() if content.peak_dbfs is not None else None
    facts = _stream_facts(path, content, analysis)
    sound = facts.get("sound")
    if sound is not None and (why := _check_sound(sound, alone=facts.get("picture") is None)) is not None:
        return _refuse(kind, why)
    mix: Mix | None = None
    mixed: tuple[Remark, ...] = ()
    if sound is not None and analysis is not None and analysis.mixed_peak is not None:
        mix, mixed = _write_mix(path, mix_to, sound, analysis.mixed_peak)
    warnings = (*mixed, *find_remarks(sound)) if sound is not None else ()
    return _accept(kind, facts, warnings, mix)


def _decode(path: Path, kind: Kind, analyser: SoundAnalyser) -> Content | Refusal:
    try:
        content = measure(path, kind=kind, hear=analyser.add)
    except Truncated as error:
        words = f"is cut off or damaged: {error.seconds:.1f} of {error.declared_seconds:.1f} seconds can be read."
        return Refusal(status=422, words=words, hint=EXPORT_AGAIN)
    except Undecodable as error:
        return _explain_failure(path, kind, error)
    return content if is_whole(path, kind) else CUT_OFF


def _check_sound(sound: SoundFacts, *, alone: bool) -> Refusal | None:
    """Return the reason to refuse a decoded sound, if any; `alone` says that it has no picture."""
    rate, seconds, peak = sound["sample_rate_hz"], sound["seconds"], sound["peak_dbfs"]
    lowest, highest = RATES_HZ
    if not lowest <= rate <= highest:
        words = f"has a sample rate of {rate} Hz; {lowest} to {highest} Hz are allowed."
        return Refusal(status=422, words=words, hint="Its header may be damaged. " + EXPORT_AGAIN)
    if peak > LOUDEST_DBFS:
        words = f"has samples {peak:.0f} dB over full scale, so it cannot be played."
        return Refusal(status=422, words=words, hint="Its numbers may be of another format. " + EXPORT_AGAIN)
    if alone and seconds < SHORTEST_SECONDS:
        words = f"is {seconds:.3f} seconds long; the shortest usable sound has {SHORTEST_SECONDS:g}."
        return Refusal(status=422, words=words, hint="Send a longer one.")
    return None


def _accept(kind: Kind, facts: FileFacts, warnings: tuple[Remark, ...] = (), mix: Mix | None = None) -> Examined:
    whole = FileFacts(sound=facts.get("sound"), picture=facts.get("picture"))
    return Examined(media=kind.media, mime=kind.mime, ext=kind.ext, facts=whole, warnings=warnings, mix=mix)


def _refuse(kind: Kind, why: Refusal) -> Examined:
    return Examined(media=kind.media, mime=kind.mime, ext=kind.ext, refusal=why)


def _probe(path: Path) -> Kind | None:
    """Return the kind that FFmpeg detects in a file with unknown first bytes."""
    import av

    try:
        with open_media(path) as container:
            name = container.format.name.split(",")[0]
            sound, picture = bool(container.streams.audio), bool(container.streams.video)
    except (av.FFmpegError, ValueError):
        return None
    if not sound and not picture:
        return None
    if (kind := CONTAINERS.get(name)) is not None:
        return kind
    ext = "".join(letter for letter in name.removesuffix(PICTURES) if letter.isalnum())[:5]
    media: Medium = "image" if name.endswith(PICTURES) else "video" if picture else "audio"
    return KINDS[ext] if ext in KINDS and KINDS[ext].media == media else Kind(media, f"{media}/x-{ext}", ext)


def _explain_failure(path: Path, kind: Kind, error: Undecodable) -> Refusal:
    if error.reason in REFUSALS:
        return REFUSALS[error.reason]
    if error.reason == "too_large":
        return Refusal(status=422, words=f"is too large: {error}.", hint="Send a smaller picture.")
    if _ends_early(path, kind, error):
        return CUT_OFF
    return DAMAGED


def _ends_early(path: Path, kind: Kind, error: Undecodable) -> bool:
    """Tell whether the end is missing, rather than a part in between damaged."""
    import av

    if isinstance(error.__cause__, av.EOFError) or "truncated" in str(error).lower():
        return True
    return kind.ext in ("mp4", "m4a", "mov") and not boxes_are_whole(path)


def _image_facts(content: Content) -> PictureFacts:
    return {"codec": content.codec, "width": content.width, "height": content.height}


def _stream_facts(path: Path, content: Content, analysis: SoundAnalysis | None) -> FileFacts:
    """Return the facts of the first sound and the first picture."""
    facts = FileFacts(sound=None, picture=None)
    with open_media(path) as container:
        if analysis is not None:
            stream = container.streams.audio[0]
            facts["sound"] = {
                "codec": content.codec,
                "seconds": round(content.seconds or 0.0, 6),
                "sample_rate_hz": content.sample_rate_hz or 0,
                "channels": content.channels,
                "layout": stream.layout.name,
                "streams": len(container.streams.audio),
                "peak_dbfs": round(content.peak_dbfs or 0.0, 2),
                "clipped_share": round(analysis.clipped_share, 6),
                "silent_share": round(analysis.silent_share, 4),
                "dc_offset": round(analysis.dc_offset, 5),
                "correlation": None if analysis.correlation is None else round(analysis.correlation, 4),
                "one_sided": analysis.one_sided,
                "stereo_peak_dbfs": None if analysis.mixed_peak is None else round(decibels(analysis.mixed_peak), 2),
                "float_samples": "flt" in stream.format.name or "dbl" in stream.format.name,
            }
        shown = [one for one in container.streams.video if not _is_cover(one)]
        if shown and content.kind.media == "video":
            rate = shown[0].average_rate
            facts["picture"] = {
                "codec": shown[0].codec_context.name,
                "width": shown[0].width,
                "height": shown[0].height,
                "fps": round(float(rate), 3) if rate else None,
                "streams": len(shown),
            }
    return facts


def _channel_names(path: Path) -> list[str]:
    with open_media(path) as container:
        return channel_names(container.streams.audio[0])


def _is_cover(stream: VideoStream) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _write_mix(path: Path, mix_to: Path, sound: SoundFacts, peak: float) -> tuple[Mix, tuple[Remark, ...]]:
    """Write the stereo mix, and return it with a remark about it."""
    gain = min(1.0, FULL / peak) if peak > 0 else 1.0
    mix_down(path, mix_to, gain)
    with mix_to.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    message = f"It has {sound['channels']} channels ({sound['layout']}); they are mixed down to stereo (ITU-R BS.775)."
    if gain < 1:
        message += f" The mix is {-decibels(gain):.1f} dB softer, to avoid clipping."
    if "LFE" in _channel_names(path):
        message += " The LFE channel is left out."
    return Mix(sha256=digest), (Remark(code="mixed_down", message=message),)


def describe_missing_sound(examined: Examined) -> str:
    """Describe why a file has no usable sound, as words after its name; '' if it has one."""
    sound = examined.sound
    if sound is None:
        return "is a film without sound" if examined.media == "video" else "has no sound"
    if is_silent(sound):
        return "is silent"
    return f"is {sound['seconds']:.3f} seconds long" if sound["seconds"] < SHORTEST_SECONDS else ""
