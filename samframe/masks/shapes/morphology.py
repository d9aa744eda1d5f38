"""Dilation, erosion and boundaries on runs: shifted copies of a mask's columns are united, no pixel is touched."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.runs import intersection_runs, union_runs, xor_runs
from samframe.masks.shapes.pieces import crop, cut, merge_pieces

__all__ = ["boundary", "dilate", "erode", "perimeter"]

Ints = npt.NDArray[np.integer[Any]]


def dilate(toggles: Ints, size_hw: tuple[int, int], radius: int, *, shape: str) -> Ints:
    """Return a mask grown by a disk or a square.

    Parameters
    ----------
    toggles : ndarray of int
    size_hw : (int, int)
        Height and width in pixels.
    radius : int
        Pixels, 0 or more.
    shape : str
        "disk": all pixels at most ``radius`` away. "square": all within ``radius`` rows and columns.

    Returns
    -------
    ndarray of int

    Raises
    ------
    MaskError
        If the radius is negative or the shape unknown.
    """
    if radius < 0 or shape not in ("disk", "square"):
        raise MaskError(
            f"dilation and erosion take a radius of 0 or more and 'disk' or 'square', not {radius}, {shape!r}"
        )
    if not radius or not toggles.size:
        return toggles
    if shape == "square":
        return _dilate_square(toggles, size_hw, radius)
    x, y0, y1 = cut(toggles, size_hw[0])
    parts = []
    for dx in range(-radius, radius + 1):
        dy = math.isqrt(radius * radius - dx * dx)
        inside = (x + dx >= 0) & (x + dx < size_hw[1])
        grown = (x[inside] + dx, np.maximum(y0[inside] - dy, 0), np.minimum(y1[inside] + dy, size_hw[0]))
        parts.append(merge_pieces(grown, size_hw))
    return union_runs(parts)


def _dilate_square(toggles: Ints, size_hw: tuple[int, int], radius: int) -> Ints:
    """Grow along the columns, then across them: each union with a shifted copy doubles the reach."""
    height, width = size_hw
    x, y0, y1 = cut(toggles, height)
    wide = (height, width + 2 * radius)
    grown: Ints = merge_pieces((x, np.maximum(y0 - radius, 0), np.minimum(y1 + radius, height)), wide).astype(
        np.int64
    )
    reach, wanted = 1, 2 * radius + 1
    while reach < wanted:
        step = min(reach, wanted - reach)
        grown = union_runs([grown, grown + step * height])
        reach += step
    return crop(grown, wide, (radius, 0), size_hw)


def erode(toggles: Ints, size_hw: tuple[int, int], radius: int, *, shape: str) -> Ints:
    """Return a mask shrunk by a disk or a square; what lies outside the image counts as background.

    Parameters and errors are those of `dilate`.
    """
    height, width = size_hw
    whole = np.array([0, height * width] if height * width else [], dtype=toggles.dtype)
    grown = dilate(xor_runs([toggles, whole]), size_hw, radius, shape=shape)
    if not radius or not toggles.size:
        return toggles
    if height <= 2 * radius or width <= 2 * radius:
        return toggles[:0]
    xs = np.arange(radius, width - radius)
    inner = merge_pieces((xs, np.full(xs.size, radius), np.full(xs.size, height - radius)), size_hw)
    return intersection_runs([xor_runs([grown, whole]), inner])


def boundary(toggles: Ints, size_hw: tuple[int, int], radius: int) -> Ints:
    """Return the pixels of a mask that lie within ``radius`` rows and columns of its outside."""
    return xor_runs([toggles, erode(toggles, size_hw, radius, shape="square")])


def perimeter(toggles: Ints, size_hw: tuple[int, int]) -> int:
    """Return the number of pixel edges between foreground and background, the image's own edge included."""
    x, _, _ = cut(toggles, size_hw[0])
    moved = np.concatenate([toggles, toggles.astype(np.int64) + size_hw[0]])
    moved.sort(kind="stable")
    return 2 * x.size + int((moved[1::2] - moved[::2]).sum())
