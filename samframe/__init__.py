"""samframe: every pandas DataFrame gets ``df.sam``, which turns images and prompts into masks with Segmind's SAM 2.

>>> import pandas as pd, samframe  # doctest: +SKIP
>>> df.sam.plan("image", "prompt")  # doctest: +SKIP
>>> out = df.sam.segment("image", "prompt")  # doctest: +SKIP
"""

from samframe._version import __version__
from samframe.errors import (
    ApiError,
    AuthenticationError,
    ConnectionFailedError,
    ContractError,
    CreditsError,
    ImageError,
    LedgerError,
    MaskError,
    ModelUnavailableError,
    OptionError,
    PermissionDeniedError,
    RowsFailedError,
    SamframeError,
)
from samframe.export import (
    ExportReport,
    read_parquet,
    split,
    to_coco,
    to_huggingface,
    to_parquet,
    to_semantic,
    to_yolo,
    verify,
)
from samframe.frame import (
    DatasetRun,
    Run,
    annotate,
    asegment,
    compare,
    last_run,
    offline,
    plan,
    replay,
    segment,
    segment_dataset,
    start,
    suspicion,
    to_html,
    view,
)
from samframe.jobs import Ledger, Plan
from samframe.masks import Mask, MaskArray, MaskDtype, from_arrow, to_arrow
from samframe.segmind import Client

__all__ = [
    "ApiError",
    "AuthenticationError",
    "Client",
    "ConnectionFailedError",
    "ContractError",
    "CreditsError",
    "DatasetRun",
    "ExportReport",
    "ImageError",
    "Ledger",
    "LedgerError",
    "Mask",
    "MaskArray",
    "MaskDtype",
    "MaskError",
    "ModelUnavailableError",
    "OptionError",
    "PermissionDeniedError",
    "Plan",
    "RowsFailedError",
    "Run",
    "SamframeError",
    "__version__",
    "annotate",
    "asegment",
    "compare",
    "from_arrow",
    "last_run",
    "offline",
    "plan",
    "read_parquet",
    "replay",
    "segment",
    "segment_dataset",
    "split",
    "start",
    "suspicion",
    "to_arrow",
    "to_coco",
    "to_html",
    "to_huggingface",
    "to_parquet",
    "to_semantic",
    "to_yolo",
    "verify",
    "view",
]
