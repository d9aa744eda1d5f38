"""A frame to a dataset's folder or a Parquet file, back, and verified."""

from samframe.export.dataset.exchange import read_parquet, to_parquet
from samframe.export.dataset.parquet import write_parquet
from samframe.export.dataset.part_files import PARTS, describe_part, finish_parts, write_part
from samframe.export.dataset.verification import Difference, VerifyReport, verify
from samframe.export.dataset.writer import write_dataset

__all__ = [
    "PARTS",
    "Difference",
    "VerifyReport",
    "describe_part",
    "finish_parts",
    "read_parquet",
    "to_parquet",
    "verify",
    "write_dataset",
    "write_parquet",
    "write_part",
]
