"""Masks from what files of labels hold: polygons, compressed and plain run lengths, by the column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from samframe.errors import MaskError
from samframe.masks import MaskArray
from samframe.masks.columns.pool import MaskPool
from samframe.masks.columns.sets import pool_of_runs
from samframe.masks.rle.column_decode import suspects
from samframe.masks.rle.counts import canonical_counts, counts_from_pool
from samframe.masks.shapes import Rings, rasterise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["MAX_SIDE", "Faults", "joined", "masks_of_bytes", "masks_of_polygons", "masks_of_runs"]

#: What is wrong with each mask that is none, by its number in the column.
Faults = dict[int, str]

MAX_SIDE = 2**31 - 1
#: No image has more pixels; positions in thousands of masks that are laid out together stay exact.
_MAX_PIXELS = 2**40
#: A mask's outlines step over at most so many columns: no polygon of a file makes us work for minutes.
_MAX_STEPS = 1 << 26
_FARTHEST = 1e9
_FEWEST = 6


def masks_of_bytes(counts: pa.Array, sizes_hw: NDArray[np.int64]) -> tuple[MaskArray, Faults]:
    """Return the masks of COCO's compressed counts, NA where they are none.

    Parameters
    ----------
    counts : pyarrow array of string or binary, length n
        Null where there are none.
    sizes_hw : ndarray of int64, shape (n, 2)
        Height and width in pixels; negative where they are not known.
    """
    faults = _size_faults(sizes_hw)
    for at in np.flatnonzero(counts.is_null().to_numpy(zero_copy_only=False)).tolist():
        faults.setdefault(at, "the run lengths have no counts")
    column = counts.cast(pa.large_binary()).fill_null(b"")
    sizes = np.where((sizes_hw < 0) | (sizes_hw > MAX_SIDE), 0, sizes_hw)
    pool = MaskPool([column], sizes.astype(np.int32))
    respelled: dict[int, bytes] = {}
    for at in suspects(*pool.bytes_view(), sizes.prod(axis=1)).tolist():
        if at in faults:
            continue
        try:
            fresh = canonical_counts(pool.counts_at(at), (int(sizes[at, 0]), int(sizes[at, 1])))
        except MaskError as error:
            faults[at] = str(error)
        else:
            if fresh != pool.counts_at(at):
                respelled[at] = fresh
    kept = np.ones(len(sizes), dtype=bool)
    kept[list(faults)] = False
    index = np.where(kept, np.arange(len(sizes)), -1)
    if respelled:
        places = list(respelled)
        index[places] = pool.append(
            list(respelled.values()), [tuple(sizes[at].tolist()) for at in places]
        ) + np.arange(len(places))
    return MaskArray(pool, index), faults


def masks_of_runs(
    runs: NDArray[Any], offsets: NDArray[np.int64], sizes_hw: NDArray[np.int64]
) -> tuple[MaskArray, Faults]:
    """Return the masks of plain run lengths, COCO's uncompressed form, NA where they are none.

    Parameters
    ----------
    runs : ndarray of int64, shape (n_runs,)
        Column-major, background first.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``runs[offsets[i]:offsets[i + 1]]``.
    sizes_hw : ndarray of int64, shape (n, 2)
        Height and width in pixels; negative where they are not known.
    """
    faults: Faults = {}
    owner = np.repeat(np.arange(len(sizes_hw)), np.diff(offsets))
    for at in np.unique(owner[runs < 0]).tolist():
        faults[at] = "the run lengths have a negative number"
    counts, ends = counts_from_pool(np.ascontiguousarray(runs, dtype=np.int64), offsets)
    buffers = [None, pa.py_buffer(np.ascontiguousarray(ends, dtype=np.int64)), pa.py_buffer(counts)]
    column = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(sizes_hw), buffers)
    masks, found = masks_of_bytes(column, sizes_hw)
    masks.positions[list(faults)] = -1
    return masks, found | faults


def masks_of_polygons(
    values: NDArray[np.float64],
    ring_offsets: NDArray[np.int64],
    mask_offsets: NDArray[np.int64],
    sizes_hw: NDArray[np.int64],
) -> tuple[MaskArray, Faults]:
    """Return what pycocotools makes of polygons, to the pixel; NA where one is none.

    Parameters
    ----------
    values : ndarray of float64, shape (n_numbers,)
        ``x, y, x, y ...`` of all rings, pixels.
    ring_offsets : ndarray of int64, shape (n_rings + 1,)
        Ring i owns ``values[ring_offsets[i]:ring_offsets[i + 1]]``.
    mask_offsets : ndarray of int64, shape (n + 1,)
        Mask i is the union of the rings ``mask_offsets[i]`` to ``mask_offsets[i + 1]``.
    sizes_hw : ndarray of int64, shape (n, 2)
        Height and width in pixels; negative where they are not known.
    """
    faults = _size_faults(sizes_hw)
    faults |= _ring_faults(values, ring_offsets, mask_offsets, sizes_hw, faults)
    sound = np.ones(len(sizes_hw), dtype=bool)
    sound[list(faults)] = False
    if faults:
        ring_kept = np.repeat(sound, np.diff(mask_offsets))
        values = values[np.repeat(ring_kept, np.diff(ring_offsets))]
        ring_offsets = _offsets(np.diff(ring_offsets)[ring_kept])
        mask_offsets = _offsets(np.diff(mask_offsets)[sound])
    sizes = sizes_hw[sound]
    rings = Rings(
        corners=values.reshape(-1, 2),
        ring_ends=ring_offsets >> 1,
        polygon_ends=np.arange(len(ring_offsets)),
        mask_ends=mask_offsets,
    )
    chunks = [
        pool_of_runs(toggles, offsets, sizes[part].astype(np.int32))
        for part, toggles, offsets in rasterise(rings, sizes, rule="coco")
    ]
    return MaskArray.from_pool(MaskPool(chunks, sizes.astype(np.int32)), sound), faults


def joined(parts: Sequence[tuple[NDArray[np.int64], MaskArray]], n_masks: int) -> MaskArray:
    """Return columns put together: each part's masks go to the positions beside it; NA where none does."""
    places = np.concatenate([np.empty(0, dtype=np.int64), *(place for place, _ in parts)])
    order = np.full(n_masks, -1, dtype=np.int64)
    order[places] = np.arange(len(places))
    whole = MaskArray._concat_same_type([MaskArray.from_masks([]), *(masks for _, masks in parts)])  # noqa: SLF001 - pandas' name for a public hook
    return whole.take(order, allow_fill=True)


