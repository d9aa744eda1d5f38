"""The columns that a dataset adds to a frame: ids, files of masks and images, the order of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.export.dataset.images import RowImages, image_path
from samframe.export.dataset.mask_files import artifact_path
from samframe.export.rows import (
    ANNOTATION_ID,
    IMAGE_BYTES,
    IMAGE_FILE,
    ROW_NUMBER,
    AnnotationIds,
    image_name,
)
from samframe.ground.cells import text_or_none
from samframe.masks import Mask, MaskArray, MaskDtype

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    import pandas as pd

    from samframe.export.files import PathBase

__all__ = ["added_columns", "distinct_masks", "mask_arrays"]


def added_columns(
    df: pd.DataFrame,
    rows: RowImages,
    base: PathBase | None,
    *,
    image_col: Hashable | None,
    prompt_col: Hashable | None,
    points_cols: Sequence[Hashable],
    artifacts: str,
    images: str,
    is_partitioned: bool,
) -> dict[str, Any]:
    """Return the columns by name, None for one that comes with each data file.

    Parameters
    ----------
    df : DataFrame
        The user's frame.
    rows : RowImages
        Its images.
    base : PathBase or None
        What paths are relative to: an id belongs to the path as it is stored.
    image_col, prompt_col, points_cols : column names
        What a row asks for.
    artifacts, images : str
        Options of the export.
    is_partitioned : bool
        Whether rows are spread over folders.
    """
    added: dict[str, Any] = {
        ANNOTATION_ID: _annotation_ids(df, rows, base, image_col, prompt_col, points_cols)
    }
    if artifacts != "none":
        for name, array in mask_arrays(df):
            added[f"{name}_file"] = _mask_files(array, artifacts)
    if any(picture is not None for picture in rows.pictures):
        if images == "embed":
            added[IMAGE_BYTES] = None
        else:
            added[IMAGE_FILE] = [
                None if picture is None else image_path(picture) for picture in rows.pictures
            ]
    if is_partitioned:
        added[ROW_NUMBER] = np.arange(len(df))
    return added


def mask_arrays(df: pd.DataFrame) -> Iterator[tuple[str, MaskArray]]:
    """Yield name and array of each mask column."""
    for position, label in enumerate(df.columns):
        if isinstance(df.dtypes.iloc[position], MaskDtype):
            yield str(label), df.iloc[:, position].array


def distinct_masks(array: MaskArray) -> Iterator[tuple[int, Mask]]:
    """Yield each entry of the pool that a column uses, with its position there."""
    positions = np.unique(array.positions[array.positions >= 0])
    for start in range(0, len(positions), 4096):
        some = positions[start : start + 4096]
        yield from zip(some.tolist(), MaskArray(array.pool, some), strict=True)


def _mask_files(array: MaskArray, kind: str) -> list[str | None]:
    paths: dict[int, str | None] = {-1: None}
    for position, mask in distinct_masks(array):
        # PNG knows no image without pixels.
        paths[position] = artifact_path(mask, kind) if 0 not in mask.size_hw else None
    return [paths[position] for position in array.positions.tolist()]


def _annotation_ids(
    df: pd.DataFrame,
    rows: RowImages,
    base: PathBase | None,
    image_col: Hashable | None,
    prompt_col: Hashable | None,
    points_cols: Sequence[Hashable],
) -> Any:
    ids = AnnotationIds()
    nothing = [None] * len(df)
    images = nothing if image_col is None else df[image_col].tolist()
    prompts = nothing if prompt_col is None else df[prompt_col].tolist()
    points = [df[name].tolist() for name in points_cols]
    names = [image_name(cell, picture, base) for cell, picture in zip(images, rows.pictures, strict=True)]
    asked = [
        (name, text_or_none(prompt), *cells)
        for name, prompt, *cells in zip(names, prompts, *points, strict=True)
    ]
    for row in asked:
        ids.note(*row)
    masks = next((array for _, array in mask_arrays(df)), nothing)
    given = [
        ids.give(*row, mask=mask if isinstance(mask, Mask) else None)
        for row, mask in zip(asked, masks, strict=True)
    ]
    return np.array(given, dtype=np.int64)
