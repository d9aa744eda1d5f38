"""COCO's compressed counts: the bytes of run lengths, of one mask or of many in one pool.

The format is that of ``rleToString`` and ``rleFrString`` in pycocotools' ``maskApi.c``: run lengths in column-major
order, background first; from the fourth run on the difference to the run two before; five bits a character, lowest
first, 0x20 for "more follows", the sign in 0x10 of the last character, plus 48.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError

__all__ = [
    "canonical_counts",
    "check_size",
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

_MORE = 0x20
_SIGN = 0x10
_ZERO = 48
_MAX_SIDE = 2**31 - 1  # the sides are stored as int32
_MAX_CHARS = 13  # 13 * 5 bits hold every difference of runs below 2**62


def check_size(size_hw: Any) -> tuple[int, int]:
    """Return ``size_hw`` as two Python ints.

    Raises
    ------
    MaskError
        If it is not two integers from 0 to 2**31 - 1.
    """
    try:
        height, width = size_hw
        size = (height.__index__(), width.__index__())
    except (AttributeError, TypeError, ValueError):
        raise MaskError(f"a mask's size is (height, width) in whole pixels, not {size_hw!r}") from None
    if not (0 <= size[0] <= _MAX_SIDE and 0 <= size[1] <= _MAX_SIDE):
        raise MaskError(f"a mask's height and width lie between 0 and {_MAX_SIDE}, not {size}")
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
    counts, _ = counts_from_pool(values, np.array([0, values.size], dtype=np.int64))
    return counts.tobytes()


def counts_from_pool(runs: Ints, offsets: Offsets) -> tuple[npt.NDArray[np.uint8], Offsets]:
    """Compress the run lengths of many masks at once.

    Parameters
    ----------
    runs : ndarray of int, shape (n_runs,)
        The run lengths of all masks, one after another.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``runs[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    counts : ndarray of uint8, shape (n_bytes,)
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``counts[offsets[i]:offsets[i + 1]]``.
    """
    deltas = _deltas(runs, offsets)
    if not deltas.size:
        return np.empty(0, np.uint8), np.zeros(offsets.size, np.int64)
    magnitude = deltas ^ (deltas >> (8 * deltas.itemsize - 1))
    n_groups = max(1, -(-(int(magnitude.max()).bit_length() + 1) // 5))
    if n_groups == 1:
        return ((deltas & 31) + _ZERO).astype(np.uint8), offsets.astype(np.int64)
    if deltas.size > 1 << 15:
        return _compress_long(deltas, magnitude, n_groups, offsets)
    shifts = np.arange(0, 5 * n_groups, 5, dtype=deltas.dtype)
    groups = ((deltas[:, None] >> shifts) & 31).astype(np.uint8)
    more = np.zeros(groups.shape, dtype=bool)
    np.greater_equal(magnitude[:, None], np.left_shift(16, shifts[:-1], dtype=np.int64), out=more[:, :-1])
    keep = np.ones(groups.shape, dtype=bool)
    keep[:, 1:] = more[:, :-1]
    groups += more.view(np.uint8) << 5
    groups += _ZERO
    counts = groups[keep]
    if offsets.size == 2:  # noqa: PLR2004 - one mask
        return counts, np.array([0, counts.size], dtype=np.int64)
    lengths = np.zeros(deltas.size + 1, dtype=np.int64)
    np.cumsum(np.count_nonzero(keep, axis=1), out=lengths[1:])
    return counts, lengths[offsets]


def _deltas(runs: Ints, offsets: Offsets) -> Ints:
    """Return each run less the run two before it, from a mask's fourth run on."""
    deltas = runs.copy()
    if runs.size <= 3:  # noqa: PLR2004 - the format's own threshold
        if offsets.size == 2:  # noqa: PLR2004 - one mask
            return deltas
    deltas[2:] -= runs[:-2]
    heads = offsets[:-1, None] + np.arange(3)
    whole = heads[heads < offsets[1:, None]]
    deltas[whole] = runs[whole]
    return deltas


def _compress_long(
    deltas: Ints, magnitude: Ints, n_groups: int, offsets: Offsets
) -> tuple[npt.NDArray[np.uint8], Offsets]:
    """Compress many differences group by group: most of a noisy mask's take one character."""
    lengths = np.ones(deltas.size, dtype=np.uint8)
    for group in range(n_groups - 1):
        lengths += magnitude >= (16 << 5 * group)
    ends = np.zeros(deltas.size + 1, dtype=np.int64)
    np.cumsum(lengths, out=ends[1:])
    counts = np.empty(int(ends[-1]), dtype=np.uint8)
    rest, at, left = deltas, ends[:-1], lengths
    while True:
        more = left > 1
        counts[at] = (rest & 31).astype(np.uint8) + (more.view(np.uint8) << 5) + _ZERO
        chosen = np.flatnonzero(more)
        if not chosen.size:
            return counts, ends[offsets]
        rest, at, left = rest[chosen] >> 5, at[chosen] + 1, left[chosen] - 1


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
    pool = np.frombuffer(counts, dtype=np.uint8)
    runs, _ = _runs_from_pool(pool, np.array([0, pool.size], dtype=np.int64))
    if runs.size and int(runs.min()) < 0:
        raise MaskError("malformed RLE counts: a run is negative")
    return runs


def _runs_from_pool(pool: npt.NDArray[np.uint8], offsets: Offsets) -> tuple[npt.NDArray[np.int64], Offsets]:
    """Return the run lengths of every mask of a pool; arithmetic is modulo 2**64, signs are not checked."""
    if not pool.size:
        return np.empty(0, np.int64), np.zeros(offsets.size, np.int64)
    groups = pool - np.uint8(_ZERO)
    if int(groups.max()) > 63:  # noqa: PLR2004 - six bits a character
        raise MaskError("malformed RLE counts: a byte is none of the characters '0' to 'o'")
    ends = np.flatnonzero(groups < _MORE)
    starts = np.empty(ends.size, dtype=np.int64)
    starts[:1] = 0
    starts[1:] = ends[:-1] + 1
    lasts = offsets[1:][np.diff(offsets) > 0] - 1
    if int(groups[lasts].max(initial=0)) >= _MORE:
        raise MaskError("malformed RLE counts: the last number breaks off")
    deltas = _numbers(groups, starts, ends)
    run_offsets = np.searchsorted(ends, offsets)
    return _undo_deltas(deltas, run_offsets), run_offsets


def _numbers(groups: npt.NDArray[np.uint8], starts: Offsets, ends: Offsets) -> npt.NDArray[np.int64]:
    """Put the five-bit groups of each number together, sign last."""
    lengths = ends - starts + 1
    longest = int(lengths.max())
    if longest > _MAX_CHARS:
        raise MaskError(f"malformed RLE counts: a number of {longest} characters")
    values = (groups[starts] & 31).astype(np.int64)
    for group in range(1, longest):
        chosen = np.flatnonzero(lengths > group)
        values[chosen] |= (groups[starts[chosen] + group] & 31).astype(np.int64) << 5 * group
    negative = np.flatnonzero(groups[ends] & _SIGN)
    values[negative] -= np.left_shift(np.int64(1), np.minimum(5 * lengths[negative], 63))
    return values


def _undo_deltas(deltas: npt.NDArray[np.int64], offsets: Offsets) -> npt.NDArray[np.int64]:
    """Return run lengths of the differences of many masks: two interleaved running sums a mask."""
    n_runs = np.diff(offsets)
    if offsets.size == 2:  # noqa: PLR2004 - one mask
        runs = deltas
        if runs.size > 3:  # noqa: PLR2004 - the format's own threshold
            np.cumsum(deltas[1::2], out=runs[1::2])
            np.cumsum(deltas[2::2], out=runs[2::2])
        return runs
    # Every mask is padded to an even number of runs, so that its two chains are columns of one table.
    n_rows = (n_runs + 1) // 2
    row_offsets = np.zeros(offsets.size, dtype=np.int64)
    np.cumsum(n_rows, out=row_offsets[1:])
    table = np.zeros((int(row_offsets[-1]), 2), dtype=np.int64)
    where = np.arange(deltas.size) + np.repeat(2 * row_offsets[:-1] - offsets[:-1], n_runs)
    table.ravel()[where] = deltas
    third = row_offsets[:-1][n_rows > 1]
    table[third + 1, 0] -= table[third, 0]  # the third run is written whole, not as a difference to the first
    sums = np.cumsum(table, axis=0)
    filled = np.flatnonzero(n_rows)
    base = np.zeros((filled.size, 2), dtype=np.int64)
    base[1:] = sums[row_offsets[filled[1:]] - 1]
    sums -= np.repeat(base, n_rows[filled], axis=0)
    return sums.ravel()[where]


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
    runs = runs_from_counts(counts)
    return np.cumsum(runs[: runs.size & ~1], dtype=position_dtype(size_hw[0] * size_hw[1]))


def toggles_from_pool(
    pool: npt.NDArray[np.uint8], offsets: Offsets, dtype: type[np.int32 | np.int64] = np.int64
) -> tuple[Ints, Offsets]:
    """Decode the counts of many masks at once, which are trusted to be valid.

    Parameters
    ----------
    pool : ndarray of uint8, shape (n_bytes,)
        The compressed counts of all masks, one after another.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``pool[offsets[i]:offsets[i + 1]]``.
    dtype : numpy int32 or int64
        Type of the positions; see `position_dtype`.

    Returns
    -------
    toggles : ndarray of `dtype`, shape (n_toggles,)
        ``start, end, start, end ...`` of all masks, column-major positions, ends excluded.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``toggles[offsets[i]:offsets[i + 1]]``; every mask has an even number.
    """
    offsets = np.asarray(offsets, dtype=np.int64)
    first = int(offsets[0])
    runs, run_offsets = _runs_from_pool(pool[first : int(offsets[-1])], offsets - first)
    sums = np.zeros(runs.size + 1, dtype=np.int64)
    np.cumsum(runs, out=sums[1:])
    n_runs = np.diff(run_offsets)
    n_toggles = n_runs & ~1
    toggles = (sums[1:] - np.repeat(sums[run_offsets[:-1]], n_runs)).astype(dtype)
    odd = n_runs & 1
    if odd.any():  # the last run is background: no toggle ends it
        toggles = np.delete(toggles, run_offsets[1:][odd == 1] - 1)
    toggle_offsets = np.zeros(offsets.size, dtype=np.int64)
    np.cumsum(n_toggles, out=toggle_offsets[1:])
    return toggles, toggle_offsets


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
    counts, _ = counts_from_pool(runs, np.array([0, runs.size], dtype=np.int64))
    return counts.tobytes()


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
    size = check_size(size_hw)
    runs = _checked_runs(counts, size)
    if runs.size > 1 and not runs[1:].all():
        toggles = np.cumsum(runs)[: runs.size & ~1]
        return counts_from_toggles(cancel_pairs(toggles), size)
    if not runs.size:
        return b"0"
    again = counts_from_runs(runs)
    return counts if again == counts else again


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
    return toggles[first[times & 1 == 1]]


def _checked_runs(counts: bytes, size_hw: tuple[int, int]) -> npt.NDArray[np.int64]:
    n_pixels = size_hw[0] * size_hw[1]
    runs = runs_from_counts(counts)
    # Each running sum is tested: where int64 wraps, the first sum to pass n_pixels (at most 2**62) shows it.
    sums = np.cumsum(runs)
    total = int(sums[-1]) if runs.size else 0
    if total != n_pixels or (runs.size and (int(runs.max()) > n_pixels or int(sums.min()) < 0)):
        raise MaskError(
            f"malformed RLE counts: the runs do not sum to {size_hw[0]} x {size_hw[1]} = {n_pixels} pixels"
        )
    return runs
