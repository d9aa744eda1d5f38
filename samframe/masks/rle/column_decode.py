"""Decoding COCO bytes by the column: the runs of thousands of masks in a dozen passes over one array.

COCO writes each run, from the fourth on, as its difference to the run two before. With d the numbers, r the runs and t
the positions where foreground and background change (all of one mask), v an auxiliary:

    v[k] = d[k] - v[k - 1]      r[k] = r[k - 1] + v[k]      t[k] = t[k - 1] + r[k]

so that three running sums over all masks give everything, if each mask's first element is lessened by what the masks
before it have left in the sum. All of it is modulo 2**32, which is exact where the results fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_PIXELS", "decode_column", "suspects"]

#: Masks of this many pixels or more need wider integers than this decoder has.
MAX_PIXELS = 2**31
#: An int32 takes at most so many characters of five bits.
_MAX_CHARS = 7
#: Masks decoded at a time: the working arrays stay within the processor's cache.
_BATCH = 1024


def decode_column(
    chars: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return where masks begin and end.

    Parameters
    ----------
    chars : ndarray of uint8, shape (n_bytes,)
        COCO bytes of all masks, known to be valid and canonical, of masks below 2**31 pixels.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``chars[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    toggles : ndarray of int32, shape (n_toggles,)
        ``start, end, start, end ...``, column-major positions, ends excluded.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``toggles[offsets[i]:offsets[i + 1]]``.
    """
    parts, ends, total = [], [np.zeros(1, dtype=np.int64)], 0
    for start in range(0, len(offsets) - 1, _BATCH):
        bounds = offsets[start : start + _BATCH + 1]
        numbers, number_offsets, _ = _numbers(chars[bounds[0] : bounds[-1]], bounds - bounds[0])
        runs = _runs(numbers, number_offsets)
        changes = _running(runs, number_offsets[:-1])
        odd = np.flatnonzero(np.diff(number_offsets) & 1)
        if len(odd):  # the last run is background: its end is no toggle
            keep = np.ones(len(changes), dtype=bool)
            keep[number_offsets[odd + 1] - 1] = False
            changes = changes[keep]
        parts.append(changes)
        ends.append(total + np.cumsum(np.diff(number_offsets) & ~1))
        total = int(ends[-1][-1])
    toggles = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    return toggles, np.concatenate(ends)


def suspects(
    chars: NDArray[np.uint8], offsets: NDArray[np.int64], n_pixels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return which masks are not plainly valid and canonical.

    A mask that is not listed has well-formed numbers, none longer than need be, runs of which only the first may be 0,
    and as many pixels as its size says. What is listed may still be valid: it wants a closer look.

    Parameters
    ----------
    chars : ndarray of uint8, shape (n_bytes,)
        Bytes from anywhere.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``chars[offsets[i]:offsets[i + 1]]``.
    n_pixels : ndarray of int64, shape (n,)
        Height times width, modulo 2**64.

    Returns
    -------
    ndarray of int64, shape (n_suspects,)
    """
    found = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(n_pixels), _BATCH):
        bounds = offsets[start : start + _BATCH + 1]
        part = chars[bounds[0] : bounds[-1]]
        found.append(start + _suspects(part, bounds - bounds[0], n_pixels[start : start + _BATCH]))
    return np.concatenate(found)


def _suspects(
    chars: NDArray[np.uint8], offsets: NDArray[np.int64], n_pixels: NDArray[np.int64]
) -> NDArray[np.int64]:
    everyone = np.arange(len(n_pixels))
    groups = chars - np.uint8(48)
    whole = (np.diff(offsets) > 0).all() and (groups <= 63).all() and (groups[offsets[1:] - 1] < 32).all()  # noqa: PLR2004  # six bits, the highest for "more"
    if not whole:
        return everyone
    numbers, number_offsets, odd_numbers = _numbers(chars, offsets)
    heads, tails = number_offsets[:-1], number_offsets[1:] - 1
    runs = _runs(numbers, number_offsets)
    wrong_run = runs < 1
    wrong_run[heads] = runs[heads] < 0
    changes = _running(runs, heads)
    # Each step is below 2**31, so a sum that passes 2**31 is negative once before it can pass 2**32.
    wrong_run |= changes < 0
    wrong = (changes[tails] != n_pixels) | (n_pixels < 0) | (n_pixels >= MAX_PIXELS)
    for offenders in (np.flatnonzero(wrong_run), odd_numbers):
        wrong[np.searchsorted(number_offsets, offenders, side="right") - 1] = True
    return np.flatnonzero(wrong)


def _numbers(
    chars: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers, the offsets of each mask's, and which numbers are spelled too long or are no int32."""
    groups = chars - np.uint8(48)
    is_last = groups < 32  # noqa: PLR2004  # bit 5 says "more follows"
    last = groups[is_last]
    numbers = ((last ^ 16).astype(np.int32)) - 16  # five bits with sign
    if len(numbers) == len(groups):
        return numbers, offsets, np.empty(0, dtype=np.int64)
    ends = np.flatnonzero(is_last)
    lengths = np.diff(ends, prepend=-1)
    long = np.flatnonzero(lengths > 1)
    left, at, values = lengths[long] - 1, ends[long], numbers[long].astype(np.int64)
    before = groups[at - 1].astype(np.int64)
    # A last group that only repeats the sign of the one before it need not be there.
    strange = values == -((before >> 4) & 1)
    strange |= lengths[long] > _MAX_CHARS
    more = np.arange(len(long))
    while len(more):
        at[more] -= 1
        values[more] = (values[more] << 5) | (groups[at[more]] & 31)
        left[more] -= 1
        more = more[left[more] > 0]
    numbers[long] = values  # what is no int32 wraps, and is reported
    strange |= numbers[long] != values
    return numbers, np.searchsorted(ends, offsets), long[strange]


def _runs(numbers: NDArray[np.int32], offsets: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the runs, in place of the numbers."""
    heads = offsets[:-1]
    third = heads[np.diff(offsets) > 2] + 2  # noqa: PLR2004  # COCO writes the third run whole
    numbers[third] -= numbers[third - 2]
    odd = numbers[1::2]
    np.negative(odd, out=odd)
    alternating = _running(numbers, heads)
    odd = alternating[1::2]
    np.negative(odd, out=odd)
    return _running(alternating, heads)


def _running(values: NDArray[np.int32], heads: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the running sums that begin anew at each head, leaving `values` as they were."""
    firsts = values[heads]
    with np.errstate(over="ignore"):
        values[heads[1:]] -= np.add.reduceat(values, heads)[:-1]
        sums: NDArray[Any] = np.cumsum(values, dtype=np.int32)
    values[heads] = firsts
    return sums
