"""What a dataset's manifest and report say of a frame: counts, warnings, and how much was read back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.export.dataset.columns import mask_arrays
from samframe.export.report import ExportReport
from samframe.ground.cells import text_or_none
from samframe.ground.engine import count_offline, offline_warning

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from samframe.export.dataset.images import RowImages
    from samframe.export.files import FileEntry, PathBase

__all__ = ["count_contents", "count_values", "make_report", "make_warnings"]


def make_warnings(
    df: pd.DataFrame, rows: RowImages, base: PathBase | None, *, images: str, has_image_root: bool
) -> list[str]:
    """Return what the reader of a dataset should know, in words.

    Parameters
    ----------
    df : DataFrame
        The frame.
    rows : RowImages
        Its images.
    base : PathBase or None
        What its paths are relative to.
    images : str
        What is kept of images.
    has_image_root : bool
        Whether the caller has named the folder that image paths start at.
    """
    warnings = _image_warnings(rows, images)
    if base is not None and base.kind == "image_root" and not has_image_root and base.has_images:
        warnings.append(
            "the images lie apart from the dataset: their paths are kept relative to their common folder; pass it to "
            "read_parquet as image_root, or export with images='copy'"
        )
    warnings += _missing_warnings(df)
    n_offline = count_offline(df)
    if n_offline:
        warnings.append(offline_warning(n_offline))
    return warnings


def count_contents(df: pd.DataFrame, entries: Sequence[FileEntry]) -> dict[str, Any]:
    """Return how many rows, files of each kind, masks a column and rows a status there are."""
    kinds = Counter(entry.kind for entry in entries)
    masks = dict(mask_arrays(df))
    counts: dict[str, Any] = {"rows": len(df), "data_files": kinds["data"], "mask_files": kinds["mask"]}
    counts["images"] = kinds["image"]
    counts["masks"] = {name: int((~array.isna()).sum()) for name, array in masks.items()}
    counts["status"] = count_values(df, "status" if "status" in df.columns else None)
    return counts


def count_values(df: pd.DataFrame, column: Hashable | None) -> dict[str, int]:
    """Return how many rows have each value of a column, as text, "" where missing; {} without a column."""
    if column is None:
        return {}
    counted = Counter(text_or_none(cell) or "" for cell in df[column].tolist())
    return dict(sorted(counted.items()))


def make_report(df: pd.DataFrame, path: str, warnings: Sequence[str]) -> ExportReport:
    """Return the report. All that was written was compared with the frame: what differed has raised."""
    rows = int(_have_masks(df).sum())
    return ExportReport(
        path=path,
        format="dataset",
        rows_written=rows,
        iou_min=1.0 if rows else None,
        iou_mean=1.0 if rows else None,
        warnings=tuple(warnings),
    )


def _image_warnings(rows: RowImages, images: str) -> list[str]:
    warnings = []
    if rows.problems:
        at, problem = rows.problems[0]
        warnings.append(
            f"{len(rows.problems):,} images cannot be copied; the first is of row {at}: {problem}"
        )
    if rows.in_memory and images == "reference":
        warnings.append(
            f"{len(rows.in_memory):,} image cells hold pixels or bytes, which have no reference: they are in images/"
        )
    return warnings


def _missing_warnings(df: pd.DataFrame) -> list[str]:
    missing = ~_have_masks(df)
    if not list(mask_arrays(df)):
        return ["there is no column of masks: the dataset holds the table alone"]
    if not missing.any():
        return []
    words = f"{int(missing.sum()):,} of {len(df):,} rows have no mask"
    if "status" not in df.columns:
        return [words]
    counted = count_values(df[missing], "status").items()
    listed = ", ".join(f"{status or 'no status'} {count:,}" for status, count in counted)
    return [f"{words} ({listed}); they are in the data all the same"]


def _have_masks(df: pd.DataFrame) -> NDArray[np.bool_]:
    """Say which rows have a mask in any column, bool of shape (n,)."""
    have = np.zeros(len(df), dtype=bool)
    for _, array in mask_arrays(df):
        have |= ~array.isna()
    return have
