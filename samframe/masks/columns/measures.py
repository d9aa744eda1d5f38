"""Measures of whole mask columns, worked out on the decoded runs of all masks at once and kept in the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import MaskError
from samframe.masks import runs as _runs
from samframe.masks.columns.pool import distinct, in_parts
from samframe.masks.kernels import paint_pool, union_of_pool
from samframe.masks.mask import Mask
from samframe.masks.runs import boxes_meet, shared_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from samframe.masks.columns.base import MaskColumn
    from samframe.masks.columns.pool import MaskPool

__all__ = [
    "areas",
    "bboxes",
    "border_touch",
    "centroids",
    "intersection",
    "iou_matrix",
    "paired_dice",
    "paired_iou",
    "paired_pixels",
    "perimeters",
    "stack",
    "union",
]


def areas(pool: MaskPool, index: NDArray[np.int64], *, fill: int = 0) -> NDArray[np.int64]:
    """Return the areas in pixels, int64 of shape (n,), `fill` where the index is negative."""
    known = pool.known_areas()
    for part in _batches(pool, _unknown(known, index)):
        known[part] = _span_sums(*pool.toggles(part, keep=False))
    return _spread(known, index, fill)


def bboxes(pool: MaskPool, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the tight boxes (x, y, width, height), int64 of shape (n, 4), zeros for empty and missing masks."""
    known, known_areas = pool.known_boxes(), pool.known_areas()
    for part in _batches(pool, _unknown(known[:, 0], index)):
        toggles, offsets = pool.toggles(part, keep=False)
        known[part] = _runs.bboxes(toggles, offsets, pool.sizes_hw()[part])
        known_areas[part] = _span_sums(toggles, offsets)
    return _spread(known, index, 0).astype(np.int64)


