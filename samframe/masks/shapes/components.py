"""Connected components and holes, on runs: pieces that touch in neighbouring columns are united."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.runs import xor_runs
from samframe.masks.shapes.pieces import Pieces, cut, join_pieces

__all__ = [
    "component_toggles",
    "count_components",
    "count_holes",
    "hole_toggles",
    "label_pieces",
    "large_toggles",
]

Ints = npt.NDArray[np.integer[Any]]
Labels = npt.NDArray[np.int64]


def label_pieces(pieces: Pieces, height: int, *, connectivity: int) -> tuple[Labels, int]:
    """Number the components of pieces in column-major order.

    Parameters
    ----------
    pieces : (x, y0, y1)
        Sorted pieces of one mask, cut where columns end.
    height : int
        Height of the mask in pixels.
    connectivity : int
        8: pixels that share an edge or a corner belong together. 4: an edge only.

    Returns
    -------
    labels : ndarray of int64, shape (n_pieces,)
        From 0, in the order in which the components begin.
    n_components : int

    Raises
    ------
    MaskError
        If ``connectivity`` is neither 4 nor 8.
    """
    if connectivity not in (4, 8):
        raise MaskError(f"pixels are connected 4 or 8 ways, not {connectivity}")
    x, y0, y1 = pieces
    reach = int(connectivity == 8)  # noqa: PLR2004 - the number of neighbours
    stride = height + 3
    next_column = (x + 1) * stride
    first = np.searchsorted(x * stride + y1, next_column + y0 - reach, side="right")
    last = np.searchsorted(x * stride + y0, next_column + y1 + reach, side="left")
    n_touching = np.maximum(last - first, 0)
    starts = np.cumsum(n_touching) - n_touching
    ours = np.repeat(np.arange(x.size), n_touching)
    theirs = np.arange(ours.size) + np.repeat(first - starts, n_touching)
    roots = _unite(x.size, ours, theirs)
    # A root is the least member of its set, so that counting the roots on the way numbers the sets in their order.
    numbers = np.cumsum(roots == np.arange(x.size))
    return numbers[roots] - 1, int(numbers[-1]) if x.size else 0


def _unite(n_items: int, a: Labels, b: Labels) -> Labels:
    """Return the least member of each item's set, the pairs (a, b), a < b, being of one set and sorted by a."""
    roots = np.arange(n_items)
    roots[b[::-1]] = a[::-1]  # each hangs on the first that it touches
    more = np.flatnonzero(roots[b] != a)
    roots = _shortened(roots)
    a, b = roots[a[more]], roots[b[more]]
    while a.size:  # and few touch more than one
        np.minimum.at(roots, np.maximum(a, b), np.minimum(a, b))
        roots = _shortened(roots)
        a, b = roots[a], roots[b]
        apart = np.flatnonzero(a != b)
        a, b = a[apart], b[apart]
    return roots


def _shortened(roots: Labels) -> Labels:
    """Return the end of each item's path."""
    while True:
        shorter = roots[roots]
        if np.array_equal(shorter, roots):
            return roots
        roots = shorter


def component_toggles(toggles: Ints, size_hw: tuple[int, int], *, connectivity: int) -> list[Ints]:
    """Return the toggles of each component, in the column-major order of their first pixels."""
    pieces = cut(toggles, size_hw[0])
    labels, n_components = label_pieces(pieces, size_hw[0], connectivity=connectivity)
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(n_components + 1))
    x, y0, y1 = (part[order] for part in pieces)
    return [
        join_pieces((x[first:last], y0[first:last], y1[first:last]), size_hw)
        for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ]


def count_components(toggles: Ints, size_hw: tuple[int, int], *, connectivity: int) -> int:
    """Return the number of components."""
    return label_pieces(cut(toggles, size_hw[0]), size_hw[0], connectivity=connectivity)[1]


def large_toggles(toggles: Ints, size_hw: tuple[int, int], min_area: int, *, connectivity: int) -> Ints:
    """Return the toggles of the components of ``min_area`` pixels or more."""
    x, y0, y1 = cut(toggles, size_hw[0])
    labels, n_components = label_pieces((x, y0, y1), size_hw[0], connectivity=connectivity)
    large = np.bincount(labels, weights=y1 - y0, minlength=n_components) >= min_area
    kept = large[labels]
    return join_pieces((x[kept], y0[kept], y1[kept]), size_hw)


def hole_toggles(toggles: Ints, size_hw: tuple[int, int], *, connectivity: int) -> Ints:
    """Return the toggles of all holes: background that the foreground cuts off from the image's edge."""
    (x, y0, y1), enclosed = _holes(toggles, size_hw, connectivity)[:2]
    return join_pieces((x[enclosed], y0[enclosed], y1[enclosed]), size_hw)


def count_holes(toggles: Ints, size_hw: tuple[int, int], *, connectivity: int) -> int:
    """Return the number of holes."""
    _, enclosed, labels = _holes(toggles, size_hw, connectivity)
    return int(np.unique(labels[enclosed]).size)


def _holes(
    toggles: Ints, size_hw: tuple[int, int], connectivity: int
) -> tuple[Pieces, npt.NDArray[np.bool_], Labels]:
    """Return the background's pieces, which of them lie in holes, and their labels.

    Where the foreground connects 8 ways the background connects 4 ways, and the other way round: else two diagonal
    lines could cross.
    """
    height, width = size_hw
    whole = np.array([0, height * width] if height * width else [], dtype=toggles.dtype)
    x, y0, y1 = cut(xor_runs([toggles, whole]), height)
    labels, n_labels = label_pieces((x, y0, y1), height, connectivity=12 - connectivity)
    open_ = np.zeros(n_labels, dtype=bool)
    open_[labels[(x == 0) | (x == width - 1) | (y0 == 0) | (y1 == height)]] = True
    return (x, y0, y1), ~open_[labels], labels
