"""Binary masks: COCO's run-length codec, the scalar `Mask` and its arithmetic."""

from samframe.masks.array import MaskArray, MaskDtype
from samframe.masks.arrow.extension import arrow_extension_type
from samframe.masks.columns import sound_masks
from samframe.masks.kernels import decode, decode_batch, encode, encode_batch
from samframe.masks.mask import Mask
from samframe.masks.rle import counts_from_runs, runs_from_counts, validate
from samframe.masks.table import from_arrow, to_arrow

__all__ = [
    "Mask",
    "MaskArray",
    "MaskDtype",
    "arrow_extension_type",
    "counts_from_runs",
    "decode",
    "decode_batch",
    "encode",
    "encode_batch",
    "from_arrow",
    "runs_from_counts",
    "sound_masks",
    "to_arrow",
    "validate",
]
