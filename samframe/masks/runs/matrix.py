"""Every mask against every other: shared pixels as a matrix.

In one column of an image a simple mask is one span. Spans of one column meet in ``min(ends) - max(starts)`` pixels,
so a row of the matrix is four passes over a table (masks x columns), which numpy does many values at a time. The
few other spans of a column are compared one by one; a mask that has many (noise) is merged pair by pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.masks.runs.toggles import bboxes, chunks, column_spans, gather, paired_intersection

__all__ = ["intersection_matrix"]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]

_MAX_MORE = 0.5  # spans a column, beside its first, above which a mask counts as noisy
_TABLE_CELLS = 1 << 23  # of one layer: 16 or 32 MB a table
_BLOCK_CELLS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pieces:
    """Spans of single columns, sorted by mask: whose, in which column, from row y0 to before y1."""

    mask: npt.NDArray[np.int64]
    x: npt.NDArray[np.int64]
    y0: npt.NDArray[np.int64]
    y1: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """Masks by columns: the first span of each (start, end; 0, 0 where none), the columns in use, and what is left."""

    starts: npt.NDArray[np.int16 | np.int32]
    ends: npt.NDArray[np.int16 | np.int32]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    noisy: npt.NDArray[np.bool_]
    more: _Pieces


def intersection_matrix(
    pool_a: Ints, offsets_a: Offsets, pool_b: Ints, offsets_b: Offsets, size_hw: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """Return how many pixels every mask of A shares with every mask of B.

    Parameters
    ----------
    pool_a, pool_b : ndarray of int
        Toggles; all masks have one size.
    offsets_a, offsets_b : ndarray of int64, shape (n_a + 1,) and (n_b + 1,)
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of int64, shape (n_a, n_b)
    """
    offsets_a, offsets_b = np.asarray(offsets_a, dtype=np.int64), np.asarray(offsets_b, dtype=np.int64)
    out = np.zeros((offsets_a.size - 1, offsets_b.size - 1), dtype=np.int64)
    if not (out.size and size_hw[0] and size_hw[1]):
        return out
    meet = _boxes_meet(bboxes(pool_a, offsets_a, size_hw), bboxes(pool_b, offsets_b, size_hw))
    step = max(1, _TABLE_CELLS // size_hw[1])
    for first in range(0, out.shape[1], step):
        part = slice(first, first + step)
        bounds = offsets_b[first : first + step + 1]
        _fill(out[:, part], meet[:, part], (pool_a, offsets_a), (pool_b, bounds), size_hw)
    return out


def _boxes_meet(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Say which boxes (x, y, width, height) share a pixel, shape (n_a, n_b)."""
    a, b = a[:, None], b[None]
    low, high = (
        np.maximum(a[..., :2], b[..., :2]),
        np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:]),
    )
    meet: npt.NDArray[np.bool_] = (low < high).all(axis=2)
    return meet


def _fill(
    out: npt.NDArray[np.int64],
    meet: npt.NDArray[np.bool_],
    a: tuple[Ints, Offsets],
    b: tuple[Ints, Offsets],
    size_hw: tuple[int, int],
) -> None:
    """Fill a part of the matrix: simple masks by tables, pairs with a noisy one by merging."""
    tables_a, tables_b = _tables(*a, size_hw), _tables(*b, size_hw)
    simple = meet & ~tables_a.noisy[:, None] & ~tables_b.noisy[None]
    for row in np.flatnonzero(simple.any(axis=1)).tolist():
        _add_row(out[row], np.flatnonzero(simple[row]), row, tables_a, tables_b)
    if tables_a.more.x.size or tables_b.more.x.size:
        extra = np.zeros(out.shape, dtype=np.int64)
        _add_more(extra, tables_a.more, tables_b)
        _add_more(extra.T, tables_b.more, tables_a)
        _add_both(extra, tables_a.more, tables_b.more)
        out[simple] += extra[simple]
    rest = meet & ~simple
    for row in np.flatnonzero(rest.any(axis=1)).tolist():
        others = np.flatnonzero(rest[row])
        pools = (*gather(*a, np.full(others.size, row)), *gather(*b, others))
        out[row, others] = paired_intersection(*pools)


