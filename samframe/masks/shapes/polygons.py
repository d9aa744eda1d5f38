"""Masks to polygons along pixel edges, exactly; `_polygon_raster` is the way back.

Corners are whole numbers: pixel (x, y) covers the square from (x, y) to (x + 1, y + 1). Outer rings run clockwise on
the screen, holes the other way round.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.runs import intersection_runs, xor_runs
from samframe.masks.shapes.components import label_pieces
from samframe.masks.shapes.pieces import cut

__all__ = ["trace_polygons"]

Ints = npt.NDArray[np.integer[Any]]
Ring = npt.NDArray[np.int64]


def trace_polygons(toggles: Ints, size_hw: tuple[int, int], *, connectivity: int) -> list[list[Ring]]:
    """Return the outlines of a mask.

    Parameters
    ----------
    toggles : ndarray of int
    size_hw : (int, int)
        Height and width in pixels.
    connectivity : int
        8 or 4; one polygon a component.

    Returns
    -------
    list of list of ndarray
        One polygon a component: its outer ring first, then its holes. A ring is int64 of shape (n, 2), ``x, y`` of
        its corners, the first not repeated at the end.

    Raises
    ------
    MaskError
        If ``connectivity`` is neither 4 nor 8.
    """
    if connectivity not in (4, 8):
        raise MaskError(f"pixels are connected 4 or 8 ways, not {connectivity}")
    height = size_hw[0]
    x, top, bottom, leftward = _walls(toggles, height)
    if not x.size:
        return []
    rings = _closed(_next_walls(x, top, bottom, leftward, connectivity).tolist())
    starts = np.stack([x, np.where(leftward, top, bottom)], axis=1)
    ends = np.stack([x, np.where(leftward, bottom, top)], axis=1)
    traced = [np.stack([starts[ring], ends[ring]], axis=1).reshape(-1, 2) for ring in rings]
    if len(traced) == 1:  # one component without a hole
        return [traced]
    pieces = cut(toggles, height)
    labels, n_components = label_pieces(pieces, height, connectivity=connectivity)
    # The pixel of the foreground beside each ring's first wall says to which component the ring belongs.
    first = np.array([ring[0] for ring in rings])
    pixel = (x[first] - leftward[first]) * (height + 1) + top[first]
    owner = labels[np.searchsorted(pieces[0] * (height + 1) + pieces[1], pixel, side="right") - 1].tolist()
    polygons: list[list[Ring]] = [[] for _ in range(n_components)]
    for component, corners in zip(owner, traced, strict=True):
        of_component = polygons[component]
        of_component.insert(0 if _signed_area(corners) > 0 else len(of_component), corners)
    return polygons


def _closed(after: list[int]) -> list[list[int]]:
    """Return the rings of walls that follow one another, each from its first wall on."""
    seen, rings = [False] * len(after), []
    for first in range(len(after)):
        if seen[first]:
            continue
        ring, wall = [], first
        while not seen[wall]:
            seen[wall] = True
            ring.append(wall)
            wall = after[wall]
        rings.append(ring)
    return rings


def _walls(toggles: Ints, height: int) -> tuple[Ring, Ring, Ring, npt.NDArray[np.bool_]]:
    """Return the upright edges: x, top, bottom, and whether the foreground lies to their left."""
    here = toggles.astype(np.int64)
    moved = here + height
    both = intersection_runs([here, moved])
    right, left = (cut(xor_runs([side, both]), max(height, 1)) for side in (here, moved))
    x, top, bottom = (np.concatenate(pair) for pair in zip(right, left, strict=True))
    return x, top, bottom, np.arange(x.size) >= right[0].size


def _next_walls(
    x: Ring, top: Ring, bottom: Ring, leftward: npt.NDArray[np.bool_], connectivity: int
) -> npt.NDArray[np.int64]:
    """Return, for each wall, the one that follows when the foreground is kept on the right hand.

    Along one horizontal grid line the ends of walls pair up: from the first to the second there is an edge, from the
    third to the fourth ... Where two pixels touch at a corner four edges meet; which of the two ends comes first there
    decides whether the outline passes between the pixels (4) or joins them (8).
    """
    n_walls = x.size
    wall = np.concatenate([np.arange(n_walls)] * 2)
    joins = leftward[wall] if connectivity == 8 else ~leftward[wall]  # noqa: PLR2004 - the number of neighbours
    order = np.lexsort((joins, x[wall], np.concatenate([top, bottom])))
    partner = np.empty(2 * n_walls, dtype=np.int64)
    partner[order[::2]], partner[order[1::2]] = order[1::2], order[::2]
    ends = np.where(leftward, np.arange(n_walls) + n_walls, np.arange(n_walls))
    return wall[partner[ends]]


def _signed_area(corners: Ring) -> int:
    x, y = corners.T
    return int(x[:-1] @ y[1:] - x[1:] @ y[:-1] + x[-1] * y[0] - x[0] * y[-1])
