"""A frame's columns by name, the one that is meant or an error that says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from samframe.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["has_column", "only_column"]


def has_column(df: pd.DataFrame, name: object) -> bool:
    """Return whether the frame has a column of this name; what cannot be a name is none."""
    try:
        return name in df.columns
    except TypeError:
        return False


def only_column(df: pd.DataFrame, name: Hashable) -> pd.Series:
    """Return the one column of a name.

    Raises
    ------
    OptionError
        If it is no frame, or has no such column, or more than one.
    """
    if not isinstance(df, pd.DataFrame):
        raise OptionError(f"A pandas DataFrame is wanted, not a {type(df).__name__}.")
    if not has_column(df, name):
        known = ", ".join(map(repr, list(df.columns)[:12]))
        raise OptionError(f"The frame has no column {name!r}; it has {known or 'none'}.")
    column = df[name]
    if isinstance(column, pd.DataFrame):
        raise OptionError(f"The frame has {column.shape[1]} columns named {name!r}; rename all but one.")
    return column
