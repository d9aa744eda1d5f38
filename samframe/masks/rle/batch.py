"""The run-length codec for stacks of small masks: what a call costs is paid once for thousands of pixels."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.rle.bits import unpack_columns
from samframe.masks.rle.codec import as_bool, as_words, encode, is_dense, next_column, set_bits
from samframe.masks.rle.column_decode import MAX_PIXELS, decode_column, suspects
from samframe.masks.rle.counts import canonical_counts, check_size, counts_from_pool, toggles_from_pool
from samframe.masks.rle.paint import paint_stack

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["decode_batch", "encode_batch"]

Ints = npt.NDArray[np.integer[Any]]
Bytes = npt.NDArray[np.uint8]

_BATCH_BYTES = 1 << 21  # pixels that are worked on at once: they stay in the cache


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
        out += _encode_chunk(as_bool(pixels[first : first + step]))
    return out


def _encode_chunk(stack: npt.NDArray[Any]) -> list[bytes]:
    """Encode a C-ordered stack whose pixels fit in int32 positions."""
    n_masks, height, width = stack.shape
    bits = np.packbits(stack, axis=2)
    changed = np.empty_like(bits)
    np.bitwise_xor(bits[:, 1:], bits[:, :-1], out=changed[:, 1:])
    changed[:, 0] = bits[:, 0] ^ next_column(bits[:, -1], width)
    stride = height * width + 1  # a place past the last pixel, where a run may end
    if is_dense(changed.reshape(n_masks * height, -1)):
        positions = _changes_in_columns(bits, (height, width))
    else:
        words = as_words(changed)
        used = np.flatnonzero(words != 0)
        rows, xs = set_bits(used, words[used], bits.shape[2])
        which = rows // height
        positions = which * stride + xs * height + (rows - which * height)
        positions.sort()
    heads = np.arange(n_masks, dtype=positions.dtype) * stride
    offsets = np.searchsorted(positions, np.append(heads, heads[-1] + stride))
    # A run ends at every toggle, and at the mask's last pixel; the first one begins at its first.
    edges = np.insert(positions, offsets[1:], heads + height * width)
    run_offsets = offsets + np.arange(n_masks + 1)
    runs = np.diff(edges, prepend=edges.dtype.type(0))
    runs[run_offsets[1:-1]] -= 1  # from one mask's last pixel to the next one's first
    counts, counts_offsets = counts_from_pool(runs, run_offsets)
    return [counts[first:end] for first, end in pairwise(counts_offsets.tolist())]


def _changes_in_columns(bits: Bytes, size_hw: tuple[int, int]) -> Ints:
    """Return where the pixels of a stack of packed rows change, mask k from ``k * (n_pixels + 1)`` on, in order."""
    n_pixels = size_hw[0] * size_hw[1]
    pixels = unpack_columns(bits, size_hw).reshape(bits.shape[0], n_pixels)
    changed = np.empty(pixels.shape, dtype=bool)
    np.not_equal(pixels[:, 1:], pixels[:, :-1], out=changed[:, 1:])
    np.not_equal(pixels[:, 0], 0, out=changed[:, 0])
    found = np.flatnonzero(changed)
    per_mask = np.diff(np.searchsorted(found, np.arange(bits.shape[0] + 1) * n_pixels))
    return found + np.repeat(np.arange(bits.shape[0]), per_mask)


def decode_batch(counts: Sequence[bytes], size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the pixels of many masks of one size, many small ones at a time.

    Parameters
    ----------
    counts : sequence of bytes, length n
        COCO's compressed counts, one a mask.
    size_hw : (int, int)
        Height and width of every mask in pixels.

    Returns
    -------
    ndarray of bool, shape (n, H, W), C order

    Raises
    ------
    MaskError
        If counts are malformed or do not fit the size; the message names their position.
    """
    size = check_size(size_hw)
    chars = np.frombuffer(b"".join(counts), dtype=np.uint8)
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in counts], out=offsets[1:])
    wanting = suspects(chars, offsets, np.full(len(counts), size[0] * size[1]))
    if wanting.size:
        sound = list(counts)
        for at in wanting.tolist():
            try:
                sound[at] = canonical_counts(counts[at], size)
            except MaskError as error:
                raise MaskError(f"Element {at}: {error}") from error
        if sound != list(counts):
            return decode_batch(sound, size)
    wide = size[0] * size[1] >= MAX_PIXELS
    toggles, ends = toggles_from_pool(chars, offsets) if wide else decode_column(chars, offsets)
    out = np.zeros((len(counts), *size), dtype=bool)
    paint_stack(toggles, ends, out, np.arange(len(counts)))
    return out
