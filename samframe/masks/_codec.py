"""Run-length codec for binary masks: pixels in C order to COCO's column-major counts and back.

Images lie in memory row by row, COCO's runs go column by column. Neither direction transposes: where a pixel
differs from the one above it is found on rows packed to bits, and only the few places found are put in column order.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks._counts import (
    checked_toggles,
    counts_from_pool,
    counts_from_toggles,
    position_dtype,
)
from samframe.masks._paint import paint_toggles

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["decode", "encode", "encode_batch", "paint_toggles", "toggles_from_array", "toggles_from_bits"]

Ints = npt.NDArray[np.integer[Any]]
Bytes = npt.NDArray[np.uint8]

_BATCH_BYTES = 1 << 22  # pixels of a batch that are worked on at once: they stay in the cache
_STRIP_BYTES = 1 << 18
_STRIP = 64  # columns that are transposed at a time: a cache line of the output
_DENSE = 16  # more than one changed bit in this many: transpose instead of sorting


def encode(array: npt.ArrayLike) -> bytes:
    """Return COCO's compressed counts of a mask, byte for byte those of pycocotools.

    Parameters
    ----------
    array : array_like, shape (H, W)
        Any dtype and memory order; what is not zero is foreground.

    Returns
    -------
    bytes

    Raises
    ------
    MaskError
        If the array is not two-dimensional.
    """
    pixels = np.asarray(array)
    toggles = toggles_from_array(pixels)
    return counts_from_toggles(toggles, (pixels.shape[0], pixels.shape[1]))


def encode_batch(stack: npt.ArrayLike) -> list[bytes]:
    """Return COCO's compressed counts of every mask of a stack, many small masks at a time.

    Parameters
    ----------
    stack : array_like, shape (n, H, W)
        Any dtype; what is not zero is foreground.

    Returns
    -------
    list of bytes
        One a mask, each equal to what `encode` gives.

    Raises
    ------
    MaskError
        If the array is not three-dimensional.
    """
    pixels = np.asarray(stack)
    if pixels.ndim != 3:  # noqa: PLR2004 - masks, height and width
        raise MaskError(f"a stack of masks has three axes (n, height, width), not {pixels.ndim}")
    n_masks, height, width = pixels.shape
    step = _BATCH_BYTES // max(1, height * width)
    if step <= 1 or width * height == 0:
        return [encode(mask) for mask in pixels]
    out: list[bytes] = []
    for first in range(0, n_masks, step):
        out += _encode_chunk(_as_bool(pixels[first : first + step]))
    return out


def _encode_chunk(stack: npt.NDArray[np.bool_]) -> list[bytes]:
    """Encode a C-ordered stack whose pixels fit in int32 positions."""
    n_masks, height, width = stack.shape
    bits = np.packbits(stack, axis=2)
    changed = np.empty_like(bits)
    np.bitwise_xor(bits[:, 1:], bits[:, :-1], out=changed[:, 1:])
    changed[:, 0] = bits[:, 0] ^ _next_column(bits[:, -1], width)
    words = _as_words(changed)
    used = np.flatnonzero(words != 0)
    rows, xs = _set_bits(used, words[used], bits.shape[2])
    if rows.size > changed.size * 8 // _DENSE:
        return [encode(mask) for mask in stack]
    which, ys = np.divmod(rows, height)
    positions = which * (height * width + 1) + xs * height + ys
    positions.sort()
    heads = np.arange(n_masks, dtype=positions.dtype) * (height * width + 1)
    offsets = np.searchsorted(positions, np.append(heads, heads[-1] + height * width + 1))
    # A run ends at every toggle, and at the mask's last pixel; the first one begins at its first.
    edges = np.insert(positions, offsets[1:], heads + height * width)
    run_offsets = offsets + np.arange(n_masks + 1)
    runs = np.diff(edges, prepend=edges.dtype.type(0))
    runs[run_offsets[1:-1]] -= 1  # from one mask's last pixel to the next one's first
    counts, counts_offsets = counts_from_pool(runs, run_offsets)
    return [counts[first:end] for first, end in pairwise(counts_offsets.tolist())]


def toggles_from_array(array: npt.NDArray[Any]) -> Ints:
    """Return where a mask begins and ends.

    Parameters
    ----------
    array : ndarray, shape (H, W)
        Any dtype and memory order; what is not zero is foreground.

    Returns
    -------
    ndarray of int32 or int64, shape (2 * n_spans,)
        ``start, end, start, end ...`` as column-major positions ``x * height + y``, ends excluded.

    Raises
    ------
    MaskError
        If the array is not two-dimensional.
    """
    if array.ndim != 2:  # noqa: PLR2004 - height and width
        raise MaskError(f"a mask has two axes (height, width), not {array.ndim}")
    height, width = array.shape
    if not array.size:
        return np.empty(0, dtype=np.int32)
    if array.T.flags.c_contiguous and not array.flags.c_contiguous:
        return _toggles_from_columns(_as_bool(array.T), height * width)
    pixels = _as_bool(array)
    last = np.packbits(pixels[-1:], axis=1)[0]
    step = _strip_rows(last.size)
    strips = (np.packbits(pixels[y : y + step], axis=1) for y in range(0, height, step))
    toggles = _toggles_from_strips(strips, last, (height, width), give_up=True)
    if toggles is None:
        columns = np.empty((width, height), dtype=pixels.dtype)
        for y in range(0, height, _STRIP):
            columns[:, y : y + _STRIP] = pixels[y : y + _STRIP].T
        return _toggles_from_columns(columns, height * width)
    return toggles


def toggles_from_bits(bits: Bytes, size_hw: tuple[int, int]) -> Ints:
    """Return where a mask begins and ends, from rows packed to bits.

    Parameters
    ----------
    bits : ndarray of uint8, shape (H, ceil(W / 8)), C order
        Rows packed by `numpy.packbits`; the bits past the width are 0.
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of int32 or int64, shape (2 * n_spans,)
        As `toggles_from_array`.
    """
    if not bits.size:
        return np.empty(0, dtype=np.int32)
    step = _strip_rows(bits.shape[1])
    strips = (bits[y : y + step] for y in range(0, bits.shape[0], step))
    toggles = _toggles_from_strips(strips, bits[-1], size_hw, give_up=True)
    if toggles is None:
        return toggles_from_array(np.unpackbits(bits, axis=1, count=size_hw[1]))
    return toggles


def _strip_rows(n_bytes: int) -> int:
    """Return how many packed rows are worked on at once: whole words, and few enough to stay in the cache."""
    return max(1, _STRIP_BYTES // (8 * n_bytes)) * 8


def _toggles_from_strips(
    strips: Iterable[Bytes], last_row: Bytes, size_hw: tuple[int, int], *, give_up: bool
) -> Ints | None:
    """Return the toggles of packed rows that come in strips, or None for a mask that is mostly noise."""
    height, width = size_hw
    above, n_before = _next_column(last_row, width), 0
    numbers, values = [], []
    for bits in strips:
        changed = np.empty_like(bits)
        np.bitwise_xor(bits[1:], bits[:-1], out=changed[1:])
        np.bitwise_xor(bits[0], above, out=changed[0])
        above = bits[-1]
        words = _as_words(changed)
        used = np.flatnonzero(words != 0)
        if give_up and used.size * 4 > words.size and _is_dense(changed):
            return None
        numbers.append(used + n_before if n_before else used)
        values.append(words[used])
        n_before += words.size
    rows, xs = _set_bits(np.concatenate(numbers), np.concatenate(values), last_row.size)
    dtype = position_dtype(height * width)
    toggles: Ints = (xs * height + rows).astype(dtype, copy=False)
    toggles.sort()
    if toggles.size & 1:
        return np.append(toggles, dtype(height * width))
    return toggles


def _as_words(rows: Bytes) -> npt.NDArray[np.uint64]:
    flat = rows.ravel()
    if flat.size % 8:
        flat = np.concatenate([flat, np.zeros(-flat.size % 8, dtype=np.uint8)])
    return flat.view(np.uint64)


def _as_bool(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array as C-ordered booleans, without a copy where the bytes allow it."""
    if array.dtype == np.bool_:
        return np.ascontiguousarray(array)
    if array.dtype in (np.uint8, np.int8):
        return np.ascontiguousarray(array).view(np.uint8)  # packbits tests for 0
    return np.ascontiguousarray(array != 0)


