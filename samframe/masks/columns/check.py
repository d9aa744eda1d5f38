"""Checking foreign COCO bytes by the column: each mask is valid and spelled in the one way, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from samframe.errors import MaskError
from samframe.masks.columns.pool import MaskPool
from samframe.masks.mask import Mask
from samframe.masks.rle import canonical_counts, suspects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["checked_pool", "sound_masks"]


def checked_pool(
    counts: pa.LargeBinaryArray, sizes_hw: NDArray[np.int64], positions: NDArray[np.int64]
) -> MaskPool:
    """Return a pool of masks that come from outside.

    Parameters
    ----------
    counts : pyarrow.LargeBinaryArray, length n
        COCO's compressed RLE bytes, no nulls. What is valid but not canonical (runs of length 0, numbers longer than
        need be) is spelled anew, so that equal masks have equal bytes.
    sizes_hw : ndarray of int64, shape (n, 2)
        Height and width in pixels.
    positions : ndarray of int64, shape (n,)
        Where each mask stood in its column; errors name it.

    Raises
    ------
    MaskError
        If a size is negative or past 2**31 - 1, or bytes are malformed or do not fit their size.
    """
    out_of_range = np.flatnonzero(((sizes_hw < 0) | (sizes_hw > np.iinfo(np.int32).max)).any(axis=1))
    if len(out_of_range):
        at = out_of_range[0]
        raise MaskError(f"Element {positions[at]}: no mask has height and width {sizes_hw[at].tolist()}.")
    pool = MaskPool([counts], sizes_hw.astype(np.int32))
    data, offsets = pool.bytes_view()
    respelled: dict[int, bytes] = {}
    for at in suspects(data, offsets, sizes_hw.prod(axis=1)).tolist():
        height, width = sizes_hw[at].tolist()
        try:
            respelled[at] = canonical_counts(pool.counts_at(at), (height, width))
        except MaskError as error:
            raise MaskError(f"Element {positions[at]}: {error}") from error
    if any(fresh != pool.counts_at(at) for at, fresh in respelled.items()):
        spelled = [respelled.get(at, old) for at, old in enumerate(counts.to_pylist())]
        counts = pa.array(spelled, type=pa.large_binary())
        pool = MaskPool([counts], sizes_hw.astype(np.int32))
    return pool


def sound_masks(counts: Sequence[bytes], sizes_hw: Sequence[tuple[int, int]]) -> list[Mask | None]:
    """Return the masks of many bytes and sizes, checked together; None where the bytes are no mask of their size.

    Parameters
    ----------
    counts : sequence of bytes, length n
        COCO's compressed RLE bytes.
    sizes_hw : sequence of (int, int), length n
        Height and width in pixels.
    """
    masks: list[Mask | None] = [
        Mask._trusted(data, size)  # noqa: SLF001 - those that need a closer look get it below
        for data, size in zip(counts, sizes_hw, strict=True)
    ]
    if masks:
        data, offsets = MaskPool.from_masks(counts, sizes_hw).bytes_view()
        n_pixels = np.array(sizes_hw, dtype=np.int64).reshape(-1, 2).prod(axis=1)
        for at in suspects(data, offsets, n_pixels).tolist():
            try:
                masks[at] = Mask(counts[at], sizes_hw[at])
            except MaskError:
                masks[at] = None
    return masks
