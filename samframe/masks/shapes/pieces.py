"""Moving and scaling masks on their column pieces: crop, translate, resize.

A piece is a span within one column: its column, its first row, and the row after its last. `column_spans` cuts a
mask's toggles into pieces, `join_pieces` puts pieces together again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.masks.rle import position_dtype
from samframe.masks.runs import column_spans, union_runs

__all__ = ["Pieces", "crop", "cut", "join_pieces", "merge_pieces", "resize"]

Ints = npt.NDArray[np.integer[Any]]
Pieces = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]


def cut(toggles: Ints, height: int) -> Pieces:
    """Return one mask's pieces ``x, y0, y1`` in column-major order, int64 of shape (n_pieces,) each."""
    x, y0, y1, _ = column_spans(toggles, np.array([0, toggles.size]), max(height, 1))
    return x, y0, y1


def join_pieces(pieces: Pieces, size_hw: tuple[int, int]) -> Ints:
    """Return the toggles of pieces that are in column-major order and do not overlap; empty ones are dropped."""
    x, y0, y1 = pieces
    filled = y1 > y0
    if not filled.all():
        x, y0, y1 = x[filled], y0[filled], y1[filled]
    toggles = np.stack([x * size_hw[0] + y0, x * size_hw[0] + y1], axis=1).ravel()
    keep = np.ones(toggles.size, dtype=bool)
    meets = np.flatnonzero(toggles[1:-1:2] == toggles[2::2])  # an end that is the next one's start
    keep[2 * meets + 1] = keep[2 * meets + 2] = False
    return toggles[keep].astype(position_dtype(size_hw[0] * size_hw[1]))


def merge_pieces(pieces: Pieces, size_hw: tuple[int, int]) -> Ints:
    """Return the toggles of the union of pieces in any order; empty ones are dropped."""
    x, y0, y1 = pieces
    filled = np.flatnonzero(y1 > y0)
    spans = np.stack([x[filled] * size_hw[0] + y0[filled], x[filled] * size_hw[0] + y1[filled]], axis=1)
    nothing = np.empty(0, dtype=np.int64)
    return union_runs([spans.ravel(), nothing]).astype(position_dtype(size_hw[0] * size_hw[1]))


def crop(toggles: Ints, size_hw: tuple[int, int], xy: tuple[int, int], new_size_hw: tuple[int, int]) -> Ints:
    """Return the toggles of a window on a mask.

    Parameters
    ----------
    toggles : ndarray of int
    size_hw : (int, int)
        Size of the mask in pixels.
    xy : (int, int)
        The mask's pixel that becomes the first of the window; may lie outside.
    new_size_hw : (int, int)
        Size of the window; what lies outside the mask is background.

    Returns
    -------
    ndarray of int
    """
    x, y0, y1 = cut(toggles, size_hw[0])
    x = x - xy[0]
    inside = (x >= 0) & (x < new_size_hw[1])
    y0 = np.clip(y0[inside] - xy[1], 0, new_size_hw[0])
    y1 = np.clip(y1[inside] - xy[1], 0, new_size_hw[0])
    return join_pieces((x[inside], y0, y1), new_size_hw)


def resize(toggles: Ints, size_hw: tuple[int, int], new_size_hw: tuple[int, int]) -> Ints:
    """Return the toggles of a mask scaled by nearest neighbour: the pixel under the centre of each new pixel.

    Parameters
    ----------
    toggles : ndarray of int
    size_hw : (int, int)
        Size of the mask in pixels.
    new_size_hw : (int, int)
        Size wanted.

    Returns
    -------
    ndarray of int
    """
    if not toggles.size:
        return np.empty(0, dtype=position_dtype(new_size_hw[0] * new_size_hw[1]))
    x, y0, y1 = cut(toggles, size_hw[0])
    rows, columns = (_sources(old, new) for old, new in zip(size_hw, new_size_hw, strict=True))
    y0, y1 = np.searchsorted(rows, y0), np.searchsorted(rows, y1)
    first, last = np.searchsorted(x, columns), np.searchsorted(x, columns, side="right")
    n_pieces = last - first
    starts = np.cumsum(n_pieces) - n_pieces
    which = np.arange(int(n_pieces.sum())) + np.repeat(first - starts, n_pieces)
    return join_pieces((np.repeat(np.arange(columns.size), n_pieces), y0[which], y1[which]), new_size_hw)


def _sources(old: int, new: int) -> npt.NDArray[np.int64]:
    """Return the old pixel under the centre of each new one: floor((i + 1/2) * old / new), in whole numbers."""
    return (2 * np.arange(new, dtype=np.int64) + 1) * old // (2 * max(new, 1))
