"""Frames with masks to files that other tools load as they are."""

from samframe.export._parquet import read_parquet, write_parquet

__all__ = ["read_parquet", "write_parquet"]
