"""Cells that Arrow has no type for, as it has: paths as text, pictures as the bytes of a PNG file."""

from __future__ import annotations

import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import ImageError, OptionError
from samframe.ground.cells import is_missing
from samframe.images import find_source, read_stored

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["storable_cells"]

_DIMENSIONS = (2, 3)


def storable_cells(df: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with paths as text and Pillow images and pixel arrays as PNG bytes.

    Raises
    ------
    OptionError
        If a column mixes pictures in memory with something that is neither bytes nor missing.
    """
    result = df
    for position, label in enumerate(df.columns):
        column = df.iloc[:, position]
        if column.dtype != object:
            continue
        cells = column.tolist()
        is_path = [isinstance(cell, PurePath) for cell in cells]
        is_picture = [_is_picture(cell) for cell in cells]
        if not (any(is_path) or any(is_picture)):
            continue
        if result is df:
            result = df.copy(deep=False)
        if any(is_picture):
            cells = _as_bytes(cells, is_picture, label)
        values = np.empty(len(cells), dtype=object)
        values[:] = [str(cell) if isinstance(cell, PurePath) else cell for cell in cells]
        result.isetitem(position, pd.Series(values, index=df.index, dtype=object))
    return result


def _is_picture(cell: Any) -> bool:
    module = sys.modules.get("PIL.Image")
    if module is not None and isinstance(cell, module.Image):
        return True
    return isinstance(cell, np.ndarray) and cell.dtype == np.uint8 and cell.ndim in _DIMENSIONS


def _as_bytes(cells: list[Any], is_picture: list[bool], label: Hashable) -> list[Any]:
    others = [
        cell
        for cell, is_one in zip(cells, is_picture, strict=True)
        if not is_one and not is_missing(cell) and not isinstance(cell, bytes | bytearray | memoryview)
    ]
    if others:
        raise OptionError(
            f"Column {label!r} has pictures in memory beside a {type(others[0]).__name__}: one Parquet column holds "
            "one kind. Write a folder (a path without .parquet), which keeps both."
        )
    done: dict[int, bytes] = {}
    return [
        cell if not is_one else done.setdefault(id(cell), _png(cell, label))
        for cell, is_one in zip(cells, is_picture, strict=True)
    ]


def _png(cell: Any, label: Hashable) -> bytes:
    try:
        source = find_source(cell)
        return read_stored(source)  # type: ignore[arg-type]  # a picture in memory is no URL
    except ImageError as error:
        raise OptionError(f"Column {label!r}: {error}") from None
