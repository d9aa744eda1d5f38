"""The eight drawn shapes: anti-aliased coverage, and the innermost point of a mask."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["depth_map", "draw_coverage", "innermost_xy"]

#: Samples a pixel and axis: a pixel's coverage comes in steps of 1/16.
_OVERSAMPLING = 4


def _polygon(shape: str, aspect: float, waist: float) -> NDArray[np.float64]:
    """Return the outline (n, 2) of a shape in the unit disc, unrotated; `waist` is a star's or cross's thinness."""
    turn = 2 * math.pi
    if shape in ("circle", "ellipse", "ring"):
        angles = np.linspace(0, turn, 180, endpoint=False)
        return np.stack([np.cos(angles), np.sin(angles) / aspect], axis=1)
    if shape in ("square", "rectangle"):
        half = 1 / math.hypot(1, 1 / aspect)
        return half * np.array([(-1, -1 / aspect), (1, -1 / aspect), (1, 1 / aspect), (-1, 1 / aspect)])
    if shape == "triangle":
        angles = np.arange(3) * turn / 3 - turn / 4
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if shape == "star":
        angles = np.arange(10) * turn / 10 - turn / 4
        radii = np.where(np.arange(10) % 2 == 0, 1.0, waist)
        return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    if shape == "cross":
        a = waist
        quarter = np.array([(a, 1.0), (a, a), (1.0, a)])
        turns = [np.array([[0, 1], [-1, 0]]), np.array([[-1, 0], [0, -1]]), np.array([[0, -1], [1, 0]])]
        outline = np.concatenate([quarter, *(quarter[:, :] @ t.T for t in turns)])
        return outline / math.hypot(1, a)
    raise ValueError(f"unknown shape {shape!r}")


def draw_coverage(
    shape: str,
    *,
    size_hw: tuple[int, int],
    centre_xy: tuple[float, float],
    radius: float,
    angle: float = 0.0,
    aspect: float = 1.0,
    waist: float = 0.45,
) -> NDArray[np.float32]:
    """Return how much of each pixel a shape covers.

    Parameters
    ----------
    shape : str
        One of the engine's eight shapes.
    size_hw : (int, int)
        Height and width in pixels.
    centre_xy : (float, float)
        Centre in pixels, from the image's top left corner.
    radius : float
        Radius of the enclosing circle, in pixels.
    angle : float
        Turn in radians.
    aspect : float
        Long over short side, for ellipses and rectangles.
    waist : float
        A star's or ring's inner over outer radius; half a cross's arm over its half length.

    Returns
    -------
    ndarray of float32, shape (height, width)
        From 0 to 1.

    Raises
    ------
    ValueError
        If the shape is unknown.
    """
    outline = _polygon(shape, aspect, waist) * radius
    cos, sin = math.cos(angle), math.sin(angle)
    outline = outline @ np.array([[cos, sin], [-sin, cos]])
    height, width = size_hw
    x0, y0 = (max(0, math.floor(c - radius - 1)) for c in centre_xy)
    x1 = min(width, math.ceil(centre_xy[0] + radius + 1))
    y1 = min(height, math.ceil(centre_xy[1] + radius + 1))
    coverage = np.zeros(size_hw, np.float32)
    if x1 <= x0 or y1 <= y0:
        return coverage
    origin = np.array([centre_xy[0] - x0, centre_xy[1] - y0])
    canvas = Image.new("L", ((x1 - x0) * _OVERSAMPLING, (y1 - y0) * _OVERSAMPLING))
    pen = ImageDraw.Draw(canvas)
    pen.polygon([(x, y) for x, y in ((outline + origin) * _OVERSAMPLING - 0.5).tolist()], fill=255)
    if shape == "ring":
        pen.polygon([(x, y) for x, y in ((outline * waist + origin) * _OVERSAMPLING - 0.5).tolist()], fill=0)
    fine = np.asarray(canvas, np.float32) / 255
    blocks = fine.reshape(y1 - y0, _OVERSAMPLING, x1 - x0, _OVERSAMPLING)
    coverage[y0:y1, x0:x1] = blocks.mean(axis=(1, 3))
    return coverage


def depth_map(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return how many octagonal erosions each pixel of a mask survives; the image's border erodes too.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)

    Returns
    -------
    ndarray of int32, shape (height, width)
        0 outside the mask.
    """
    depth = np.zeros(mask.shape, np.int32)
    ys, xs = np.nonzero(mask)
    if not ys.size:
        return depth
    window = np.s_[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    alive = np.pad(mask[window], 1)
    found = np.zeros(alive.shape, np.int32)
    use_diagonals = False
    while alive.any():
        found += alive
        rows = alive[1:-1]
        kept = rows[:, 1:-1] & alive[:-2, 1:-1] & alive[2:, 1:-1] & rows[:, :-2] & rows[:, 2:]
        if use_diagonals:
            kept &= alive[:-2, :-2] & alive[:-2, 2:] & alive[2:, :-2] & alive[2:, 2:]
        use_diagonals = not use_diagonals
        alive = np.pad(kept, 1)
    depth[window] = found[1:-1, 1:-1]
    return depth


def innermost_xy(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the pixel of a mask that lies farthest from its edge (the one nearest to the centroid, in a tie).

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)

    Returns
    -------
    (int, int)
        Column and row.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    if not mask.any():
        raise ValueError("an empty mask has no innermost point")
    depth = depth_map(mask)
    ys, xs = np.nonzero(depth == depth.max())
    mean_y, mean_x = (axis.mean() for axis in np.nonzero(mask))
    nearest = int(np.argmin((ys - mean_y) ** 2 + (xs - mean_x) ** 2))
    return int(xs[nearest]), int(ys[nearest])
