"""Identity and order of mask columns: the keys by which pandas groups, joins, sorts and hashes them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.masks.columns.pool import MaskPool

__all__ = ["parse_key", "pool_keys", "pool_ranks"]

_SIZE = struct.Struct("<ii")


def pool_keys(pool: MaskPool, index: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return each mask's identity, None where missing.

    Parameters
    ----------
    pool : MaskPool
        The masks.
    index : ndarray of int64, shape (n,)
        Positions in the pool, -1 for NA.

    Returns
    -------
    ndarray of object, shape (n,)
        Height and width (little-endian int32) followed by the COCO bytes. COCO's form of a mask is unique, so two masks
        have one key exactly if they have one size and the same pixels.
    """
    present, inverse = np.unique(index, return_inverse=True)
    data, offsets = pool.bytes_view()
    raw, sizes = data.tobytes() if len(present) * 4 > len(pool) else None, pool.sizes_hw()
    keys = np.empty(len(present), dtype=object)
    for slot, position in enumerate(present.tolist()):
        if position >= 0:
            start, stop = int(offsets[position]), int(offsets[position + 1])
            counts = raw[start:stop] if raw is not None else data[start:stop].tobytes()
            keys[slot] = _SIZE.pack(*sizes[position].tolist()) + counts
    return keys[inverse.reshape(-1)]


def parse_key(key: bytes) -> tuple[bytes, tuple[int, int]]:
    """Return the COCO bytes and (height, width) that a key was made of."""
    height, width = _SIZE.unpack_from(key)
    return key[_SIZE.size :], (height, width)


def pool_ranks(areas: NDArray[np.int64], keys: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return sort ranks of masks: by area, then by key; equal masks have equal ranks.

    Masks have no natural order: this one makes sorting repeatable, and sorts by area where areas differ.

    Parameters
    ----------
    areas : ndarray of int64, shape (n,)
        Areas in pixels, 0 for missing masks.
    keys : ndarray of object, shape (n,)
        As :func:`pool_keys` gives them.
    """
    records = list(zip(areas.tolist(), (key or b"" for key in keys), strict=True))
    rank_of = {record: rank for rank, record in enumerate(sorted(set(records)))}
    return np.fromiter((rank_of[record] for record in records), dtype=np.int64, count=len(records))
