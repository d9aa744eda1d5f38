"""Moving and scaling masks on their column pieces: crop, translate, resize.

A piece is a span within one column: its column, its first row, and the row after its last. `column_spans` cuts a
mask's toggles into pieces, `join_pieces` puts pieces together again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.masks.rle import position_dtype
from samframe.masks.runs import bases_of, column_spans, covered_runs, lay_apart

__all__ = ["Pieces", "crop", "cut", "join_many", "join_pieces", "resize"]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]
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


def cut_many(toggles: Ints, offsets: Offsets, sizes_hw: Offsets) -> tuple[Pieces, Offsets]:
    """Return the pieces of many masks, and whose each is."""
    x, y0, y1, ends = column_spans(toggles, offsets, np.maximum(sizes_hw[:, 0], 1))
    return (x, y0, y1), np.repeat(np.arange(len(sizes_hw)), np.diff(ends))


def join_many(pieces: Pieces, owner: Offsets, sizes_hw: Offsets) -> tuple[Offsets, Offsets]:
    """Return the toggles of many masks, and where each mask's begin, of pieces in any order that may overlap."""
    x, y0, y1 = pieces
    bases = bases_of(sizes_hw)
    columns = x * sizes_hw[owner, 0]
    columns += bases[owner]
    return lay_apart(covered_runs(np.stack([columns + y0, columns + y1], axis=-1).ravel(), 1), bases)


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


def resize(
    toggles: Ints, offsets: Offsets, size_hw: tuple[int, int], new_size_hw: tuple[int, int]
) -> tuple[Ints, Offsets]:
    """Return masks scaled by nearest neighbour: the pixel under the centre of each new pixel.

    Parameters
    ----------
    toggles : ndarray of int, shape (n_toggles,)
    offsets : ndarray of int64, shape (n + 1,)
    size_hw : (int, int)
        Size of the masks in pixels.
    new_size_hw : (int, int)
        Size wanted.

    Returns
    -------
    toggles : ndarray of int
    offsets : ndarray of int64, shape (n + 1,)
    """
    n_masks = len(offsets) - 1
    (x, y0, y1), owner = cut_many(toggles, offsets, np.broadcast_to(np.array(size_hw), (n_masks, 2)))
    rows, columns = (_sources(old, new) for old, new in zip(size_hw, new_size_hw, strict=True))
    y0, y1 = np.searchsorted(rows, y0), np.searchsorted(rows, y1)
    stride = size_hw[1] + 1
    wanted = (np.arange(n_masks)[:, None] * stride + columns).ravel()
    first, last = (np.searchsorted(owner * stride + x, wanted, side=side) for side in ("left", "right"))
    n_pieces = last - first
    which = np.arange(int(n_pieces.sum())) + np.repeat(first - (np.cumsum(n_pieces) - n_pieces), n_pieces)
    target = np.repeat(np.arange(wanted.size), n_pieces)
    new_sizes = np.broadcast_to(np.array(new_size_hw), (n_masks, 2))
    spans = (target % max(columns.size, 1), y0[which], y1[which])
    return join_many(spans, owner[which], new_sizes)


def _sources(old: int, new: int) -> npt.NDArray[np.int64]:
    """Return the old pixel under the centre of each new one: floor((i + 1/2) * old / new), in whole numbers."""
    return (2 * np.arange(new, dtype=np.int64) + 1) * old // (2 * max(new, 1))
