"""Frames with masks to files that other tools load as they are."""

from samframe.export.dataset import (
    PARTS,
    Difference,
    VerifyReport,
    describe_part,
    finish_parts,
    read_parquet,
    to_parquet,
    verify,
    write_dataset,
    write_parquet,
    write_part,
)
from samframe.export.files import FileEntry
from samframe.export.formats import to_coco, to_huggingface, to_semantic, to_yolo
from samframe.export.report import ExportReport
from samframe.export.rows import Record, RecordColumns, iter_records, quote_formulas
from samframe.export.splits import ExportOptions, split

__all__ = [
    "PARTS",
    "Difference",
    "ExportOptions",
    "ExportReport",
    "FileEntry",
    "Record",
    "RecordColumns",
    "VerifyReport",
    "describe_part",
    "finish_parts",
    "iter_records",
    "quote_formulas",
    "read_parquet",
    "split",
    "to_coco",
    "to_huggingface",
    "to_parquet",
    "to_semantic",
    "to_yolo",
    "verify",
    "write_dataset",
    "write_parquet",
    "write_part",
]