def border_touch(pool: MaskPool, index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which masks reach the edge of their image, bool of shape (n,); empty and missing ones do not."""
    boxes = bboxes(pool, index)
    sizes = _spread(pool.sizes_hw(), index, 0)
    x, y, width, height = boxes.T
    touch: NDArray[np.bool_] = (x == 0) | (y == 0) | (x + width == sizes[:, 1]) | (y + height == sizes[:, 0])
    touch &= width > 0
    return touch


def centroids(pool: MaskPool, index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean (x, y) of each mask's pixels, float64 of shape (n, 2), NaN for empty and missing masks.

    A pixel stands at its column and row number, so the centroid of the pixel at (3, 5) is (3.0, 5.0).
    """
    present = np.flatnonzero(index >= 0)
    result = np.full((len(index), 2), np.nan)
    for part in in_parts(pool.lengths(index[present])):
        some = index[present[part]]
        result[present[part]] = _runs.centroids(*pool.toggles(some, keep=False), pool.sizes_hw()[some])
    return result


def perimeters(pool: MaskPool, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the pixel edges between foreground and background, int64 of shape (n,), 0 for empty and missing masks."""
    present = np.flatnonzero(index >= 0)
    result = np.zeros(len(index), dtype=np.int64)
    for part in in_parts(pool.lengths(index[present])):
        some = index[present[part]]
        toggles, offsets = pool.toggles(some, keep=False)
        heights = pool.sizes_hw()[some, 0].astype(np.int64)
        pieces = _runs.column_spans(toggles, offsets, np.maximum(heights, 1))[3]
        # Moved one column on, a mask meets itself where neighbours in a row are both foreground.
        moved = toggles.astype(np.int64) + np.repeat(heights, np.diff(offsets))
        inner = _runs.paired_intersection(toggles, offsets, moved, offsets)
        result[present[part]] = 2 * np.diff(pieces) + 2 * (_span_sums(toggles, offsets) - inner)
    return result


def paired_iou(a: MaskColumn, b: MaskColumn) -> NDArray[np.float64]:
    """Return the IoU of mask i of `a` and mask i of `b`, float64 of shape (n,), NaN where either is missing.

    Two empty masks have IoU 0.0, as in pycocotools.

    Raises
    ------
    MaskError
        If two masks of a pair differ in size.
    """
    present, shared, own, theirs = paired_pixels(a, b)
    result = np.full(len(a), np.nan)
    result[present] = _ratio(shared, own + theirs - shared)
    return result


def paired_dice(a: MaskColumn, b: MaskColumn) -> NDArray[np.float64]:
    """Return twice the intersection over the sum of the areas, pair by pair; see :func:`paired_iou`."""
    present, shared, own, theirs = paired_pixels(a, b)
    result = np.full(len(a), np.nan)
    result[present] = _ratio(2 * shared, own + theirs)
    return result


def paired_pixels(
    a: MaskColumn, b: MaskColumn
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return how many pixels mask i of `a` and mask i of `b` share, and have.

    Returns
    -------
    present : ndarray of int64, shape (m,)
        The pairs of which neither is missing.
    shared, own, theirs : ndarray of int64, shape (m,)
        Their common pixels, and the areas of either.

    Raises
    ------
    MaskError
        If two masks of a pair differ in size.
    """
    present = np.flatnonzero((a.positions >= 0) & (b.positions >= 0))
    own, theirs = a.positions[present], b.positions[present]
    _check_sizes(a.pool.sizes_hw()[own], b.pool.sizes_hw()[theirs], present)
    shared = np.zeros(len(present), dtype=np.int64)
    near = np.flatnonzero(boxes_meet(bboxes(a.pool, own), bboxes(b.pool, theirs)))
    keep = a.pool.keeps_runs() and b.pool.keeps_runs()
    lengths = a.pool.lengths(own[near]) + b.pool.lengths(theirs[near])
    for at in [slice(None)] if keep else in_parts(lengths):
        part = near[at]
        shared[part] = _runs.paired_intersection(*a.pool.toggles(own[part]), *b.pool.toggles(theirs[part]))
    return present, shared, areas(a.pool, own), areas(b.pool, theirs)


def iou_matrix(a: MaskColumn, b: MaskColumn) -> NDArray[np.float64]:
    """Return the IoU of each mask of `a` with each mask of `b`, float64 of shape (n_a, n_b), NaN where one is missing.

    Raises
    ------
    MaskError
        If the masks are not all of one size.
    """
    rows, columns = np.flatnonzero(a.positions >= 0), np.flatnonzero(b.positions >= 0)
    own, theirs = a.positions[rows], b.positions[columns]
    if not len(rows) or not len(columns):
        return np.full((len(a), len(b)), np.nan)
    sizes = np.concatenate([a.pool.sizes_hw()[own], b.pool.sizes_hw()[theirs]])
    _check_sizes(sizes, np.broadcast_to(sizes[:1], sizes.shape), np.concatenate([rows, columns]))
    height, width = sizes[0].tolist()
    twin = a.pool is b.pool and np.array_equal(own, theirs)
    boxes = bboxes(a.pool, own)
    other_boxes = boxes if twin else bboxes(b.pool, theirs)
    runs = None if twin else b.pool.toggles(theirs)
    shared = shared_pixels(a.pool.toggles(own), runs, boxes, other_boxes, (height, width))
    own_areas = areas(a.pool, own)
    if twin:
        np.fill_diagonal(shared, own_areas)
    union = own_areas[:, None] + (own_areas if twin else areas(b.pool, theirs))[None, :] - shared
    ratios = _ratio(shared, union)
    if ratios.shape == (len(a), len(b)):
        return ratios
    result = np.full((len(a), len(b)), np.nan)
    result[np.ix_(rows, columns)] = ratios
    return result


def _unknown(known: NDArray[Any], index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct positions of which nothing is known yet."""
    present = index[index >= 0]
    return distinct(present[known[present] < 0], len(known))


def _batches(pool: MaskPool, positions: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield positions some thousand simple masks at a time, so that their decoded runs take little room."""
    return (positions[part] for part in in_parts(pool.lengths(positions)))


def _span_sums(toggles: NDArray[Any], offsets: NDArray[np.int64]) -> NDArray[Any]:
    """Return each mask's sum of span lengths: no sum passes what the toggles' type holds."""
    starts = offsets >> 1
    filled = np.flatnonzero(starts[1:] > starts[:-1])
    sums = np.zeros(len(offsets) - 1, dtype=toggles.dtype)
    if len(filled):  # reduceat takes no empty stretch
        sums[filled] = np.add.reduceat(toggles[1::2] - toggles[::2], starts[filled])
    return sums


def _spread(known: NDArray[Any], index: NDArray[np.int64], fill: int) -> NDArray[Any]:
    """Return what is known about each element, `fill` where the index is negative."""
    if not len(known):
        return np.full((len(index), *known.shape[1:]), fill, dtype=known.dtype)
    values = known[index]
    values[index < 0] = fill
    return values


def _check_sizes(a: NDArray[np.int32], b: NDArray[np.int32], positions: NDArray[np.int64]) -> None:
    wrong = np.flatnonzero((a != b).any(axis=1))
    if len(wrong):
        at = wrong[0]
        raise MaskError(
            f"Masks can be compared in one size only: element {positions[at]} has {tuple(a[at].tolist())}, "
            f"its counterpart {tuple(b[at].tolist())} (height, width). Bring them to one size with .sam.resize."
        )


def _ratio(shared: NDArray[np.int64], union: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(shared, union, out=np.zeros(shared.shape), where=union > 0)


def union(array: MaskColumn) -> Any:
    """Return the Mask of what any mask covers, NA where all are missing.

    Raises
    ------
    MaskError
        If the masks are not all of one size.
    """
    present = distinct(array.positions, len(array.pool))
    if not len(present):
        return pd.NA
    size_hw = _common_size(array)
    return Mask._trusted(union_of_pool(array.pool, present, size_hw), size_hw)  # noqa: SLF001  # made of masks


def intersection(array: MaskColumn) -> Any:
    """Return the Mask of what all masks cover, NA where all are missing.

    Raises
    ------
    MaskError
        If the masks are not all of one size.
    """
    present = distinct(array.positions, len(array.pool))
    if not len(present):
        return pd.NA
    toggles, offsets = array.pool.toggles(present)
    shared = _runs.intersection_runs(np.split(toggles, offsets[1:-1]))
    return Mask._from_toggles(shared, _common_size(array))  # noqa: SLF001  # the runs are sound: they come from masks


def stack(array: MaskColumn, size_hw: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """Return the pixels of all masks, bool of shape (n, H, W) in C order, all False where missing.

    Raises
    ------
    MaskError
        If no size is given and the masks are not all of one size, or all are missing.
    """
    if size_hw is None and array.isna().all():
        raise MaskError("No mask tells the size of the stack: pass size_hw=(height, width).")
    height, width = _common_size(array) if size_hw is None else size_hw
    pixels = np.zeros((len(array), height, width), dtype=bool)
    present = np.flatnonzero(array.positions >= 0)
    fits = (array.pool.sizes_hw()[array.positions[present]] == (height, width)).all(axis=1)
    fitting = present[fits]
    for at in in_parts(array.pool.lengths(array.positions[fitting])):
        part = fitting[at]
        paint_pool(array.pool, array.positions[part], pixels, part)
    for position in present[~fits].tolist():
        pixels[position] = array[position].resize((height, width)).to_numpy()
    return pixels


def _common_size(array: MaskColumn) -> tuple[int, int]:
    positions = np.flatnonzero(array.positions >= 0)
    sizes = array.pool.sizes_hw()[array.positions[positions]]
    _check_sizes(sizes, np.broadcast_to(sizes[:1], sizes.shape), positions)
    height, width = sizes[0].tolist()
    return height, width
