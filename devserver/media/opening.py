"""Open a foreign file so that it cannot make FFmpeg open others."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from av.container import InputContainer

# Formats that list other files and addresses, devices, and formats that draw letters as a picture.
ELSEWHERE: Final = frozenset(
    [
        "alsa",
        "apm",
        "avs",
        "concat",
        "dash",
        "fbdev",
        "ffmetadata",
        "hds",
        "hls",
        "image2",
        "image2pipe",
        "imf",
        "kmsgrab",
        "lavfi",
        "mgsts",
        "msnwctcp",
        "oss",
        "rtp",
        "rtp_mpegts",
        "rtsp",
        "sap",
        "sdp",
        "smoothstreaming",
        "tee",
        "tty",
        "vapoursynth",
        "video4linux2",
        "v4l2",
        "webm_dash_manifest",
        "x11grab",
    ]
)


def open_media(path: Path) -> InputContainer:
    """Return the container at `path`; its content decides the format, not its name.

    Raises:
        av.FFmpegError: FFmpeg does not know the format, or it would open other files.
    """
    import av

    return av.open(str(path), options={"format_whitelist": _formats(), "protocol_whitelist": "file"})


@cache
def _formats() -> str:
    import av

    names = {name for listed in av.formats_available for name in listed.split(",")}
    return ",".join(sorted(names - ELSEWHERE))
