"""Text as masks. Pillow brings one font, without accents: a system's is taken where the text needs it and there is one.

Where there is none, accents are drawn over Pillow's letters, so that umlauts are there on every machine.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float32]

OWN: Final = ""
# Names that Pillow finds in the folders of Linux, macOS and Windows, the most like its own first.
FACES: Final = (
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "arial.ttf",
    "Helvetica.ttc",
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
)
NO_SIGN: Final = "\U000f0000"
ELLIPSIS: Final = "..."
# Each accent's strokes around the middle of what is over a letter, in parts of the font's size; one point is a dot.
ACCENTS: Final[dict[str, tuple[tuple[tuple[float, float], ...], ...]]] = {
    "\u0308": (((-0.12, 0.0),), ((0.12, 0.0),)),
    "\u0301": (((-0.04, 0.05), (0.07, -0.06)),),
    "\u0300": (((0.04, 0.05), (-0.07, -0.06)),),
    "\u0302": (((-0.1, 0.05), (0.0, -0.05), (0.1, 0.05)),),
    "\u030c": (((-0.1, -0.05), (0.0, 0.05), (0.1, -0.05)),),
    "\u0303": (((-0.12, 0.03), (-0.04, -0.03), (0.04, 0.03), (0.12, -0.03)),),
    "\u0304": (((-0.1, 0.0), (0.1, 0.0)),),
    "\u030a": (((-0.05, 0.0), (0.0, -0.05), (0.05, 0.0), (0.0, 0.05), (-0.05, 0.0)),),
}
SPELT: Final = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "–": "-", "—": "-", "…": "...", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "œ": "oe"}
    | {"„": '"', "‚": "'", "\u00a0": " ", "♪": "*", "ı": "i", "đ": "d"}
)


class Lettering:
    """Sets texts in the one face that has the most of their signs; `lacking` are those that stay boxes."""

    def __init__(self, texts: Iterable[str]) -> None:
        signs = {sign for text in texts for sign in unicodedata.normalize("NFC", text) if not sign.isspace()}
        lacks = {face: {sign for sign in signs if not _has(face, sign)} for face in (OWN, *FACES) if _font(face, 20)}
        drawn = {sign for sign in signs if all(_has(OWN, part) or part in ACCENTS for part in _plain(sign))}
        self.face = min(lacks, key=lambda face: len(lacks[face]))
        self.lacking = "".join(sorted(lacks[self.face]))
        if len(signs - drawn) < len(lacks[self.face]):
            self.face, self.lacking = OWN, "".join(sorted(signs - drawn))

    def words(self, text: str, size: int, width: int, lines: int = 1) -> Mask:
        """Return a text within a width, as a mask of even measures.

        A long one is set smaller, to three quarters, then on several lines, at last cut, with an ellipsis.
        """
        text = unicodedata.normalize("NFC", " ".join(text.split()))
        text = _plain(text) if self.face == OWN else text
        smaller = size
        while smaller > size * 3 // 4 and _length(_font(self.face, smaller), text) > width:
            smaller -= 1
        font = _font(self.face, smaller)
        return _draw(_wrap(text, font, width, lines), font, smaller)


def _plain(text: str) -> str:
    """Return a text in letters and accents: Pillow's own font has the first, we draw the second, and other marks go."""
    apart = unicodedata.normalize("NFD", text.translate(SPELT))
    return "".join(sign for sign in apart if sign in ACCENTS or not unicodedata.combining(sign))


@lru_cache(maxsize=256)
def _font(face: str, size: int) -> Any:
    from PIL import ImageFont

    if face == OWN:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(face, size)
    except OSError:  # not on this machine
        return None


@lru_cache(maxsize=4096)
def _has(face: str, sign: str) -> bool:
    font = _font(face, 20)
    return bytes(font.getmask(sign)) != bytes(font.getmask(NO_SIGN))


def _bare(text: str) -> str:
    return "".join(sign for sign in text if sign not in ACCENTS)


def _length(font: Any, text: str) -> float:
    return float(font.getlength(_bare(text)))


def _wrap(text: str, font: Any, width: int, lines: int) -> list[str]:
    rows, rest = [""], text.split()
    while rest:
        longer = f"{rows[-1]} {rest[0]}".strip()
        if _length(font, longer) <= width:
            rows[-1] = longer
            rest.pop(0)
        elif rows[-1] and len(rows) < lines:
            rows.append("")
        else:
            rows[-1] = _cut(" ".join([rows[-1], *rest]).strip(), font, width)
            break
    return rows


def _cut(text: str, font: Any, width: int) -> str:
    """As much of a text as fits, with an ellipsis."""
    fits, over = 0, len(text) + 1
    while over - fits > 1:
        half = (fits + over) // 2
        if _length(font, text[:half].rstrip() + ELLIPSIS) <= width:
            fits = half
        else:
            over = half
    return text[:fits].rstrip() + ELLIPSIS


def _draw(rows: list[str], font: Any, size: int) -> Mask:
    from PIL import Image, ImageDraw

    up, down = font.getmetrics()
    step, edge = round((up + down) * 1.1), size // 5
    width = round(max(_length(font, row) for row in rows)) + 4 + size // 8
    height = step * len(rows) + edge + 2
    image = Image.new("L", (width + width % 2, height + height % 2))
    draw = ImageDraw.Draw(image)
    for number, row in enumerate(rows):
        y = number * step + edge
        draw.text((2, y), _bare(row), fill=255, font=font)
        for points in _strokes(row, font, size):
            _stroke(draw, [(2 + across, y + along) for across, along in points], size)
    return np.asarray(np.asarray(image) / 255, np.float32)


def _strokes(row: str, font: Any, size: int) -> Iterator[list[tuple[float, float]]]:
    """Yield the strokes of a row's accents, from its upper left corner."""
    before = ""
    for sign in row:
        for stroke in ACCENTS.get(sign, ()):
            middle = _length(font, before) - _length(font, before[-1:]) / 2
            over = font.getbbox(before[-1:] or "x")[1] - 0.13 * size
            yield [(middle + across * size, over + along * size) for across, along in stroke]
        before += "" if sign in ACCENTS else sign


def _stroke(draw: Any, points: list[tuple[float, float]], size: int) -> None:
    if len(points) > 1:
        draw.line(points, fill=255, width=max(2, round(size * 0.06)), joint="curve")
    else:
        (x, y), r = points[0], max(1.5, size * 0.055)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
