"""Binary masks: COCO's run-length codec, the scalar `Mask` and its arithmetic."""

from samframe.masks._array import MaskArray
from samframe.masks._codec import decode, encode, encode_batch
from samframe.masks._counts import counts_from_runs, runs_from_counts, validate
from samframe.masks._dtype import MaskDtype
from samframe.masks._mask import Mask

__all__ = [
    "Mask",
    "MaskArray",
    "MaskDtype",
    "counts_from_runs",
    "decode",
    "encode",
    "encode_batch",
    "runs_from_counts",
    "validate",
]
