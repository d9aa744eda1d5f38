"""Dilation, erosion and boundaries on the runs of many masks: shifted copies of their columns are united."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.runs import bases_of, covered_runs, lay_apart, lay_out, union_runs, whole_runs, xor_runs
from samframe.masks.shapes.pieces import Pieces, cut, cut_many, join_many

__all__ = ["dilate", "erode", "perimeter"]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]

_AT_ONCE = 1 << 16  # pieces of shifted copies that are united at once


def dilate(
    toggles: Ints, offsets: Offsets, sizes_hw: Offsets, radius: int, *, shape: str
) -> tuple[Ints, Offsets]:
    """Return masks grown by a disk or a square.

    Parameters
    ----------
    toggles : ndarray of int, shape (n_toggles,)
    offsets : ndarray of int64, shape (n + 1,)
    sizes_hw : ndarray of int64, shape (n, 2)
        Height and width in pixels.
    radius : int
        Pixels, 0 or more.
    shape : str
        "disk": all pixels at most ``radius`` away. "square": all within ``radius`` rows and columns.

    Returns
    -------
    toggles : ndarray of int
    offsets : ndarray of int64, shape (n + 1,)

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
        return toggles, offsets
    (x, y0, y1), owner = cut_many(toggles, offsets, sizes_hw)
    if shape == "square":
        grown = (x, np.maximum(y0 - radius, 0), np.minimum(y1 + radius, sizes_hw[owner, 0]))
        return _widened(grown, owner, sizes_hw, radius)
    bases, parts, step = bases_of(sizes_hw), [], max(1, _AT_ONCE // x.size)
    tall, width = (side[0] if (side == side[0]).all() else side[owner] for side in sizes_hw.T)
    columns = x * tall + bases[owner]
    for first in range(-radius, radius + 1, step):
        dx = np.arange(first, min(first + step, radius + 1))
        dy = np.array([math.isqrt(radius * radius - d * d) for d in dx.tolist()])[:, None]
        moved = columns + dx[:, None] * tall
        spans = np.empty((*moved.shape, 2), dtype=np.int64)
        np.add(moved, np.maximum(y0 - dy, 0), out=spans[..., 0])
        np.add(moved, np.minimum(y1 + dy, tall), out=spans[..., 1])
        inside = (x >= -dx[:, None]) & (x < width - dx[:, None])
        parts.append(covered_runs((spans if inside.all() else spans[inside]).ravel(), 1))
    return lay_apart(union_runs(parts), bases)


def _widened(pieces: Pieces, owner: Offsets, sizes_hw: Offsets, radius: int) -> tuple[Ints, Offsets]:
    """Grow across the columns: each union with a shifted copy doubles the reach."""
    wide = sizes_hw + np.array([0, 2 * radius])
    bases = bases_of(wide)
    grown: Ints = lay_out(*join_many(pieces, owner, wide), bases)
    reach, wanted = 1, 2 * radius + 1
    while reach < wanted:
        step = min(reach, wanted - reach)
        heights = np.repeat(sizes_hw[:, 0], np.diff(np.searchsorted(grown, bases)))
        grown = union_runs([grown, grown + step * heights])
        reach += step
    (x, y0, y1), owner = cut_many(*lay_apart(grown, bases), wide)
    x -= radius
    inside = (x >= 0) & (x < sizes_hw[owner, 1])
    return join_many((x[inside], y0[inside], y1[inside]), owner[inside], sizes_hw)


def erode(
    toggles: Ints, offsets: Offsets, sizes_hw: Offsets, radius: int, *, shape: str
) -> tuple[Ints, Offsets]:
    """Return masks shrunk by a disk or a square; what lies outside the image counts as background.

    Parameters and errors are those of `dilate`.
    """
    bases = bases_of(sizes_hw)
    whole = whole_runs(bases)
    background = lay_apart(xor_runs([lay_out(toggles, offsets, bases), whole]), bases)
    grown = lay_out(*dilate(*background, sizes_hw, radius, shape=shape), bases)
    (x, y0, y1), owner = cut_many(*lay_apart(xor_runs([grown, whole]), bases), sizes_hw)
    heights, widths = sizes_hw[owner].T
    y0, y1 = np.maximum(y0, radius), np.minimum(y1, heights - radius)
    kept = np.flatnonzero((x >= radius) & (x < widths - radius) & (y0 < y1))
    return join_many((x[kept], y0[kept], y1[kept]), owner[kept], sizes_hw)


def perimeter(toggles: Ints, size_hw: tuple[int, int]) -> int:
    """Return the number of pixel edges between foreground and background, the image's own edge included."""
    x, _, _ = cut(toggles, size_hw[0])
    moved = np.concatenate([toggles, toggles.astype(np.int64) + size_hw[0]])
    moved.sort(kind="stable")
    return 2 * x.size + int((moved[1::2] - moved[::2]).sum())
