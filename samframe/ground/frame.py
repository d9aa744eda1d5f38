"""A frame's columns by name, the one that is meant or an error that says why not; and what a result remembers."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pandas as pd

from samframe.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

__all__ = ["FOLDER_ATTR", "has_column", "image_cells", "only_column", "remember", "remembered"]

#: Attributes of a result: what its columns are called, and a token for the folder where its relative paths start. The
#: folder itself stays in this process: attributes go into files that others read.
COLUMNS_ATTR = "samframe_columns"
FOLDER_ATTR = "samframe_call"
_TOKENS: dict[str, str] = {}
_LONGEST_PATH = 4096


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


def remember(df: pd.DataFrame, names: Mapping[str, object]) -> None:
    """Note in a frame's attributes what its columns are called, and where relative paths in it start.

    Parameters
    ----------
    df : pandas.DataFrame
        The result of a call; its ``attrs`` change.
    names : mapping
        Role (``image``, ``prompt``, ``mask`` ...) to column name. Only names that are text and not the role's own are
        kept: attributes are written to Parquet as JSON.
    """
    own = {role: name for role, name in names.items() if isinstance(name, str) and name != role}
    df.attrs.pop(COLUMNS_ATTR, None)
    if own:
        df.attrs[COLUMNS_ATTR] = own
    folder = os.getcwd()  # noqa: PTH109 - text, as the paths are
    token = _TOKENS.setdefault(folder, f"{os.getpid()}-{len(_TOKENS)}-{os.urandom(4).hex()}")
    df.attrs[FOLDER_ATTR] = token


def remembered(df: object, role: str, name: Any) -> Any:
    """Return the name of a frame's column: the given one, or where that is the default and not there, the noted one.

    Parameters
    ----------
    df : pandas.DataFrame
        Any frame; others are left to who reads them.
    role : str
        What the column is for, which is its default name too.
    name : column name or None
        As the caller gave it.
    """
    if not isinstance(df, pd.DataFrame) or name != role or has_column(df, name):
        return name
    noted = df.attrs.get(COLUMNS_ATTR)
    found = noted.get(role) if isinstance(noted, dict) else None
    return found if isinstance(found, str) and has_column(df, found) else name


def image_cells(df: pd.DataFrame, name: Hashable) -> list[Any]:
    """Return the cells of an image column; relative paths start where the frame was made, in the same process."""
    cells: list[Any] = df[name].tolist()
    token = df.attrs.get(FOLDER_ATTR)
    folder = next((folder for folder, known in _TOKENS.items() if known == token), None)
    if folder is None or folder == os.getcwd():  # noqa: PTH109 - as above
        return cells
    return [_absolute(cell, folder) for cell in cells]


def _absolute(cell: Any, folder: str) -> Any:
    if isinstance(cell, PurePath):
        return cell if cell.is_absolute() else type(cell)(folder) / cell
    if not isinstance(cell, str) or not cell.strip() or len(cell) > _LONGEST_PATH:
        return cell
    is_path = "://" not in cell and not cell.lstrip().startswith(("data:", "~")) and not os.path.isabs(cell)  # noqa: PTH117
    joined = os.path.join(folder, cell) if is_path else cell  # noqa: PTH118 - text stays text
    return joined if is_path and os.path.exists(joined) else cell  # noqa: PTH110 - base64 text is no path