def _tables(pool: Ints, offsets: Offsets, size_hw: tuple[int, int]) -> _Tables:
    """Lay out the first span of every column as tables, all others as pieces; leave out masks of too many."""
    x, y0, y1, bounds = column_spans(pool, offsets, size_hw[0])
    n_masks = bounds.size - 1
    mask = np.repeat(np.arange(n_masks), np.diff(bounds))
    later = _ranks(x, bounds) > 0
    noisy = np.bincount(mask[later], minlength=n_masks) > _MAX_MORE * size_hw[1]
    first = np.flatnonzero(~later & ~noisy[mask])
    more = np.flatnonzero(later & ~noisy[mask])
    starts, ends = np.zeros((2, n_masks, size_hw[1]), dtype=np.int16 if size_hw[0] < 2**15 else np.int32)
    starts[mask[first], x[first]], ends[mask[first], x[first]] = y0[first], y1[first]
    left, right = np.zeros((2, n_masks), dtype=np.int64)
    filled = np.flatnonzero(np.diff(bounds))
    left[filled], right[filled] = x[bounds[filled]], x[bounds[filled + 1] - 1] + 1
    return _Tables(
        starts=starts,
        ends=ends,
        left=left,
        right=right,
        noisy=noisy,
        more=_Pieces(mask=mask[more], x=x[more], y0=y0[more], y1=y1[more]),
    )


def _add_row(
    out: npt.NDArray[np.int64], others: npt.NDArray[np.int64], row: int, a: _Tables, b: _Tables
) -> None:
    """Add what the first spans of mask ``row`` of A share with those of other masks of B."""
    columns = slice(int(a.left[row]), int(a.right[row]))
    starts, ends = a.starts[row, columns], a.ends[row, columns]
    nothing = np.zeros_like(starts)
    total = np.int32 if ends.dtype == np.int16 and ends.size < 2**16 else np.int64
    step = max(1, _BLOCK_CELLS // b.ends.shape[1])
    for first in range(0, others.size, step):
        some = others[first : first + step]
        shared = np.minimum(b.ends.take(some, axis=0)[:, columns], ends)
        shared -= np.maximum(b.starts.take(some, axis=0)[:, columns], starts)
        np.maximum(shared, nothing, out=shared)
        out[some] += shared.sum(axis=1, dtype=total)


def _add_more(out: npt.NDArray[np.int64], more: _Pieces, tables: _Tables) -> None:
    """Add what single pieces share with all first spans of their columns."""
    if not more.x.size:
        return
    starts, ends = np.ascontiguousarray(tables.starts.T), np.ascontiguousarray(tables.ends.T)
    y0, y1 = more.y0.astype(starts.dtype)[:, None], more.y1.astype(starts.dtype)[:, None]
    step = max(1, _BLOCK_CELLS // starts.shape[1])
    for first in range(0, more.x.size, step):
        some = slice(first, first + step)
        shared = np.minimum(ends[more.x[some]], y1[some])
        shared -= np.maximum(starts[more.x[some]], y0[some])
        np.maximum(shared, 0, out=shared)
        masks, heads = np.unique(more.mask[some], return_index=True)
        out[masks] += np.add.reduceat(shared.astype(np.int64), heads, axis=0)


def _add_both(out: npt.NDArray[np.int64], a: _Pieces, b: _Pieces) -> None:
    """Add what single pieces of A and of B share, column by column."""
    order = np.argsort(b.x, kind="stable")
    sorted_x = b.x[order]
    begin, end = np.searchsorted(sorted_x, a.x), np.searchsorted(sorted_x, a.x, side="right")
    offsets = np.zeros(a.x.size + 1, dtype=np.int64)
    np.cumsum(end - begin, out=offsets[1:])
    for part in chunks(offsets, _BLOCK_CELLS):
        n_pairs = (end - begin)[part]
        ours = np.repeat(np.arange(part.start, part.stop), n_pairs)
        theirs = order[
            np.arange(ours.size) + np.repeat((begin - offsets[:-1])[part] + offsets[part.start], n_pairs)
        ]
        shared = np.minimum(a.y1[ours], b.y1[theirs]) - np.maximum(a.y0[ours], b.y0[theirs])
        np.add.at(out, (a.mask[ours], b.mask[theirs]), np.maximum(shared, 0))


def _ranks(x: npt.NDArray[np.int64], bounds: Offsets) -> npt.NDArray[np.int64]:
    """Return, for pieces in column-major order, how many pieces of the same mask and column come before."""
    new = np.ones(x.size, dtype=bool)
    np.not_equal(x[1:], x[:-1], out=new[1:])
    new[bounds[:-1][bounds[:-1] < x.size]] = True
    heads = np.flatnonzero(new)
    return np.arange(x.size) - np.repeat(heads, np.diff(heads, append=x.size))
