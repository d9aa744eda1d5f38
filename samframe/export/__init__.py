"""Frames with masks to files that other tools load as they are."""

from samframe.export._coco import to_coco
from samframe.export._dataset import write_dataset
from samframe.export._formulas import quote_formulas
from samframe.export._html import write_html
from samframe.export._html_rows import ReportColumns
from samframe.export._huggingface import to_huggingface
from samframe.export._manifest import FileEntry
from samframe.export._options import ExportOptions
from samframe.export._parquet import write_parquet
from samframe.export._part_files import PARTS, describe_part, finish_parts, write_part
from samframe.export._records import Record, RecordColumns, iter_records
from samframe.export._report import ExportReport
from samframe.export._semantic import to_semantic
from samframe.export._split import split
from samframe.export._to_parquet import read_parquet, to_parquet
from samframe.export._verify import Difference, VerifyReport, verify
from samframe.export._yolo import to_yolo

__all__ = [
    "PARTS",
    "Difference",
    "ExportOptions",
    "ExportReport",
    "FileEntry",
    "Record",
    "RecordColumns",
    "ReportColumns",
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
    "write_html",
    "write_parquet",
    "write_part",
]
