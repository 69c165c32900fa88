"""Examine a file that a user sent: its kind, whether it can be used, and warnings about it.

The messages are for that user, so they name no path of this machine.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import Field

from devserver.errors.sentences import Said, say
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
    """The reason to refuse a file: `words` follow its name; `message_code` and `values` say them in any language."""

    status: int
    words: str
    hint: str
    message_code: str
    values: dict[str, object]

    @property
    def said(self) -> Said:
        return Said(self.words, self.hint, self.message_code, values=self.values)


def refusal(message_code: str, *, status: int = 422, **values: object) -> Refusal:
    """Return the refusal that says a sentence."""
    said = say(message_code, **values)
    return Refusal(
        status=status, words=said.message, hint=said.hint, message_code=message_code, values=dict(said.values)
    )


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


NO_MEDIA: Final = refusal("file_unknown_format", status=415)
DAMAGED: Final = refusal("file_damaged")
CUT_OFF: Final = refusal("file_cut_off")
REFUSALS: Final = {
    "nothing": refusal("file_without_media", status=415),
    "no_samples": refusal("file_without_samples"),
    "no_numbers": refusal("file_no_numbers"),
    "changes": refusal("file_changes"),
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
        return refusal("file_cut_off_at", seconds=error.seconds, declared_seconds=error.declared_seconds)
    except Undecodable as error:
        return _explain_failure(path, kind, error)
    return content if is_whole(path, kind) else CUT_OFF


def _check_sound(sound: SoundFacts, *, alone: bool) -> Refusal | None:
    """Return the reason to refuse a decoded sound, if any; `alone` says that it has no picture."""
    rate, seconds, peak = sound["sample_rate_hz"], sound["seconds"], sound["peak_dbfs"]
    lowest, highest = RATES_HZ
    if not lowest <= rate <= highest:
        return refusal("file_sample_rate", rate_hz=rate, lowest_hz=lowest, highest_hz=highest)
    if peak > LOUDEST_DBFS:
        return refusal("file_over_full_scale", peak_dbfs=peak, most_dbfs=LOUDEST_DBFS)
    if alone and seconds < SHORTEST_SECONDS:
        return refusal("file_too_short", seconds=seconds, shortest_s=SHORTEST_SECONDS)
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
        return refusal("file_picture_too_large", problem=str(error))
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


def describe_missing_sound(examined: Examined) -> Said | None:
    """Describe why a file has no usable sound, as words after its name; None if it has one."""
    sound = examined.sound
    if sound is None:
        return say("film_without_sound" if examined.media == "video" else "sound_missing")
    if is_silent(sound):
        return say("sound_silent")
    seconds = sound["seconds"]
    return say("sound_too_short", seconds=seconds) if seconds < SHORTEST_SECONDS else None
