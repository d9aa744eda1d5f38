"""Runs to pixels in C order, without transposing: an xor runs down eight planes of bits at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["paint_toggles"]

Ints = npt.NDArray[np.integer[Any]]
Bytes = npt.NDArray[np.uint8]

_STRIP = 64  # columns that are transposed at a time: a cache line of the output
_DENSE = 16  # more than one toggle in this many pixels: paint column by column

_LOWEST_BITS = np.uint64(0x0101010101010101)
_BITS = np.left_shift(1, np.arange(8)).astype(np.uint8)

# What the last row of a plane hands on to the planes below it: bit p is the parity of the bits under p.
_BANDS_BEFORE = np.array(
    [sum(((byte & ((1 << p) - 1)).bit_count() & 1) << p for p in range(8)) for byte in range(256)],
    dtype=np.uint8,
)


def paint_toggles(toggles: Ints, size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the pixels of spans.

    Parameters
    ----------
    toggles : ndarray of int, shape (2 * n_spans,)
        ``start, end, start, end ...`` as column-major positions, ends excluded.
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of bool, shape (H, W), C order
    """
    height, width = size_hw
    if not height * width:
        return np.zeros(size_hw, dtype=bool)
    if toggles.size > height * width // _DENSE:
        return _paint_columns(toggles, size_hw)
    # Bit p of byte (j, x) stands for pixel (p * n_rows + j, x): each of the eight bands of rows is a plane of
    # bits, so that unpacking is eight passes over whole bands.
    n_rows = -(-height // 8)
    planes = np.zeros((n_rows, width + -width % 8), dtype=np.uint8)
    _scatter(toggles, size_hw, planes)
    words = planes.view(np.uint64)
    np.bitwise_xor.accumulate(words, axis=0, out=words)
    words ^= _BANDS_BEFORE[planes[-1]].view(np.uint64)
    out = np.empty((8 * n_rows, planes.shape[1]), dtype=np.uint8)
    bands = out.view(np.uint64).reshape(8, n_rows, -1)
    for plane in range(8):
        np.right_shift(words, plane, out=bands[plane])
        bands[plane] &= _LOWEST_BITS
    return np.ascontiguousarray(out[:height, :width]).view(bool)


def _scatter(toggles: Ints, size_hw: tuple[int, int], planes: Bytes) -> None:
    """Set a bit wherever a column changes, the pixel above its first one taken as background."""
    height, width = size_hw
    n_rows, stride = planes.shape
    xs = toggles // height
    ys = toggles - xs * height
    planes[0, :width] = _open_at_top(np.bincount(xs, minlength=width + 1)[:width])
    if toggles.size and int(xs[-1]) == width:  # the end of the last pixel lies outside
        xs, ys = xs[:-1], ys[:-1]
    bands = ys // n_rows
    spots = (ys - bands * n_rows) * stride + xs
    np.bitwise_xor.at(planes.ravel(), spots, _BITS[bands])


def _open_at_top(toggles_a_column: Ints) -> Bytes:
    """Return 1 for each column whose pixel above the first (the last of the column before) is foreground."""
    parity = np.zeros(toggles_a_column.size, dtype=np.uint8)
    np.bitwise_xor.accumulate((toggles_a_column[:-1] & 1).astype(np.uint8), out=parity[1:])
    return parity


def _paint_columns(toggles: Ints, size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Paint a noisy mask column by column, in a running xor over bits, and transpose it by strips."""
    height, width = size_hw
    n_pixels = height * width
    flips = np.zeros(n_pixels + 1, dtype=np.uint8)
    flips[toggles] = 1
    bits = np.zeros(-(-n_pixels // 64) * 8, dtype=np.uint8)
    bits[: -(-n_pixels // 8)] = np.packbits(flips[:n_pixels], bitorder="little")
    words = bits.view("<u8").astype(np.uint64, copy=False)
    for shift in (1, 2, 4, 8, 16, 32):
        words ^= words << np.uint64(shift)
    odd = (words[:-1] >> np.uint64(63)).astype(np.uint8)
    words[1:] ^= np.negative(np.bitwise_xor.accumulate(odd).astype(np.uint64))
    columns = np.unpackbits(words.astype("<u8", copy=False).view(np.uint8), count=n_pixels, bitorder="little")
    out = np.empty((height, width), dtype=np.uint8)
    for x in range(0, width, _STRIP):
        out[:, x : x + _STRIP] = columns.reshape(width, height)[x : x + _STRIP].T
    return out.view(bool)
