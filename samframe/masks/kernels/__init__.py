"""The primitives that masks stand on, by NumPy or, where that is faster, by rlemasklib: no one else knows which."""

from samframe.masks.kernels.choice import in_use
from samframe.masks.kernels.seam import (
    canonical_counts,
    component_counts,
    counts_of,
    decode,
    decode_batch,
    encode,
    encode_batch,
    one_by_one,
    paint,
    paint_pool,
    polygon_counts,
    reshaped_counts,
    toggles_of,
    union_of_pool,
)

__all__ = [
    "canonical_counts",
    "component_counts",
    "counts_of",
    "decode",
    "decode_batch",
    "encode",
    "encode_batch",
    "in_use",
    "one_by_one",
    "paint",
    "paint_pool",
    "polygon_counts",
    "reshaped_counts",
    "toggles_of",
    "union_of_pool",
]
