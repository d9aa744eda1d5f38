"""Paint for drawn scenes: colours, textures, light and noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TEXTURES", "Texture", "light_field", "paint_layer", "smooth_noise"]

TEXTURES: tuple[str, ...] = ("stripes", "checks", "dots", "blobs")


#: Dots fill about a quarter of the ground.
_DOT_EDGE = 0.9


class Texture(NamedTuple):
    """One pattern: its kind, period in pixels, turn in radians, and swing in grey levels."""

    kind: str
    period: float
    angle: float
    swing: float


def smooth_noise(rs: np.random.RandomState, size: int, period: float) -> NDArray[np.float32]:
    """Return square value noise between -1 and 1 whose blobs are about `period` pixels wide."""
    cells = max(2, math.ceil(size / period) + 1)
    coarse = rs.uniform(-1, 1, (cells, cells)).astype(np.float32)
    field = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(np.clip(np.asarray(field, np.float32) * 1.3, -1, 1), np.float32)


def _pattern(texture: Texture, size: int, rs: np.random.RandomState) -> NDArray[np.float32]:
    """Return the pattern of a texture, between -1 and 1, shape (size, size)."""
    if texture.kind == "blobs":
        return smooth_noise(rs, size, texture.period)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    cos, sin = math.cos(texture.angle), math.sin(texture.angle)
    k = 2 * math.pi / texture.period
    u, v = k * (cos * x + sin * y), k * (cos * y - sin * x)
    if texture.kind == "stripes":
        return np.asarray(np.clip(1.6 * np.sin(u), -1, 1), np.float32)
    if texture.kind == "checks":
        return np.asarray(np.clip(2.2 * np.sin(u) * np.sin(v), -1, 1), np.float32)
    return np.where(np.cos(u) + np.cos(v) > _DOT_EDGE, 1.0, -0.45).astype(np.float32)


def paint_layer(
    colour: tuple[float, float, float], texture: Texture | None, size: int, rs: np.random.RandomState
) -> NDArray[np.float32]:
    """Return a square of one colour, textured in lightness only.

    Parameters
    ----------
    colour : (float, float, float)
        sRGB, 0-255.
    texture : Texture or None
        None paints flat.
    size : int
        Side in pixels.
    rs : numpy.random.RandomState
        Where blobs come from.

    Returns
    -------
    ndarray of float32, shape (size, size, 3)
    """
    layer = np.broadcast_to(np.asarray(colour, np.float32), (size, size, 3))
    if texture is None:
        return layer.copy()
    # Light colours can only darken and dark ones only lighten: the swing is shifted, its mean stays near the colour.
    room = np.clip(np.asarray(colour, np.float32), texture.swing * 0.6, 255 - texture.swing * 0.6)
    return room + texture.swing * _pattern(texture, size, rs)[..., None]


def light_field(size: int, angle: float, strength: float) -> NDArray[np.float32]:
    """Return a linear fall of light, 1 in the middle, shape (size, size, 1)."""
    y, x = np.mgrid[:size, :size].astype(np.float32) / max(1, size - 1) - 0.5
    slope = math.cos(angle) * x + math.sin(angle) * y
    return np.asarray(1 + strength * slope[..., None], np.float32)
