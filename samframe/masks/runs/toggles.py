"""Arithmetic on the decoded runs ("toggles") of one mask and of many masks at once.

A mask's toggles are ``start, end, start, end ...``: strictly increasing column-major positions ``x * height + y``,
ends excluded, always an even number. Many masks are one pool of toggles and ``offsets`` of shape (n + 1,): mask i
owns ``pool[offsets[i]:offsets[i + 1]]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "areas",
    "bases_of",
    "bboxes",
    "centroids",
    "chunks",
    "column_spans",
    "covered_runs",
    "gather",
    "intersection_runs",
    "lay_apart",
    "lay_out",
    "paired_intersection",
    "union_runs",
    "whole_runs",
    "xor_runs",
]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]

# Toggles that are worked on at once: enough to pay for the calls, few enough to stay in the cache.
_CHUNK = 1 << 17
_FAN = 8  # masks that are merged at once


def gather(toggle_pool: Ints, offsets: Offsets, which: Ints) -> tuple[Ints, Offsets]:
    """Return the toggles of some masks of a pool as a pool of their own.

    Parameters
    ----------
    toggle_pool : ndarray of int, shape (n_toggles,)
    offsets : ndarray of int64, shape (n + 1,)
    which : ndarray of int, shape (m,)
        Masks wanted, in any order, also repeatedly.

    Returns
    -------
    toggles : ndarray of int
    offsets : ndarray of int64, shape (m + 1,)
    """
    starts = offsets[which]
    lengths = offsets[which + 1] - starts
    ends = np.zeros(lengths.size + 1, dtype=np.int64)
    np.add.accumulate(lengths, out=ends[1:])
    return toggle_pool[np.arange(ends[-1]) + np.repeat(starts - ends[:-1], lengths)], ends


def areas(toggle_pool: Ints, offsets: Offsets) -> npt.NDArray[np.int64]:
    """Return the number of foreground pixels of every mask.

    Parameters
    ----------
    toggle_pool : ndarray of int, shape (n_toggles,)
    offsets : ndarray of int64, shape (n + 1,)

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    offsets = np.asarray(offsets, dtype=np.int64)
    out = np.empty(offsets.size - 1, dtype=np.int64)
    for part in chunks(offsets, 2 * _CHUNK):
        bounds = offsets[part.start : part.stop + 1]
        first, last = int(bounds[0]), int(bounds[-1])
        spans = toggle_pool[first + 1 : last : 2] - toggle_pool[first:last:2]
        # The running sum may wrap around; the difference of two is exact all the same, as an area fits the type.
        sums = np.zeros(spans.size + 1, dtype=spans.dtype)
        np.add.accumulate(spans, out=sums[1:])
        at = sums[(bounds - first) >> 1]
        np.subtract(at[1:], at[:-1], out=out[part])
    return out


def chunks(offsets: Offsets, n_items: int) -> Iterator[slice]:
    """Yield slices of masks that own about ``n_items`` items, one mask at the least."""
    n_masks, first = offsets.size - 1, 0
    while first < n_masks:
        last = int(np.searchsorted(offsets, offsets[first] + n_items, side="right")) - 1
        last = min(max(last, first + 1), n_masks)
        yield slice(first, last)
        first = last


