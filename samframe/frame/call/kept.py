"""Rows that a call leaves alone: those with a mask or a mark, and what a person corrected by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.ground.cells import is_missing
from samframe.ground.frame import has_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["check_edits", "fill_rows", "missing_rows"]

#: What the gallery and the annotator write about a row.
_MARKS = ("mark", "review", "edited")
_EDITS = ("edited",)


def missing_rows(df: pd.DataFrame, names: Mapping[str, str]) -> NDArray[np.int64]:
    """Return the positions of rows that have neither a result (mask, overlay) nor a mark, for ``only="missing"``."""
    kept = np.zeros(len(df), dtype=bool)
    for column in (*(names[field] for field in ("mask", "overlay") if field in names), *_MARKS):
        if has_column(df, column) and isinstance(df[column], pd.Series):
            kept |= _filled(df[column])
    return np.flatnonzero(~kept).astype(np.int64)


def check_edits(df: pd.DataFrame, names: Mapping[str, str], *, overwrite: Any) -> None:
    """Refuse to write over masks that were corrected by hand, unless that is said.

    Raises
    ------
    OptionError
        If there are such masks and ``overwrite`` is not ``"edited"``.
    """
    if overwrite == "edited" or not has_column(df, names.get("mask")):
        return
    for column in _EDITS:
        if has_column(df, column) and isinstance(df[column], pd.Series):
            n_edited = int((_filled(df[column]) & df[names["mask"]].notna().to_numpy()).sum())
            if n_edited:
                rows = "1 mask was" if n_edited == 1 else f"{n_edited:,} masks were"
                raise OptionError(
                    f"{rows} corrected by hand (column {column!r}), and overwrite=True would replace them. Nothing was "
                    'sent. only="missing" keeps every row that has a mask or a mark; overwrite="edited" replaces all.'
                )


def _filled(column: pd.Series) -> NDArray[np.bool_]:
    """Return which cells hold something; empty text and "unmarked" are nothing."""
    return np.array(
        [not is_missing(cell) and cell not in ("", "unmarked") for cell in _plain(column)], dtype=bool
    )


def _plain(column: pd.Series) -> list[Any]:
    return [None if gone else True for gone in column.isna()] if column.dtype == "mask" else column.tolist()


def fill_rows(
    df: pd.DataFrame, result: pd.DataFrame, todo: NDArray[np.int64], names: Mapping[str, str]
) -> pd.DataFrame:
    """Return a frame with the columns of a result at some of its rows; the other rows keep what they have.

    Parameters
    ----------
    df : pandas.DataFrame
        All rows.
    result : pandas.DataFrame
        The rows that were asked for, in order.
    todo : ndarray of int64
        Their positions.
    names : mapping
        The columns of the result: field name to column name.
    """
    columns = {}
    order = np.full(len(df), -1, dtype=np.int64)
    order[todo] = np.arange(len(todo))
    rest = np.flatnonzero(order < 0)
    order[rest] = len(todo) + np.arange(len(rest))
    for name in names.values():
        new = result[name].array
        old = df[name].iloc[rest].array if has_column(df, name) else None
        columns[name] = _joined(new, old, len(rest)).take(order)
    filled = df.assign(**columns)
    filled.attrs = {**df.attrs, **result.attrs}
    return filled


def _joined(new: Any, old: Any, n_rest: int) -> Any:
    if isinstance(new, pd.Categorical):
        texts = [None] * n_rest if old is None else [None if is_missing(cell) else str(cell) for cell in old]
        extra = [text for text in dict.fromkeys(texts) if text is not None and text not in new.categories]
        dtype = pd.CategoricalDtype([*new.categories, *extra])
        return pd.Categorical([*new.astype(object), *texts], dtype=dtype)
    kind = type(new)
    cells = [pd.NA] * n_rest if old is None else [pd.NA if is_missing(cell) else cell for cell in old]
    try:
        rest = kind._from_sequence(cells, dtype=new.dtype)  # noqa: SLF001 - pandas' own constructor
    except (TypeError, ValueError):
        return pd.array([*new.tolist(), *cells], dtype=object)
    return kind._concat_same_type([new, rest])  # noqa: SLF001 - as above
