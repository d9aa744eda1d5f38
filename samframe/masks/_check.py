"""Checking foreign COCO bytes by the column: every mask is valid and spelled in the one canonical way, or said not to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from samframe.errors import MaskError
from samframe.masks import _counts
from samframe.masks._pool import MaskPool

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["checked_pool"]

_BATCH = 2048


def checked_pool(
    counts: pa.LargeBinaryArray, sizes_hw: NDArray[np.int64], positions: NDArray[np.int64]
) -> MaskPool:
    """Return a pool of masks that come from outside.

    Parameters
    ----------
    counts : pyarrow.LargeBinaryArray, length n
        COCO's compressed RLE bytes, no nulls. What is valid but not canonical (runs of length 0, numbers longer than
        need be) is spelled anew, so that equal masks have equal bytes.
    sizes_hw : ndarray of int64, shape (n, 2)
        Height and width in pixels.
    positions : ndarray of int64, shape (n,)
        Where each mask stood in its column; errors name it.

    Raises
    ------
    MaskError
        If a size is negative or past 2**31 - 1, or bytes are malformed or do not fit their size.
    """
    out_of_range = np.flatnonzero(((sizes_hw < 0) | (sizes_hw > np.iinfo(np.int32).max)).any(axis=1))
    if len(out_of_range):
        at = out_of_range[0]
        raise MaskError(f"Element {positions[at]}: no mask has height and width {sizes_hw[at].tolist()}.")
    data, offsets = MaskPool([counts], sizes_hw.astype(np.int32)).bytes_view()
    respelled: dict[int, bytes] = {}
    for start in range(0, len(counts), _BATCH):
        part = slice(start, start + _BATCH)
        for offender in _suspects(data, offsets[start : start + _BATCH + 1], sizes_hw[part]).tolist():
            at = start + offender
            raw = data[offsets[at] : offsets[at + 1]].tobytes()
            height, width = sizes_hw[at].tolist()
            try:
                respelled[at] = _counts.canonical_counts(raw, (height, width))
            except MaskError as error:
                raise MaskError(f"Element {positions[at]}: {error}") from error
    if any(fresh != counts[at].as_py() for at, fresh in respelled.items()):
        spelled = [respelled.get(at, old) for at, old in enumerate(counts.to_pylist())]
        counts = pa.array(spelled, type=pa.large_binary())
    return MaskPool([counts], sizes_hw.astype(np.int32))


def _suspects(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], sizes_hw: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return which masks of a batch are not plainly canonical: malformed, misfit, oddly spelled, or too large to say."""
    n_masks, first = len(sizes_hw), int(offsets[0])
    everyone = np.arange(n_masks)
    chars = data[first : int(offsets[-1])]
    try:
        runs, run_offsets = _counts._runs_from_pool(chars, offsets - first)
    except MaskError:
        return everyone
    n_pixels, n_runs = sizes_hw.prod(axis=1), np.diff(run_offsets)
    if not n_runs.all() or float(n_pixels.max(initial=0)) * float(n_runs.max(initial=0)) >= 2.0**62:
        return everyone
    wrong = np.zeros(n_masks, dtype=bool)
    if len(runs):
        mask_of_run = np.repeat(everyone, n_runs)
        bad_run = (runs < 0) | (runs > n_pixels[mask_of_run])
        is_first = np.zeros(len(runs), dtype=bool)
        is_first[run_offsets[:-1]] = True
        wrong[mask_of_run[bad_run | ((runs == 0) & ~is_first)]] = True
        wrong |= np.add.reduceat(runs, run_offsets[:-1]) != n_pixels
    wrong |= _spelled_otherwise(chars, offsets - first, runs, run_offsets)
    return np.flatnonzero(wrong)


def _spelled_otherwise(
    chars: NDArray[np.uint8], offsets: NDArray[np.int64], runs: NDArray[Any], run_offsets: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which masks' numbers are written with more characters than need be."""
    again, again_offsets = _counts.counts_from_pool(runs, run_offsets)
    longer: NDArray[np.bool_] = np.diff(again_offsets) != np.diff(offsets)
    if not longer.any() and not np.array_equal(again, chars):
        return np.ones(len(offsets) - 1, dtype=bool)
    return longer
