"""Run-length codec for binary masks: pixels in C order to COCO's column-major counts and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks._counts import (
    canonical_counts,
    check_size,
    counts_from_toggles,
    position_dtype,
    toggles_from_counts,
)

__all__ = ["decode", "encode", "encode_batch", "paint_toggles", "toggles_from_array"]

Ints = npt.NDArray[np.integer[Any]]


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
    return counts_from_toggles(toggles, pixels.shape)  # type: ignore[arg-type]  # two sides: checked there


def encode_batch(stack: npt.ArrayLike) -> list[bytes]:
    """Return the compressed counts of every mask of a stack, shape (n, H, W)."""
    return [encode(array) for array in np.asarray(stack)]


def toggles_from_array(array: npt.NDArray[Any]) -> Ints:
    """Return the spans of a mask as ``start, end, start, end ...``, column-major positions, ends excluded."""
    if array.ndim != 2:  # noqa: PLR2004 - height and width
        raise MaskError(f"a mask has two axes (height, width), not {array.ndim}")
    flat = (array != 0).T.ravel()
    padded = np.zeros(flat.size + 2, dtype=bool)
    padded[1:-1] = flat
    return np.flatnonzero(padded[1:] != padded[:-1]).astype(position_dtype(flat.size))


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
    size = check_size(size_hw)
    return paint_toggles(toggles_from_counts(canonical_counts(counts, size), size), size)


def paint_toggles(toggles: Ints, size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the pixels of spans as a bool array (H, W) in C order."""
    height, width = size_hw
    flat = np.zeros(height * width + 1, dtype=np.uint8)
    flat[toggles] = 1
    np.bitwise_xor.accumulate(flat, out=flat)
    return np.ascontiguousarray(flat[:-1].view(bool).reshape(width, height).T)
