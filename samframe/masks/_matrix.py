"""Every mask against every other: shared pixels and IoU as matrices.

In one column of an image a simple mask is one span. Spans of one column meet in ``min(ends) - max(starts)`` pixels,
so a row of the matrix is four passes over a table (masks x columns), which numpy does many values at a time. The
second span of a column is a second table, and so on; a mask of many spans a column (noise) is merged pair by pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.masks._counts import position_dtype
from samframe.masks._toggles import areas, bboxes, column_spans, gather, paired_intersection

__all__ = ["intersection_matrix", "iou_matrix"]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]

_MAX_LAYERS = 6
_TABLE_CELLS = 1 << 23  # of one layer: 16 or 32 MB a table
_BLOCK_CELLS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """The nth spans of every column: rows of masks, tables of starts and ends, and the columns each mask uses."""

    masks: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int16 | np.int32]
    ends: npt.NDArray[np.int16 | np.int32]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    height: int


def iou_matrix(
    pool_a: Ints, offsets_a: Offsets, pool_b: Ints, offsets_b: Offsets, size_hw: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Return intersection over union of every mask of A and every mask of B.

    Parameters
    ----------
    pool_a, pool_b : ndarray of int
        Toggles; all masks have one size.
    offsets_a, offsets_b : ndarray of int64, shape (n_a + 1,) and (n_b + 1,)
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of float64, shape (n_a, n_b)
        0.0 where both are empty.
    """
    shared = intersection_matrix(pool_a, offsets_a, pool_b, offsets_b, size_hw)
    union = areas(pool_a, offsets_a)[:, None] + areas(pool_b, offsets_b)[None, :] - shared
    ratio: npt.NDArray[np.float64] = shared / np.maximum(union, 1)
    return ratio


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
    layers, noisy_b = _layers(*b, size_hw)
    spans_a = column_spans(*a, size_hw[0])
    ranks_a = _ranks(spans_a[0], spans_a[3])
    for row in range(out.shape[0]):
        piece = slice(int(spans_a[3][row]), int(spans_a[3][row + 1]))
        if piece.start == piece.stop:
            continue
        ranks = ranks_a[piece]
        if int(ranks.max()) >= _MAX_LAYERS:
            _merge_row(out, row, np.flatnonzero(meet[row]), a, b)
            continue
        _merge_row(out, row, noisy_b[meet[row, noisy_b]], a, b)
        x, y0, y1 = (spans[piece] for spans in spans_a[:3])
        for rank in range(int(ranks.max()) + 1):
            mine = ranks == rank
            for layer in layers:
                _add_layer(out[row], meet[row], layer, x[mine], y0[mine], y1[mine])


def _merge_row(
    out: npt.NDArray[np.int64], row: int, others: Offsets, a: tuple[Ints, Offsets], b: tuple[Ints, Offsets]
) -> None:
    if others.size:
        pool_b, offsets_b = gather(*b, others)
        pool_a, offsets_a = gather(*a, np.full(others.size, row))
        out[row, others] = paired_intersection(pool_a, offsets_a, pool_b, offsets_b)


def _add_layer(
    out: npt.NDArray[np.int64],
    meet: npt.NDArray[np.bool_],
    layer: _Layer,
    x: npt.NDArray[np.int64],
    y0: npt.NDArray[np.int64],
    y1: npt.NDArray[np.int64],
) -> None:
    """Add the pixels one mask's spans, at most one a column, share with every mask of a layer."""
    left, right = int(x[0]), int(x[-1]) + 1
    chosen = np.flatnonzero(meet[layer.masks] & (layer.left < right) & (layer.right > left))
    if not chosen.size:
        return
    left, right = max(left, int(layer.left[chosen].min())), min(right, int(layer.right[chosen].max()))
    inside = slice(*np.searchsorted(x, (left, right)))
    starts, ends = np.zeros((2, right - left), dtype=layer.starts.dtype)
    starts[x[inside] - left], ends[x[inside] - left] = y0[inside], y1[inside]
    # A few rows at a time: what stays below malloc's mmap threshold is not faulted in anew each time.
    step = max(1, _BLOCK_CELLS // layer.ends.shape[1])
    for first in range(0, chosen.size, step):
        rows = chosen[first : first + step]
        shared = np.minimum(layer.ends.take(rows, axis=0)[:, left:right], ends)
        shared -= np.maximum(layer.starts.take(rows, axis=0)[:, left:right], starts)
        np.maximum(shared, 0, out=shared)
        out[layer.masks[rows]] += shared.sum(axis=1, dtype=position_dtype(shared.shape[1] * layer.height))


def _layers(pool: Ints, offsets: Offsets, size_hw: tuple[int, int]) -> tuple[list[_Layer], Offsets]:
    """Return tables of the first spans of every column, of the second spans ..., and which masks have too many."""
    x, y0, y1, bounds = column_spans(pool, offsets, size_hw[0])
    ranks = _ranks(x, bounds)
    mask = np.repeat(np.arange(bounds.size - 1), np.diff(bounds))
    noisy = np.unique(mask[ranks >= _MAX_LAYERS])
    usable = ~np.isin(mask, noisy) if noisy.size else np.ones(mask.size, dtype=bool)
    layers = []
    for rank in range(min(_MAX_LAYERS, int(ranks.max(initial=-1)) + 1)):
        mine = np.flatnonzero(usable & (ranks == rank))
        if not mine.size:
            continue
        masks, first, rows = np.unique(mask[mine], return_index=True, return_inverse=True)
        starts, ends = np.zeros(
            (2, masks.size, size_hw[1]), dtype=np.int16 if size_hw[0] < 2**15 else np.int32
        )
        starts[rows, x[mine]], ends[rows, x[mine]] = y0[mine], y1[mine]
        last = np.append(first[1:], mine.size) - 1
        left, right = x[mine[first]], x[mine[last]] + 1
        layers.append(
            _Layer(masks=masks, starts=starts, ends=ends, left=left, right=right, height=size_hw[0])
        )
    return layers, noisy


def _ranks(x: npt.NDArray[np.int64], bounds: Offsets) -> npt.NDArray[np.int64]:
    """Return, for pieces in column-major order, how many pieces of the same mask and column come before."""
    new = np.ones(x.size, dtype=bool)
    np.not_equal(x[1:], x[:-1], out=new[1:])
    new[bounds[:-1][bounds[:-1] < x.size]] = True
    heads = np.flatnonzero(new)
    return np.arange(x.size) - np.repeat(heads, np.diff(heads, append=x.size))
