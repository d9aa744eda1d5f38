"""COCO's compressed counts, the form in which masks are kept: checked, canonical, turned into runs and toggles.

Counts are the bytes that pycocotools reads and writes (`compress` tells their format). Runs are lengths in
column-major order, background first. Toggles are where the foreground starts and ends.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.rle.compress import counts_from_pool
from samframe.masks.rle.expand import expand, is_shortest

__all__ = [
    "canonical_counts",
    "check_size",
    "checked_toggles",
    "counts_from_pool",
    "counts_from_runs",
    "counts_from_toggles",
    "position_dtype",
    "runs_from_counts",
    "toggles_from_counts",
    "toggles_from_pool",
    "validate",
]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]

_MAX_SIDE = 2**31 - 1  # the sides are stored as int32
_MAX_PIXELS = 2**48  # far past any image, and every sum of runs stays exact


def check_size(size_hw: Any) -> tuple[int, int]:
    """Return ``size_hw`` as two Python ints.

    Raises
    ------
    MaskError
        If it is not two integers from 0 to 2**31 - 1, or of more than 2**48 pixels.
    """
    try:
        height, width = size_hw
        size = (height.__index__(), width.__index__())
    except (AttributeError, TypeError, ValueError):
        raise MaskError(f"a mask's size is (height, width) in whole pixels, not {size_hw!r}") from None
    if not (0 <= size[0] <= _MAX_SIDE and 0 <= size[1] <= _MAX_SIDE):
        raise MaskError(f"a mask's height and width lie between 0 and {_MAX_SIDE}, not {size}")
    if size[0] * size[1] > _MAX_PIXELS:
        raise MaskError(f"a mask has at most 2**48 pixels, not {size[0]} x {size[1]}")
    return size


def position_dtype(n_pixels: int) -> type[np.int32 | np.int64]:
    """Return the integer type that holds positions 0 to ``n_pixels``: int32 below 2**31, else int64."""
    return np.int32 if n_pixels < 2**31 else np.int64


def counts_from_runs(runs: npt.ArrayLike) -> bytes:
    """Return COCO's compressed counts of run lengths.

    Parameters
    ----------
    runs : array_like of int, shape (n_runs,)
        Column-major run lengths, background first.

    Returns
    -------
    bytes
        ASCII characters 48 to 111.
    """
    values = np.asarray(runs, dtype=np.int64)
    return counts_from_pool(values, np.array([0, values.size], dtype=np.int64))[0]


def runs_from_counts(counts: bytes) -> npt.NDArray[np.int64]:
    """Return the run lengths that compressed counts stand for.

    Parameters
    ----------
    counts : bytes
        COCO's compressed counts.

    Returns
    -------
    ndarray of int64, shape (n_runs,)
        Column-major run lengths, background first.

    Raises
    ------
    MaskError
        If a byte is none of the format's characters, a number breaks off or is too long, or a run is negative.
    """
    return _runs_of(counts).astype(np.int64, copy=False)


def _runs_of(counts: bytes) -> Ints:
    """Return the run lengths of counts, int64 or, where they fit, int32."""
    runs = expand(counts)
    if runs.size and int(runs.min()) < 0:
        raise MaskError("malformed RLE counts: a run is negative")
    return runs


def toggles_from_counts(counts: bytes, size_hw: tuple[int, int]) -> Ints:
    """Return where a mask begins and ends, from counts that are trusted to be valid.

    Parameters
    ----------
    counts : bytes
        COCO's compressed counts.
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of int32 or int64, shape (2 * n_spans,)
        ``start, end, start, end ...`` as column-major positions ``x * height + y``, ends excluded.
    """
    runs = _runs_of(counts)
    toggles: Ints = np.add.accumulate(runs[: runs.size & ~1], dtype=position_dtype(size_hw[0] * size_hw[1]))
    return toggles


def toggles_from_pool(pool: npt.NDArray[np.uint8], offsets: Offsets) -> tuple[Offsets, Offsets]:
    """Decode the counts of masks of any size, one after another, which are trusted to be valid.

    Parameters
    ----------
    pool : ndarray of uint8, shape (n_bytes,)
        The compressed counts of all masks, one after another.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``pool[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    toggles : ndarray of int64, shape (n_toggles,)
        ``start, end, start, end ...`` of all masks, column-major positions, ends excluded.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``toggles[offsets[i]:offsets[i + 1]]``; every mask has an even number.
    """
    runs = [_runs_of(pool[first:end].tobytes()) for first, end in pairwise(offsets.tolist())]
    parts = [np.add.accumulate(own[: own.size & ~1], dtype=np.int64) for own in runs]
    ends = np.cumsum([0, *(part.size for part in parts)], dtype=np.int64)
    return np.concatenate([np.empty(0, dtype=np.int64), *parts]), ends


def counts_from_toggles(toggles: Ints, size_hw: tuple[int, int]) -> bytes:
    """Return the canonical counts of spans.

    Parameters
    ----------
    toggles : ndarray of int, shape (2 * n_spans,)
        ``start, end, start, end ...``, strictly increasing column-major positions, ends excluded.
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    bytes
    """
    n_pixels = size_hw[0] * size_hw[1]
    if not toggles.size:
        return counts_from_runs([n_pixels])
    ends_inside = int(toggles[-1]) < n_pixels
    positions = np.empty(toggles.size + 1 + ends_inside, dtype=toggles.dtype)
    positions[0] = 0
    positions[1 : toggles.size + 1] = toggles
    if ends_inside:
        positions[-1] = n_pixels
    runs = positions[1:] - positions[:-1]
    return counts_from_pool(runs, np.array([0, runs.size], dtype=np.int64))[0]


def validate(counts: bytes, size_hw: tuple[int, int]) -> None:
    """Check that counts stand for one mask of this size.

    Parameters
    ----------
    counts : bytes
        COCO's compressed counts.
    size_hw : (int, int)
        Height and width in pixels.

    Raises
    ------
    MaskError
        If the bytes are malformed, a run is negative, or the runs do not sum to ``height * width``.
    """
    _checked_runs(counts, check_size(size_hw))


def canonical_counts(counts: bytes, size_hw: tuple[int, int]) -> bytes:
    """Check counts and return the one spelling that `encode` would give the same mask.

    Parameters
    ----------
    counts : bytes
        COCO's compressed counts; runs of length 0 inside and numbers longer than need be are accepted.
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    bytes
        Equal for equal masks of one size.

    Raises
    ------
    MaskError
        As `validate`.
    """
    return checked_toggles(counts, size_hw)[1]


def checked_toggles(counts: bytes, size_hw: tuple[int, int]) -> tuple[Ints, bytes]:
    """Check counts and return their toggles, as `toggles_from_counts`, and their canonical spelling.

    Raises
    ------
    MaskError
        As `validate`.
    """
    size = check_size(size_hw)
    runs, sums = _checked_runs(counts, size)
    positions: Ints = sums[: runs.size & ~1].astype(position_dtype(size[0] * size[1]), copy=False)
    if runs.size > 1 and not runs[1:].all():
        toggles = cancel_pairs(positions)
        return toggles, counts_from_toggles(toggles, size)
    if not runs.size:
        return positions, b"0"
    return positions, counts if is_shortest(counts) else counts_from_runs(runs)


def cancel_pairs(toggles: Ints) -> Ints:
    """Drop positions that occur an even number of times from a sorted array, keep one of every other."""
    if toggles.size < 2:  # noqa: PLR2004 - no pair
        return toggles
    new = np.ones(toggles.size, dtype=bool)
    np.not_equal(toggles[1:], toggles[:-1], out=new[1:])
    if new.all():
        return toggles
    first = np.flatnonzero(new)
    times = np.diff(first, append=toggles.size)
    kept: Ints = toggles[first[times & 1 == 1]]
    return kept


def _checked_runs(counts: bytes, size_hw: tuple[int, int]) -> tuple[Ints, Ints]:
    """Return the run lengths and their running sums, all of them tested."""
    n_pixels = size_hw[0] * size_hw[1]
    runs = _runs_of(counts)
    longest = int(runs.max(initial=0))
    most = longest * runs.size  # no sum is larger
    sums = np.add.accumulate(runs, dtype=np.int32 if most < 2**31 else np.int64)
    may_wrap = most >= 2**63  # then a sum that wraps around int64 shows as a negative one
    total = int(sums[-1]) if runs.size else 0
    if total != n_pixels or longest > n_pixels or (may_wrap and int(sums.min()) < 0):
        raise MaskError(
            f"malformed RLE counts: the runs do not sum to {size_hw[0]} x {size_hw[1]} = {n_pixels} pixels"
        )
    return runs, sums