def _size_faults(sizes_hw: NDArray[np.int64]) -> Faults:
    """Return the masks whose size is unknown or absurd."""
    faults: Faults = {}
    wrong = ((sizes_hw < 0) | (sizes_hw > MAX_SIDE)).any(axis=1) | (
        sizes_hw.astype(np.float64).prod(axis=1) > _MAX_PIXELS
    )
    for at in np.flatnonzero(wrong).tolist():
        height, width = sizes_hw[at].tolist()
        faults[at] = (
            "the size of the image is not known"
            if min(height, width) < 0
            else f"no image has a height of {height} and a width of {width} pixels"
        )
    return faults


def _ring_faults(
    values: NDArray[np.float64],
    ring_offsets: NDArray[np.int64],
    mask_offsets: NDArray[np.int64],
    sizes_hw: NDArray[np.int64],
    known: Faults,
) -> Faults:
    """Return the masks that have a ring which is none."""
    owner = np.repeat(np.arange(len(sizes_hw)), np.diff(mask_offsets))
    lengths = np.diff(ring_offsets)
    faults: Faults = dict.fromkeys(np.flatnonzero(np.diff(mask_offsets) == 0).tolist(), "it has no polygon")
    for ring in np.flatnonzero((lengths & 1 == 1) | (lengths < _FEWEST)).tolist():
        words = "x without y" if lengths[ring] & 1 else "fewer than three corners"
        faults.setdefault(int(owner[ring]), f"a polygon of {lengths[ring]} numbers: {words}")
    wild = ~(np.abs(values) < _FARTHEST)  # NaN too
    if wild.any():
        for mask in np.unique(np.repeat(owner, lengths)[wild]).tolist():
            faults.setdefault(mask, "a polygon's corner is no number or lies a thousand million pixels away")
    steps = np.minimum(lengths / 2, _MAX_STEPS) * np.maximum(sizes_hw[owner, 1], 0)
    for mask in np.flatnonzero(
        np.bincount(owner, weights=steps, minlength=len(sizes_hw)) > _MAX_STEPS
    ).tolist():
        if not _few_steps(values, ring_offsets, mask_offsets, sizes_hw, mask):
            faults.setdefault(mask, "its polygons step over more than 67 million columns")
    return {mask: words for mask, words in faults.items() if mask not in known}


def _few_steps(
    values: NDArray[np.float64],
    ring_offsets: NDArray[np.int64],
    mask_offsets: NDArray[np.int64],
    sizes_hw: NDArray[np.int64],
    mask: int,
) -> bool:
    """Say whether the outlines of one mask step over a bearable number of columns."""
    x = values[ring_offsets[mask_offsets[mask]] : ring_offsets[mask_offsets[mask + 1]] : 2]
    steps = np.minimum(np.abs(np.diff(x)), float(sizes_hw[mask, 1]))
    return bool(np.nansum(steps) <= _MAX_STEPS)


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
