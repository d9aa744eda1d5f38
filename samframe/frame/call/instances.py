"""A row an object: the masks of a job one by one, and the connected parts of any mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.ground.frame import only_column, remembered
from samframe.masks import MaskArray, MaskDtype

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from samframe.masks import Mask

__all__ = ["INSTANCE_COLUMNS", "explode", "spread"]

INSTANCE_COLUMNS = ("instance", "score", "box")
#: What a job has once: on the first of its rows alone, so that sums are right.
_ONCE = ("cost", "request_id", "inference_time", "queue_time", "total_time", "attempts")


def spread(
    result: pd.DataFrame,
    find: Callable[[int], Sequence[tuple[Mask, float | None]] | None],
    names: Mapping[str, str],
) -> pd.DataFrame:
    """Return the frame with a row for each object.

    Parameters
    ----------
    result : pandas.DataFrame
        A row a job.
    find : callable
        Takes a position and returns its masks and scores; None where the row stays as it is.
    names : mapping
        Field name to column name, those of :data:`INSTANCE_COLUMNS` among them.

    Returns
    -------
    pandas.DataFrame
        The index repeats. ``instance`` (Int64) counts from 0, ``score`` is Float64, ``box`` a tuple (x1, y1, x2, y2) in
        pixels of the image as stored, or None.
    """
    source: list[int] = []
    masks: list[Any] = []
    numbers: list[Any] = []
    scores: list[Any] = []
    given = result[names["mask"]].tolist()
    for row in range(len(result)):
        found = find(row)
        objects = list(found) if found is not None else []
        if not objects:
            objects = [(given[row], None)]
        source += [row] * len(objects)
        masks += [mask for mask, _ in objects]
        scores += [score for _, score in objects]
        numbers += list(range(len(objects))) if found else [pd.NA]
    out = result.iloc[source].copy(deep=False)
    out[names["mask"]] = MaskArray._from_sequence(masks)  # noqa: SLF001 - pandas' own constructor
    out[names["instance"]] = pd.array(numbers, dtype="Int64")
    had_score = names["score"] in result.columns
    kept = result[names["score"]].iloc[source].tolist() if had_score else [pd.NA] * len(source)
    out[names["score"]] = pd.array(
        [old if new is None else new for new, old in zip(scores, kept, strict=True)], dtype="Float64"
    )
    boxes = np.empty(len(masks), dtype=object)
    boxes[:] = [_box(mask) for mask in masks]
    out[names["box"]] = pd.Series(boxes, index=out.index, dtype=object)
    is_later = np.array([number is not pd.NA and number > 0 for number in numbers], dtype=bool)
    for field in _ONCE:
        column = names.get(field)
        if column is not None and column in out.columns and is_later.any():
            out[column] = out[column].mask(is_later)  # NA, as the column's dtype has it
    return out


def _box(mask: Any) -> tuple[float, float, float, float] | None:
    if mask is pd.NA or mask is None:
        return None
    if not mask.area:
        return None
    x, y, width, height = mask.bbox_xywh
    return (float(x), float(y), float(x + width), float(y + height))


def explode(
    df: pd.DataFrame, mask_col: Hashable = "mask", *, min_area: int = 1, connectivity: int = 8
) -> pd.DataFrame:
    """Return a frame with a row for each connected part of each mask.

    Parameters
    ----------
    df : pandas.DataFrame
        Any frame with masks; it is not changed.
    mask_col : column name
        Its column of dtype ``mask``.
    min_area : int
        Parts of fewer pixels are left out, unless the mask has no larger one.
    connectivity : {4, 8}
        Whether pixels touch by sides alone, or by corners too.

    Returns
    -------
    pandas.DataFrame
        The index repeats. ``instance`` counts the parts of a row from 0 in the order of their size, the largest first;
        ``box`` is (x1, y1, x2, y2) in pixels, by the edges. ``cost``, ``request_id`` and times stay on the first row of
        a mask alone, so that sums are right. Rows without a mask, and empty masks, stay one row.

    Raises
    ------
    OptionError
        If the column is missing or holds no masks, or an option is out of range.
    """
    mask_col = remembered(df, "mask", mask_col)
    if not isinstance(only_column(df, mask_col).dtype, MaskDtype):
        raise OptionError(f"Column {mask_col!r} is not of dtype 'mask': convert with .astype('mask').")
    if connectivity not in {4, 8}:
        raise OptionError(f"connectivity is 4 or 8; it is {connectivity!r}.")
    masks = df[mask_col].tolist()

    def parts(row: int) -> Sequence[tuple[Mask, float | None]] | None:
        mask = masks[row]
        if mask is pd.NA:
            return None
        every = sorted(mask.components(connectivity=connectivity), key=lambda part: -part.area)
        return [(part, None) for part in every if part.area >= min_area] or [
            (part, None) for part in every[:1]
        ]

    names = {**{field: field for field in (*INSTANCE_COLUMNS, *_ONCE)}, "mask": str(mask_col)}
    return spread(df, parts, names)
