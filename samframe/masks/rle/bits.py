"""Packed bits of pictures: rows to columns eight by eight, which costs a quarter of transposing their bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["columns_of", "transpose_bits", "unpack_columns"]

Bytes = npt.NDArray[np.uint8]

# Swaps that turn eight rows of eight bits in one word into its columns (Hacker's Delight, section 7-3).
_SWAPS = (
    (np.uint64(7), np.uint64(0x00AA00AA00AA00AA)),
    (np.uint64(14), np.uint64(0x0000CCCC0000CCCC)),
    (np.uint64(28), np.uint64(0x00000000F0F0F0F0)),
)


def transpose_bits(bits: Bytes) -> Bytes:
    """Return packed rows as packed columns.

    Parameters
    ----------
    bits : ndarray of uint8, shape (..., H, n_bytes)
        Rows packed by `numpy.packbits`, first pixel highest.

    Returns
    -------
    ndarray of uint8, shape (..., 8 * n_bytes, ceil(H / 8)), C order
        Columns packed in the same way, those of the rows' padding among them; the bits past the height are 0.
    """
    *lead, height, n_bytes = bits.shape
    if height % 8:
        padded = np.zeros((*lead, height + -height % 8, n_bytes), dtype=np.uint8)
        padded[..., :height, :] = bits
        bits = padded
    n_blocks = bits.shape[-2] // 8
    # Blocks of 8 x 8: the first row is the highest byte of its word.
    rows = bits.reshape(*lead, n_blocks, 8, n_bytes)[..., ::-1, :]
    words = np.ascontiguousarray(np.moveaxis(rows, -1, -3)).view("<u8")[..., 0].astype(np.uint64, copy=False)
    for shift, mask in _SWAPS:
        moved = words >> shift
        moved ^= words
        moved &= mask
        words ^= moved
        moved <<= shift
        words ^= moved
    columns = words.astype("<u8", copy=False)[..., None].view(np.uint8)[..., ::-1]
    return np.ascontiguousarray(np.moveaxis(columns, -1, -2)).reshape(*lead, 8 * n_bytes, n_blocks)


def columns_of(pixels: npt.NDArray[np.bool_] | Bytes) -> Bytes:
    """Return pixels of shape (H, W), of which what is not zero is foreground, as `unpack_columns` does."""
    return unpack_columns(np.packbits(pixels, axis=1), pixels.shape)


def unpack_columns(bits: Bytes, size_hw: tuple[int, ...]) -> Bytes:
    """Return the pixels of packed rows column by column.

    Parameters
    ----------
    bits : ndarray of uint8, shape (..., H, ceil(W / 8))
        Rows packed by `numpy.packbits`.
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of uint8, shape (..., W, H), C order
        0 and 1.
    """
    height, width = size_hw
    return np.unpackbits(transpose_bits(bits)[..., :width, :], axis=-1, count=height)