def bboxes(toggle_pool: Ints, offsets: Offsets, sizes_hw: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the tight box of every mask.

    Parameters
    ----------
    toggle_pool : ndarray of int, shape (n_toggles,)
    offsets : ndarray of int64, shape (n + 1,)
    sizes_hw : array_like of int, shape (n, 2) or (2,)
        Heights and widths in pixels; one pair where all masks share it.

    Returns
    -------
    ndarray of int64, shape (n, 4)
        ``x, y, width, height``; all zeros for an empty mask.
    """
    offsets = np.asarray(offsets, dtype=np.int64)
    out = np.zeros((offsets.size - 1, 4), dtype=np.int64)
    filled = np.flatnonzero(offsets[1:] > offsets[:-1])
    if not filled.size:
        return out
    begin, end = offsets[filled], offsets[filled + 1]
    starts, lasts = toggle_pool[begin[0] : end[-1] : 2], toggle_pool[begin[0] + 1 : end[-1] : 2] - 1
    sizes = np.asarray(sizes_hw, dtype=np.int64)
    heights = sizes[..., 0] if sizes.ndim == 1 else sizes[filled, 0]
    per_span: Any = heights.astype(starts.dtype)
    if sizes.ndim > 1:
        per_span = per_span[0] if (heights == heights[0]).all() else np.repeat(per_span, (end - begin) >> 1)
    x_start, x_last = starts // per_span, lasts // per_span
    heads = (begin - begin[0]) >> 1
    tails = ((end - begin[0]) >> 1) - 1
    top = np.minimum.reduceat(starts - x_start * per_span, heads)
    bottom = np.maximum.reduceat(lasts - x_last * per_span, heads)
    wraps = np.logical_or.reduceat(x_start != x_last, heads)
    top, bottom = np.where(wraps, 0, top), np.where(wraps, heights - 1, bottom)
    left, right = x_start[heads], x_last[tails]
    out[filled] = np.stack([left, top, right - left + 1, bottom - top + 1], axis=1)
    return out


def centroids(toggle_pool: Ints, offsets: Offsets, sizes_hw: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the mean pixel centre of every mask.

    Parameters
    ----------
    toggle_pool : ndarray of int, shape (n_toggles,)
    offsets : ndarray of int64, shape (n + 1,)
    sizes_hw : array_like of int, shape (n, 2) or (2,)
        Heights and widths in pixels.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        ``x, y`` with the centre of the first pixel at 0, 0; NaN for an empty mask.
    """
    sizes = np.broadcast_to(np.asarray(sizes_hw, dtype=np.int64), (len(offsets) - 1, 2))
    x, y0, y1, ends = column_spans(toggle_pool, offsets, sizes[:, 0])
    lengths = (y1 - y0).astype(np.float64)
    out = np.full((len(offsets) - 1, 2), np.nan)
    filled = np.flatnonzero(ends[1:] > ends[:-1])
    if filled.size:
        heads = ends[filled]
        total = np.add.reduceat(lengths, heads)
        out[filled, 0] = np.add.reduceat(lengths * x, heads) / total
        out[filled, 1] = np.add.reduceat(lengths * (y0 + y1 - 1) / 2, heads) / total
    return out


def column_spans(
    toggle_pool: Ints, offsets: Offsets, heights: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], Offsets]:
    """Cut every span where a column ends.

    Parameters
    ----------
    toggle_pool : ndarray of int, shape (n_toggles,)
    offsets : ndarray of int64, shape (n + 1,)
    heights : array_like of int, shape (n,) or ()
        Height of each mask in pixels.

    Returns
    -------
    x, y0, y1 : ndarray of int64, shape (n_pieces,)
        Piece by piece: its column, its first row, and the row after its last.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns the pieces ``offsets[i]`` to ``offsets[i + 1]``, in column-major order.
    """
    offsets = np.asarray(offsets, dtype=np.int64)
    bounds = (offsets - offsets[0]) >> 1
    pool = toggle_pool[offsets[0] : offsets[-1]].astype(np.int64)
    starts, ends = pool[::2], pool[1::2]
    n_spans = np.diff(bounds)
    height: Any = np.asarray(heights, dtype=np.int64)
    if height.ndim:
        height = height[0] if height.size and (height == height[0]).all() else np.repeat(height, n_spans)
    x = starts // height
    n_columns = (ends - 1) // height - x + 1
    y0 = starts - x * height
    if not starts.size or int(n_columns.max()) == 1:
        return x, y0, ends - x * height, bounds
    pieces = np.zeros(starts.size + 1, dtype=np.int64)
    np.add.accumulate(n_columns, out=pieces[1:])
    span = np.repeat(np.arange(starts.size), n_columns)
    nth = np.arange(span.size) - pieces[span]
    tall = height[span] if np.ndim(height) else height
    columns = x[span] + nth
    top = np.where(nth == 0, y0[span], 0)
    bottom = np.minimum(ends[span] - columns * tall, tall)
    return columns, top, bottom, pieces[bounds]


