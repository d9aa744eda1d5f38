"""Masks to polygons along pixel edges and back, exactly.

Corners are whole numbers: pixel (x, y) covers the square from (x, y) to (x + 1, y + 1). Outer rings run clockwise on
the screen, holes the other way round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks._components import label_pieces
from samframe.masks._counts import position_dtype
from samframe.masks._pieces import cut
from samframe.masks._toggles import intersection_runs, union_runs, xor_runs

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["polygon_toggles", "trace_polygons"]

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
    height = size_hw[0]
    pieces = cut(toggles, height)
    labels, n_components = label_pieces(pieces, height, connectivity=connectivity)
    polygons: list[list[Ring]] = [[] for _ in range(n_components)]
    x, top, bottom, leftward = _walls(toggles, height)
    if not x.size:
        return polygons
    after = _next_walls(x, top, bottom, leftward, connectivity).tolist()
    # The pixel of the foreground beside each wall's top says to which component the wall belongs.
    pixel = (x - leftward) * (height + 1) + top
    owner = labels[np.searchsorted(pieces[0] * (height + 1) + pieces[1], pixel, side="right") - 1].tolist()
    starts = np.stack([x, np.where(leftward, top, bottom)], axis=1)
    ends = np.stack([x, np.where(leftward, bottom, top)], axis=1)
    seen = [False] * len(after)
    for first in range(len(after)):
        if seen[first]:
            continue
        ring, wall = [], first
        while not seen[wall]:
            seen[wall] = True
            ring.append(wall)
            wall = after[wall]
        corners = np.stack([starts[ring], ends[ring]], axis=1).reshape(-1, 2)
        rings = polygons[owner[first]]
        rings.insert(0 if _signed_area(corners) > 0 else len(rings), corners)
    return polygons


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
    return int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def polygon_toggles(polygons: Iterable[Any], size_hw: tuple[int, int]) -> Ints:
    """Return the toggles of the union of polygons: a pixel is inside where its centre is.

    Parameters
    ----------
    polygons : iterable
        Each a ring, or a list of rings of which those inside others are holes (even-odd rule). A ring is an (n, 2)
        array of ``x, y`` or COCO's flat list ``x, y, x, y ...``, in pixels from the image's top left corner.
    size_hw : (int, int)
        Height and width in pixels.

    Raises
    ------
    MaskError
        If a ring is of another form, has fewer than three corners, or is not finite.
    """
    parts = [_fill([_ring(ring) for ring in _rings(polygon)], size_hw) for polygon in polygons]
    return union_runs(parts).astype(position_dtype(size_hw[0] * size_hw[1]))


def _rings(polygon: Any) -> list[Any]:
    """Return the rings of a polygon that may be one ring."""
    if isinstance(polygon, np.ndarray):
        return [polygon] if polygon.ndim < 3 else list(polygon)  # noqa: PLR2004 - a stack of rings
    rings = list(polygon)
    flat = bool(rings) and np.ndim(rings[0]) == 0
    corners = bool(rings) and all(np.ndim(part) == 1 and len(part) == 2 for part in rings)  # noqa: PLR2004 - x, y
    return [np.asarray(rings)] if flat or corners else rings


def _ring(ring: Any) -> npt.NDArray[np.float64]:
    try:
        corners = np.asarray(ring, dtype=np.float64)
        corners = corners.reshape(-1, 2) if corners.ndim == 1 else corners
    except (TypeError, ValueError):
        raise MaskError(
            "a polygon's ring is an array of shape (n, 2) or a flat list x, y, x, y ..."
        ) from None
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:  # noqa: PLR2004 - three corners (x, y)
        raise MaskError(f"a polygon's ring has three corners (x, y) or more, not shape {corners.shape}")
    if not np.isfinite(corners).all():
        raise MaskError("a polygon's corners are finite numbers")
    return corners


def _fill(rings: list[npt.NDArray[np.float64]], size_hw: tuple[int, int]) -> Ints:
    """Return the toggles inside rings, even-odd: where the line down a column's middle crosses an edge, it toggles."""
    height, width = size_hw
    if not rings or not height * width:
        return np.empty(0, dtype=np.int64)
    here = np.concatenate(rings)
    there = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    low, high = np.minimum(here[:, 0], there[:, 0]), np.maximum(here[:, 0], there[:, 0])
    first = np.clip(np.ceil(low - 0.5), 0, width).astype(np.int64)
    last = np.clip(np.ceil(high - 0.5), 0, width).astype(np.int64)
    n_columns = last - first
    edge = np.repeat(np.arange(first.size), n_columns)
    x = np.arange(edge.size) + np.repeat(first - (np.cumsum(n_columns) - n_columns), n_columns)
    run = there[edge, 0] - here[edge, 0]
    y = here[edge, 1] + (x + 0.5 - here[edge, 0]) * ((there[edge, 1] - here[edge, 1]) / run)
    rows = np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64)
    return xor_runs([np.sort(x * height + rows)])
