"""Frames with masks to files that other tools load as they are."""

from samframe.export._parquet import read_parquet, write_parquet
from samframe.export._to_parquet import to_parquet

__all__ = ["read_parquet", "to_parquet", "write_parquet"]
