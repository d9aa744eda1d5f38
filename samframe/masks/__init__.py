"""Binary masks: COCO's run-length codec, the scalar `Mask` and its arithmetic."""

from samframe.masks._array import MaskArray, MaskDtype
from samframe.masks._batch import decode_batch, encode_batch
from samframe.masks._check import sound_masks
from samframe.masks._codec import decode, encode
from samframe.masks._counts import counts_from_runs, runs_from_counts, validate
from samframe.masks._extension import arrow_extension_type
from samframe.masks._mask import Mask
from samframe.masks._table import from_arrow, to_arrow

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