def paired_intersection(
    pool_a: Ints, offsets_a: Offsets, pool_b: Ints, offsets_b: Offsets
) -> npt.NDArray[np.int64]:
    """Return how many pixels mask i of A and mask i of B share.

    Parameters
    ----------
    pool_a, pool_b : ndarray of int
        Toggles of two columns of masks; paired masks have one size, pairs may differ.
    offsets_a, offsets_b : ndarray of int64, shape (n + 1,)

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    offsets_a, offsets_b = np.asarray(offsets_a, dtype=np.int64), np.asarray(offsets_b, dtype=np.int64)
    both = areas(pool_a, offsets_a) + areas(pool_b, offsets_b)
    either = np.empty(offsets_a.size - 1, dtype=np.int64)
    for part in chunks(offsets_a + offsets_b, _CHUNK):
        bounds = slice(part.start, part.stop + 1)
        either[part] = _xor_areas(pool_a, offsets_a[bounds], pool_b, offsets_b[bounds])
    return (both - either) // 2


def _xor_areas(pool_a: Ints, offsets_a: Offsets, pool_b: Ints, offsets_b: Offsets) -> npt.NDArray[np.int64]:
    """Return the area of A xor B pair by pair: merged toggles alternate, and equal ones enclose nothing."""
    a, b = pool_a[offsets_a[0] : offsets_a[-1]], pool_b[offsets_b[0] : offsets_b[-1]]
    n_pairs = offsets_a.size - 1
    merged = np.empty(a.size + b.size, dtype=np.int64)
    if n_pairs == 1:
        merged[: a.size], merged[a.size :] = a, b
    else:
        # Each pair gets a range of its own, so that one merge of two sorted sequences serves all of them.
        stride = 1 + max(int(a.max(initial=0)), int(b.max(initial=0)))
        shift = np.arange(n_pairs, dtype=np.int64) * stride
        np.add(a, np.repeat(shift, np.diff(offsets_a)), out=merged[: a.size])
        np.add(b, np.repeat(shift, np.diff(offsets_b)), out=merged[a.size :])
    merged.sort(kind="stable")  # timsort: it finds the two sorted sequences and merges them
    return areas(merged, (offsets_a - offsets_a[0]) + (offsets_b - offsets_b[0]))


def union_runs(toggles: Sequence[Ints]) -> Ints:
    """Return the toggles of the union of masks of one size; empty where there are none."""
    while len(toggles) > _FAN:
        toggles = [_at_least(toggles[i : i + _FAN], 1) for i in range(0, len(toggles), _FAN)]
    return _at_least(toggles, 1)


def intersection_runs(toggles: Sequence[Ints]) -> Ints:
    """Return the toggles of the intersection of masks of one size; empty where there are none."""
    while len(toggles) > _FAN:
        groups = [toggles[i : i + _FAN] for i in range(0, len(toggles), _FAN)]
        toggles = [_at_least(group, len(group)) for group in groups]
    return _at_least(toggles, len(toggles))


def xor_runs(toggles: Sequence[Ints]) -> Ints:
    """Return the toggles of what an odd number of the masks cover."""
    merged = np.concatenate(toggles)
    merged.sort(kind="stable")
    if not merged.size:
        return merged
    first = np.flatnonzero(np.append(True, merged[1:] != merged[:-1]))
    odd = (np.diff(first, append=merged.size) & 1) == 1
    kept: Ints = merged[first[odd]]
    return kept


def covered_runs(toggles: Ints, n_covers: int | Ints) -> Ints:
    """Return the toggles of what at least so many of the masks cover.

    Parameters
    ----------
    toggles : ndarray of int
        Those of all masks, one mask after another.
    n_covers : int, or ndarray of int, shape (n_toggles,)
        At least 1. One each where masks of several groups lie in ranges of their own: that of the group in whose range
        the toggle lies, in the order of positions.
    """
    # The lowest bit marks an end, and sorts a start before an end at the same place: touching spans join.
    keys = toggles.astype(np.int64)
    keys += keys
    keys[1::2] += 1  # a mask has an even number of them
    keys.sort(kind="stable")
    steps = 1 - 2 * (keys & 1)
    depth = np.add.accumulate(steps)
    found = keys[np.where(steps > 0, depth == n_covers, depth == n_covers - 1)] >> 1
    pairs = found.reshape(-1, 2)
    merged: Ints = pairs[pairs[:, 0] < pairs[:, 1]].ravel()
    return merged


def _at_least(toggles: Sequence[Ints], n_covers: int) -> Ints:
    """Return the toggles of what at least ``n_covers`` of the masks cover."""
    if not toggles:
        return np.empty(0, dtype=np.int64)
    if len(toggles) == 1:
        return toggles[0]
    merged: Ints = covered_runs(np.concatenate(toggles), n_covers).astype(toggles[0].dtype)
    return merged


def bases_of(sizes_hw: npt.NDArray[np.integer[Any]]) -> Offsets:
    """Return where each mask's positions begin when masks are laid out one after another, a place between; (n + 1,)."""
    bases = np.zeros(len(sizes_hw) + 1, dtype=np.int64)
    np.cumsum(sizes_hw.astype(np.int64).prod(axis=1) + 1, out=bases[1:])
    return bases


def lay_out(toggles: Ints, offsets: Offsets, bases: Offsets) -> Offsets:
    """Return the toggles of masks as they lie one after another at these bases."""
    return np.add(toggles, np.repeat(bases[:-1], np.diff(offsets)), dtype=np.int64)


def lay_apart(merged: Ints, bases: Offsets) -> tuple[Offsets, Offsets]:
    """Return the toggles of each mask, and where each mask's begin, of masks that lie at these bases."""
    offsets: Offsets = np.searchsorted(merged, bases.astype(merged.dtype))
    return np.subtract(merged, np.repeat(bases[:-1], np.diff(offsets)), dtype=np.int64), offsets


def whole_runs(bases: Offsets) -> Offsets:
    """Return the toggles of masks that are full, as they lie at these bases."""
    runs = np.stack([bases[:-1], bases[1:] - 1], axis=1)
    full: Offsets = runs[runs[:, 1] > runs[:, 0]].ravel()
    return full