def _next_column(last_rows: Bytes, width: int) -> Bytes:
    """Move packed rows one column to the right: before a column's first pixel comes the last of the one before."""
    moved: Bytes = np.right_shift(last_rows, 1, dtype=np.uint8)
    moved[..., 1:] |= last_rows[..., :-1] << 7
    if width % 8:
        moved[..., -1] &= np.uint8(0xFF << (8 - width % 8) & 0xFF)
    return moved


def _is_dense(changed: Bytes) -> bool:
    """Say, from a sample of rows, whether so many bits are set that sorting costs more than a transposition."""
    sample = changed[:: max(1, changed.shape[0] // 16)]
    return int(np.unpackbits(sample).sum()) * _DENSE > sample.size * 8


def _set_bits(numbers: Ints, words: npt.NDArray[np.uint64], n_bytes: int) -> tuple[Ints, Ints]:
    """Return the rows and columns of the bits set in these words of rows of ``n_bytes`` each."""
    found = np.flatnonzero(np.unpackbits(words.view(np.uint8)).view(bool))
    spots = numbers[found >> 6] * 64 + (found & 63)
    rows = spots // (8 * n_bytes)
    return rows, spots - rows * (8 * n_bytes)


def _toggles_from_columns(columns: npt.NDArray[np.bool_], n_pixels: int) -> Ints:
    """Return the toggles of C-ordered pixels that already lie column by column."""
    dtype = position_dtype(n_pixels)
    flat = columns.ravel()
    if flat.dtype != np.bool_:
        flat = flat != 0
    found = [np.flatnonzero(flat[:1]).astype(dtype)]
    for first in range(0, n_pixels - 1, 1 << 17):
        part = flat[first : first + (1 << 17) + 1]
        found.append((np.flatnonzero(part[1:] != part[:-1]) + (first + 1)).astype(dtype))
    if flat[-1]:
        found.append(np.array([n_pixels], dtype=dtype))
    return np.concatenate(found)


def decode(counts: bytes, size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the pixels of a mask.

    Parameters
    ----------
    counts : bytes
        COCO's compressed counts.
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of bool, shape (H, W), C order

    Raises
    ------
    MaskError
        If the counts are malformed or do not fit the size.
    """
    return paint_toggles(checked_toggles(counts, size_hw)[0], size_hw)
