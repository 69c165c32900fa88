"""A picture in video's own planes, yuv420p of BT.709, with colours laid over it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Mask = NDArray[np.float32]
Rgb = tuple[float, float, float]

TO_YUV: Final = np.array(
    [[0.2126, 0.7152, 0.0722], [-0.114572, -0.385428, 0.5], [0.5, -0.454153, -0.045847]], np.float64
)


def yuv(rgb: NDArray[np.float64] | Rgb) -> NDArray[np.float64]:
    """Colours [..., 3] from 0 to 1 as Y 16..235 and U, V 16..240."""
    return np.asarray(np.asarray(rgb, np.float64) @ TO_YUV.T) * (219, 224, 224) + (16, 128, 128)


class Picture:
    """One frame: `y` of full size, `u` and `v` of half. `buffer` is all of it, as encoders take it."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.buffer = np.zeros((height * 3 // 2, width), np.uint8)
        self.y = self.buffer[:height]
        quarter = height // 4
        self.u = self.buffer[height : height + quarter].reshape(height // 2, width // 2)
        self.v = self.buffer[height + quarter :].reshape(height // 2, width // 2)

    def copy(self) -> Picture:
        other = Picture(self.width, self.height)
        other.buffer[:] = self.buffer
        return other

    def paint(self, image: NDArray[np.float64], x: int = 0, y: int = 0) -> None:
        """Put a picture [h, w, 3] of colours from 0 to 1 at an even place. It is dithered, so that no bands show."""
        values = yuv(image)
        half = values.reshape(values.shape[0] // 2, 2, values.shape[1] // 2, 2, 3).mean(axis=(1, 3))
        rng = np.random.default_rng(3)
        luma, u, v = (_dither(plane, rng) for plane in (values[..., 0], half[..., 1], half[..., 2]))
        self.y[y : y + luma.shape[0], x : x + luma.shape[1]] = luma
        self.u[y // 2 : y // 2 + u.shape[0], x // 2 : x // 2 + u.shape[1]] = u
        self.v[y // 2 : y // 2 + v.shape[0], x // 2 : x // 2 + v.shape[1]] = v

    def blend(self, mask: Mask, x: int, y: int, rgb: Rgb, strength: float = 1.0) -> None:
        """Lays a colour over the picture where the mask [h, w], of even size at an even place, is above 0."""
        luma, u, v = yuv(rgb)
        full = mask * np.float32(strength)
        half = full.reshape(full.shape[0] // 2, 2, full.shape[1] // 2, 2).mean(axis=(1, 3))
        for plane, cover, value, at_x, at_y in (
            (self.y, full, luma, x, y),
            (self.u, half, u, x // 2, y // 2),
            (self.v, half, v, x // 2, y // 2),
        ):
            place = plane[at_y : at_y + cover.shape[0], at_x : at_x + cover.shape[1]]
            place += np.rint((np.float32(value) - place) * cover).astype(np.int16).astype(np.uint8)

    def restore(self, other: Picture, x: int, y: int, width: int, height: int) -> None:
        """Take a rectangle of even measures from another picture of the same size."""
        for own, its, by in ((self.y, other.y, 1), (self.u, other.u, 2), (self.v, other.v, 2)):
            at = slice(y // by, (y + height) // by), slice(x // by, (x + width) // by)
            own[at] = its[at]


def _dither(plane: NDArray[np.float64], rng: np.random.Generator) -> Plane:
    return np.clip(np.floor(plane + rng.random(plane.shape)), 0, 255).astype(np.uint8)
