"""Run-length codec for binary masks: pixels in C order to COCO's column-major counts and back.

Images lie in memory row by row, COCO's runs go column by column. Neither direction transposes: where a pixel
differs from the one above it is found on rows packed to bits, and only the few places found are put in column order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.rle.bits import columns_of, unpack_columns
from samframe.masks.rle.counts import counts_from_toggles, position_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "as_bool",
    "as_words",
    "binary_pixels",
    "encode",
    "is_dense",
    "next_column",
    "set_bits",
    "toggles_from_array",
    "toggles_from_bits",
]

Ints = npt.NDArray[np.integer[Any]]
Bytes = npt.NDArray[np.uint8]

_STRIP_BYTES = 1 << 18
_DENSE = 40  # more than one changed bit in this many: transpose instead of sorting


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


def binary_pixels(array: npt.NDArray[Any], threshold: float | None = None) -> npt.NDArray[Any]:
    """Return an array whose pixels that are not zero are foreground.

    Parameters
    ----------
    array : ndarray
        Of booleans, whole numbers or floats.
    threshold : float, optional
        Foreground is this or more; NaN is background.

    Raises
    ------
    MaskError
        If it holds floats other than 0.0 and 1.0, and there is no threshold; or neither numbers nor booleans.
    """
    if threshold is not None:
        found: npt.NDArray[Any] = array >= threshold
        return found
    if array.dtype.kind in "biu":
        return array
    if array.dtype.kind != "f":
        raise MaskError(f"a mask is an array of booleans or numbers, not of {array.dtype}")
    if not ((array == 0) | (array == 1)).all():
        raise MaskError(
            f"the array holds floats other than 0.0 and 1.0 ({array.dtype}), such as a model's probabilities: say from "
            "where on they are foreground, Mask.from_numpy(array, threshold=0.5), or compare first: array > 0.5"
        )
    return array


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
        return _toggles_from_columns(as_bool(array.T), height * width)
    pixels = as_bool(array)
    last = np.packbits(pixels[-1:], axis=1)[0]
    step = _strip_rows(last.size)
    strips = (np.packbits(pixels[y : y + step], axis=1) for y in range(0, height, step))
    toggles = _toggles_from_strips(strips, last, (height, width), give_up=True)
    return _toggles_from_columns(columns_of(pixels), height * width) if toggles is None else toggles


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
    return (
        _toggles_from_columns(unpack_columns(bits, size_hw), size_hw[0] * size_hw[1])
        if toggles is None
        else toggles
    )


def _strip_rows(n_bytes: int) -> int:
    """Return how many packed rows are worked on at once: whole words, and few enough to stay in the cache."""
    return max(1, _STRIP_BYTES // (8 * n_bytes)) * 8


def _toggles_from_strips(
    strips: Iterable[Bytes], last_row: Bytes, size_hw: tuple[int, int], *, give_up: bool
) -> Ints | None:
    """Return the toggles of packed rows that come in strips, or None for a mask that is mostly noise."""
    height, width = size_hw
    above, n_before = next_column(last_row, width), 0
    numbers, values = [], []
    for bits in strips:
        changed = np.empty_like(bits)
        np.bitwise_xor(bits[1:], bits[:-1], out=changed[1:])
        np.bitwise_xor(bits[0], above, out=changed[0])
        above = bits[-1]
        words = as_words(changed)
        used = np.flatnonzero(words != 0)
        if give_up and used.size * 8 > words.size and is_dense(changed):
            return None
        numbers.append(used + n_before if n_before else used)
        values.append(words[used])
        n_before += words.size
    rows, xs = set_bits(np.concatenate(numbers), np.concatenate(values), last_row.size)
    dtype = position_dtype(height * width)
    toggles: Ints = (xs * height + rows).astype(dtype, copy=False)
    toggles.sort()
    if toggles.size & 1:
        return np.append(toggles, dtype(height * width))
    return toggles


def as_words(rows: Bytes) -> npt.NDArray[np.uint64]:
    """Return packed rows as words of eight bytes, zeros after the last."""
    flat = rows.ravel()
    if flat.size % 8:
        flat = np.concatenate([flat, np.zeros(-flat.size % 8, dtype=np.uint8)])
    return flat.view(np.uint64)


def as_bool(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array as C-ordered booleans, without a copy where the bytes allow it."""
    if array.dtype == np.bool_:
        return np.ascontiguousarray(array)
    if array.dtype in (np.uint8, np.int8):
        return np.ascontiguousarray(array).view(np.uint8)  # packbits tests for 0
    return np.ascontiguousarray(array != 0)


def next_column(last_rows: Bytes, width: int) -> Bytes:
    """Move packed rows one column to the right: before a column's first pixel comes the last of the one before."""
    moved: Bytes = np.right_shift(last_rows, 1, dtype=np.uint8)
    moved[..., 1:] |= last_rows[..., :-1] << 7
    if width % 8:
        moved[..., -1] &= np.uint8(0xFF << (8 - width % 8) & 0xFF)
    return moved


def is_dense(changed: Bytes) -> bool:
    """Say, from a sample of rows, whether so many bits are set that sorting costs more than a transposition."""
    sample = changed[:: max(1, changed.shape[0] // 16)]
    return int(np.unpackbits(sample).sum()) * _DENSE > sample.size * 8


def set_bits(numbers: Ints, words: npt.NDArray[np.uint64], n_bytes: int) -> tuple[Ints, Ints]:
    """Return the rows and columns of the bits set in these words of rows of ``n_bytes`` each."""
    found = np.flatnonzero(np.unpackbits(words.view(np.uint8)).view(bool))
    spots = numbers[found >> 6] * 64 + (found & 63)
    rows = spots // (8 * n_bytes)
    return rows, spots - rows * (8 * n_bytes)


def _toggles_from_columns(columns: npt.NDArray[np.bool_] | Bytes, n_pixels: int) -> Ints:
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
