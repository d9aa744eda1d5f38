"""Runs to pixels in C order, without transposing: an xor runs down eight planes of bits at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.masks.rle.bits import unpack_columns
from samframe.masks.runs import chunks, column_spans, gather

__all__ = ["paint_stack", "paint_toggles"]

Ints = npt.NDArray[np.integer[Any]]
Bytes = npt.NDArray[np.uint8]

_DENSE = 16  # more than one toggle in this many pixels: paint column by column

_SMALL = 1 << 14  # pixels of masks that are painted many at a time
_STACK_PIXELS = 1 << 21  # pixels of small masks that are painted at once: they stay in the cache
_STACK_TOGGLES = 1 << 15

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
    """Paint a noisy mask column by column, and transpose its bits."""
    pixels: npt.NDArray[np.bool_] = _paint_flips(_flips(toggles, size_hw[0] * size_hw[1]), 1, size_hw)[0]
    return pixels


def paint_stack(
    toggles: Ints, offsets: npt.NDArray[np.int64], out: npt.NDArray[np.bool_], places: npt.NDArray[np.int64]
) -> None:
    """Set the pixels of many masks of one size.

    Parameters
    ----------
    toggles : ndarray of int, shape (n_toggles,)
        ``start, end, start, end ...`` of all masks as column-major positions, ends excluded.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``toggles[offsets[i]:offsets[i + 1]]``.
    out : ndarray of bool, shape (m, H, W), C order
        The stack. What is written to holds zeros.
    places : ndarray of int64, shape (n,)
        Where mask i stands in the stack.
    """
    n_pixels = out[:1].size
    if n_pixels < _SMALL:
        step = _STACK_PIXELS // max(n_pixels, 1)
        for first in range(0, len(places), step):
            bounds = offsets[first : first + step + 1]
            some = toggles[bounds[0] : bounds[-1]]
            small = _paint_small(some, bounds - bounds[0], (out.shape[1], out.shape[2]))
            out[places[first : first + step]] = small
        return
    for part in chunks(offsets, _STACK_TOGGLES):
        bounds = offsets[part.start : part.stop + 1]
        noisy = np.diff(bounds) > n_pixels // _DENSE
        if noisy.any():
            for at in np.flatnonzero(noisy).tolist():
                own = toggles[bounds[at] : bounds[at + 1]]
                out[places[part][at]] = paint_toggles(own, (out.shape[1], out.shape[2]))
            some, ends = gather(toggles, bounds, np.flatnonzero(~noisy))
            _paint_windows(some, ends, out, places[part][~noisy])
        else:
            _paint_windows(toggles, bounds, out, places[part])


def _paint_windows(
    toggles: Ints, offsets: npt.NDArray[np.int64], out: npt.NDArray[np.bool_], places: npt.NDArray[np.int64]
) -> None:
    """Set the pixels of masks, each within its box: a row is the one above it, changed where a span begins or ends."""
    x, y0, y1, ends = column_spans(toggles, offsets, out.shape[1])
    filled = np.flatnonzero(np.diff(ends))
    if not filled.size:
        return
    heads, tails = ends[filled], ends[filled + 1]
    left, right = x[heads], x[tails - 1] + 1
    top, bottom = np.minimum.reduceat(y0, heads), np.maximum.reduceat(y1, heads)
    stride = -(left - right) + (left - right) % 8  # whole words
    n_spans = tails - heads
    strides = np.repeat(stride, n_spans)
    begins = (y0 - np.repeat(top, n_spans)) * strides + (x - np.repeat(left, n_spans))
    stops = begins + (y1 - y0) * strides
    boxes = np.stack([places[filled], heads, tails, left, right, top, bottom, stride], axis=1)
    for place, head, tail, x0, x1, row, end, step in boxes.tolist():
        flips = np.zeros((end - row + 1) * step, dtype=np.uint8)
        flips[begins[head:tail]] = 1
        flips[stops[head:tail]] = 1
        words = flips.view(np.uint64).reshape(end - row + 1, -1)
        np.bitwise_xor.accumulate(words, axis=0, out=words)
        out[place, row:end, x0:x1] = flips.reshape(-1, step)[:-1, : x1 - x0].view(bool)


def _paint_small(
    toggles: Ints, offsets: npt.NDArray[np.int64], size_hw: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Return the pixels of small masks, column after column as if they were one image."""
    n_masks, n_pixels = len(offsets) - 1, size_hw[0] * size_hw[1]
    places = toggles + np.repeat(np.arange(n_masks) * n_pixels, np.diff(offsets))
    flips = np.zeros(n_masks * n_pixels + 1, dtype=np.uint8)
    flips[places[::2]] = 1
    flips[places[1::2]] ^= 1  # where one mask ends and the next one starts, foreground goes on
    return _paint_flips(flips, n_masks, size_hw)


def _paint_flips(flips: Bytes, n_masks: int, size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the pixels, bool (n, H, W), of masks whose changes are marked column by column: a running xor."""
    height, width = size_hw
    n_pixels = n_masks * height * width
    bits = _running_parity(np.packbits(flips[:n_pixels]))
    if height % 8:
        columns = np.packbits(np.unpackbits(bits, count=n_pixels).reshape(n_masks, width, height), axis=2)
    else:
        columns = bits[: n_pixels // 8].reshape(n_masks, width, height // 8)
    return unpack_columns(columns, (width, height)).view(bool)


def _flips(toggles: Ints, n_pixels: int) -> Bytes:
    """Return 1 at each toggle, uint8 of shape (n_pixels + 1,)."""
    if 4 * toggles.size < 3 * n_pixels:
        flips = np.zeros(n_pixels + 1, dtype=np.uint8)
        flips[toggles] = 1
        return flips
    # There is one nearly everywhere: mark where there is none.
    edges = np.concatenate([[-1], toggles, [n_pixels + 1]])
    gaps = np.flatnonzero(edges[1:] - edges[:-1] > 1)
    starts, lengths = edges[gaps] + 1, edges[gaps + 1] - edges[gaps] - 1
    flips = np.ones(n_pixels + 1, dtype=np.uint8)
    flips[np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)] = 0
    return flips


def _running_parity(bits: Bytes) -> Bytes:
    """Return, for each bit, the parity of it and all bits before it; padded with bytes to whole words."""
    padded = np.zeros(-(-bits.size // 8) * 8, dtype=np.uint8)
    padded[: bits.size] = bits
    words = padded.view(">u8").astype(np.uint64)
    for shift in (1, 2, 4, 8, 16, 32):
        words ^= words >> np.uint64(shift)
    odd = (words[:-1] & np.uint64(1)).astype(np.uint8)
    words[1:] ^= np.negative(np.bitwise_xor.accumulate(odd).astype(np.uint64))
    return words.astype(">u8").view(np.uint8)
