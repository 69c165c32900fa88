"""The node that makes a video of a sound."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .host import host
from .studio.audio import Samples, sound_in
from .studio.encode import FORMS, possible_rate_hz
from .studio.film import FPS, HEIGHT, PALETTES, WIDTH, Film, Style
from .studio.lyrics import lyric_lines

BARS = {"wide": 32, "medium": 48, "fine": 64, "very fine": 96}
# For such pictures, still but for bars, this is nearer to the drawing than "superfast", in less time, as large.
PICTURE_OPTIONS = {"preset": "ultrafast", "crf": "22"}
SOUND_OPTIONS = {"aac_coder": "fast"}
SOUND_BIT_RATE = 256_000


class TonewrightVisualise:
    """A video as long as the sound, 1280x720 at 30 frames a second, H.264 and AAC.

    It shows the spectrum, the whole waveform as progress, a title and lyrics at their times.
    It writes its file as it draws, so a long piece needs no more memory than a short one.
    """

    DISPLAY_NAME = "Visualise (Tonewright)"
    CATEGORY = "tonewright/studio"
    DESCRIPTION = "Makes an MP4 of a sound: spectrum bars, the waveform as progress, a title and lyrics at their times."
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ()
    RETURN_NAMES = ()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        about = "LRC: [01:23.45] words. Lines without times are spread over the piece."
        return {
            "required": {
                "audio": ("AUDIO", {}),
                "title": ("STRING", {"default": ""}),
                "subtitle": ("STRING", {"default": ""}),
                "lyrics": ("STRING", {"default": "", "multiline": True, "tooltip": about}),
                "palette": ([*PALETTES], {"default": "aurora"}),
                "bars": ([*BARS], {"default": "fine"}),
                "filename_prefix": ("STRING", {"default": "video/tonewright"}),
            }
        }

    def run(
        self,
        *,
        audio: Mapping[str, Any],
        title: str,
        subtitle: str,
        lyrics: str,
        palette: str,
        bars: str,
        filename_prefix: str,
    ) -> dict[str, Any]:
        sound, rate = sound_in(audio)
        lines = lyric_lines(lyrics, sound.shape[1] / rate)
        style = Style(PALETTES[palette], BARS[bars], title, subtitle)
        film = Film(sound, rate, style, lines, tick=host().check)
        path, entry = host().save_path(filename_prefix, "mp4")
        try:
            write_film(film, path)
        except BaseException:  # reason: a cancel, too, leaves no half file
            path.unlink(missing_ok=True)
            raise
        lacking = film.lettering.lacking
        report = {
            "seconds": round(film.seconds, 3),
            "frames": film.count,
            "lines": len(lines),
            "remark": f"no font here has the signs {lacking}" if lacking else "",
        }
        return {"ui": {"images": [entry], "animated": [True], "tonewright": [report]}, "result": ()}


def write_film(film: Film, path: Path) -> None:
    """Write pictures and sound side by side, a frame at a time."""
    import av

    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        picture: Any = container.add_stream("libx264", rate=FPS, options=PICTURE_OPTIONS)
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
            setattr(picture.codec_context, name, 1)  # BT.709, of limited range
        layout = "mono" if len(film.sound) == 1 else "stereo"
        rate = possible_rate_hz(FORMS["m4a"], film.rate)
        tone: Any = container.add_stream("aac", rate=rate, layout=layout, options=SOUND_OPTIONS)
        tone.bit_rate = SOUND_BIT_RATE
        for number, drawn in enumerate(film.frames()):
            frame = av.VideoFrame.from_ndarray(drawn.buffer, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(picture.encode(frame))
            edges = (round(at * film.rate / FPS) for at in (number, number + 1))
            part = _part(film.sound, *edges)
            if part.shape[1]:
                heard = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
                heard.sample_rate, heard.time_base = film.rate, Fraction(1, film.rate)
                heard.pts = round(number * film.rate / FPS)
                container.mux(tone.encode(heard))
            host().progress(number, film.count)
        container.mux(picture.encode(None))
        container.mux(tone.encode(None))
    host().progress(film.count, film.count)


def _part(sound: Samples, start: int, end: int) -> Samples:
    return np.ascontiguousarray(sound[:, start:end], np.float32)
