"""How many pixels every two masks of one size share, pair by pair where few meet, by tables where most do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.masks import runs as _runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pool = tuple[NDArray[Any], NDArray[np.int64]]

__all__ = ["boxes_meet", "shared_pixels"]

#: Up to so many pairs a mask it is cheaper to merge them one by one than to prepare tables of all masks' columns.
_PAIRS_PER_MASK = 24
#: Pairs merged at a time.
_BATCH = 4096
#: Columns of simple masks that are compared at a time: they stay within the processor's cache.
_COLUMNS = 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Masks cut into columns: the pieces' rows y0 to before y1, each mask's first piece, and which masks are simple.

    A simple mask has one piece in every column of its box, so that its pieces can be looked up by column.
    """

    y0: NDArray[np.int32]
    y1: NDArray[np.int32]
    first: NDArray[np.int64]
    simple: NDArray[np.bool_]


def shared_pixels(
    a: Pool,
    b: Pool | None,
    boxes_a: NDArray[np.int64],
    boxes_b: NDArray[np.int64],
    size_hw: tuple[int, int],
) -> NDArray[np.int64]:
    """Return how many pixels each mask of A shares with each mask of B.

    Parameters
    ----------
    a, b : (ndarray of int, shape (n_toggles,); ndarray of int64, shape (n + 1,))
        Toggles and offsets of masks of one size. None for `b`: A with itself, which needs half the work.
    boxes_a, boxes_b : ndarray of int64, shape (n_a, 4) and (n_b, 4)
        Their tight boxes (x, y, width, height).
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of int64, shape (n_a, n_b)
        Of A with itself, the diagonal is 0: what a mask shares with itself is its area.
    """
    meet = boxes_meet(boxes_a[:, None], boxes_b[None])
    rows, across = np.nonzero(meet if b else np.triu(meet, 1))
    shared = np.zeros(meet.shape, dtype=np.int64)
    columns_a = _columns(a, boxes_a, size_hw[0])
    columns_b = _columns(b, boxes_b, size_hw[0]) if b else columns_a
    simple = columns_a.simple[rows] & columns_b.simple[across]
    left, right = rows[simple], across[simple]
    shared[left, right] = _shared_by_simple(columns_a, columns_b, boxes_a[left], boxes_b[right], left, right)
    rows, across = rows[~simple], across[~simple]
    if len(rows) > _PAIRS_PER_MASK * len(boxes_a):
        shared[rows, across] = _runs.intersection_matrix(*a, *(b or a), size_hw)[rows, across]
    else:
        for first in range(0, len(rows), _BATCH):
            left, right = rows[first : first + _BATCH], across[first : first + _BATCH]
            merged = _runs.paired_intersection(*_runs.gather(*a, left), *_runs.gather(*(b or a), right))
            shared[left, right] = merged
    if b:
        return shared
    shared += shared.T
    return shared


def _columns(pool: Pool, boxes: NDArray[np.int64], height: int) -> _Columns:
    x, y0, y1, offsets = _runs.column_spans(*pool, max(height, 1))
    new = np.ones(x.size + 1, dtype=np.int64)
    np.not_equal(x[1:], x[:-1], out=new[1:-1], casting="unsafe")
    n_columns = np.zeros(x.size + 1, dtype=np.int64)  # in which a piece starts a column of its mask
    n_pieces = np.diff(offsets)
    new[offsets[:-1]] = 1
    np.cumsum(new[:-1], out=n_columns[1:])
    filled = np.diff(n_columns[offsets])
    return _Columns(
        y0=y0.astype(np.int32),
        y1=y1.astype(np.int32),
        first=offsets[:-1],
        simple=(n_pieces == boxes[:, 2]) & (filled == n_pieces),
    )


def _shared_by_simple(
    a: _Columns,
    b: _Columns,
    boxes_a: NDArray[np.int64],
    boxes_b: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return what simple masks share pair by pair: boxes that meet, and positions in A and in B, are given of each."""
    begin = np.maximum(boxes_a[:, 0], boxes_b[:, 0])
    end = np.minimum(boxes_a[:, 0] + boxes_a[:, 2], boxes_b[:, 0] + boxes_b[:, 2])
    offsets = np.zeros(len(begin) + 1, dtype=np.int64)
    np.cumsum(end - begin, out=offsets[1:])
    piece_a = a.first[left] + begin - boxes_a[:, 0] - offsets[:-1]
    ahead = b.first[right] + begin - boxes_b[:, 0] - offsets[:-1] - piece_a
    out = np.zeros(len(begin), dtype=np.int64)
    for part in _runs.chunks(offsets, _COLUMNS):
        n_columns = (end - begin)[part]
        ours = np.repeat(piece_a[part], n_columns)
        ours += np.arange(offsets[part.start], offsets[part.stop])
        theirs = np.repeat(ahead[part], n_columns)
        theirs += ours
        overlap = np.minimum(a.y1.take(ours), b.y1.take(theirs))
        overlap -= np.maximum(a.y0.take(ours), b.y0.take(theirs))
        np.maximum(overlap, 0, out=overlap)
        out[part] = np.add.reduceat(overlap, offsets[part] - offsets[part.start], dtype=np.int64)
    return out


def boxes_meet(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which boxes (x, y, width, height), last axis 4, share a pixel; the leading axes broadcast."""
    meet: NDArray[np.bool_] = (a[..., 0] < b[..., 0] + b[..., 2]) & (b[..., 0] < a[..., 0] + a[..., 2])
    meet &= (a[..., 1] < b[..., 1] + b[..., 3]) & (b[..., 1] < a[..., 1] + a[..., 3])
    meet &= (a[..., 2] > 0) & (b[..., 2] > 0)
    return meet
