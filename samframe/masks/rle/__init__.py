"""COCO's run-length code of binary masks: characters, runs, pixels, one mask or thousands."""

from samframe.masks.rle.batch import decode_batch, encode_batch
from samframe.masks.rle.codec import encode, toggles_from_array, toggles_from_bits
from samframe.masks.rle.column_decode import MAX_PIXELS, decode_column, suspects
from samframe.masks.rle.counts import (
    canonical_counts,
    check_size,
    counts_from_pool,
    counts_from_runs,
    position_dtype,
    runs_from_counts,
    toggles_from_pool,
    validate,
)
from samframe.masks.rle.paint import paint_stack

__all__ = [
    "MAX_PIXELS",
    "canonical_counts",
    "check_size",
    "counts_from_pool",
    "counts_from_runs",
    "decode_batch",
    "decode_column",
    "encode",
    "encode_batch",
    "paint_stack",
    "position_dtype",
    "runs_from_counts",
    "suspects",
    "toggles_from_array",
    "toggles_from_bits",
    "toggles_from_pool",
    "validate",
]
