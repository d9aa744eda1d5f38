"""Cells that hold lists, tuples, arrays or a mix of kinds: in a form that Parquet keeps, and back as they were."""

from __future__ import annotations

import json
import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from samframe.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["flatten", "restore"]

_JSON = "json"
_PIECES: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "list": list, "ndarray": np.asarray}


def flatten(df: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a frame whose object columns Arrow takes without loss, and what each column's cells were.

    Lists of one kind stay lists, which every reader understands; what Arrow would change becomes JSON text.

    Raises
    ------
    OptionError
        If a cell can be neither; the message names the column.
    """
    result, kinds = df.copy(deep=False), {}
    for position, label in enumerate(df.columns):
        column = df.iloc[:, position]
        if column.dtype != object:
            continue
        cells = [_plain(cell) for cell in column.array]
        kind = _kind(cells, str(label))
        if kind == _JSON:
            cells = [None if cell is None else _to_json(cell, str(label)) for cell in cells]
        if kind is not None:
            kinds[str(label)] = kind
        if kind is not None or any(
            cell is not given for cell, given in zip(cells, column.array, strict=True)
        ):
            result.isetitem(position, _series(cells, column))
    return result, kinds


def restore(column: pd.Series, kind: str) -> pd.Series:
    """Return a column of cells as they were before :func:`flatten`."""
    if kind == _JSON:
        return _series([json.loads(cell) if isinstance(cell, str) else None for cell in column.array], column)
    pieces = [_PIECES[name] for name in kind.split("/") if name in _PIECES]
    cells = [
        None if cell is None or isinstance(cell, float) else _rebuilt(cell, pieces) for cell in column.array
    ]
    return _series(cells, column)


def _kind(cells: list[Any], label: str) -> str | None:
    """Return how cells were nested ("tuple", "list/tuple"), "json" if Arrow would change them, None if plain."""
    present = [cell for cell in cells if cell is not None]
    if not present or all(isinstance(cell, str) for cell in present):
        return None
    if any(isinstance(cell, list | tuple | np.ndarray | dict) for cell in present):
        shapes = {_shape(cell) for cell in present}
        shape = shapes.pop() if len(shapes) == 1 else None
        return shape if shape is not None and _survives(present) else _JSON
    if len({type(cell) for cell in present}) == 1:
        _check_arrow(present, label)
        return None
    return None if _survives(present) else _JSON


def _shape(cell: Any) -> str | None:
    """Return the nesting of a cell, where each level holds one kind and the lowest numbers or text."""
    levels: list[str] = []
    layer = [cell]
    while layer and all(isinstance(item, list | tuple | np.ndarray) for item in layer):
        names = {type(item).__name__ for item in layer}
        if len(names) != 1 or any(isinstance(item, np.ndarray) and item.ndim != 1 for item in layer):
            return None
        levels.append(names.pop())
        layer = [inner for item in layer for inner in item]
    return (
        "/".join(levels)
        if levels and not any(isinstance(item, list | tuple | dict) for item in layer)
        else None
    )


def _survives(cells: list[Any]) -> bool:
    try:
        back = pa.array(cells, from_pandas=True).to_pylist()
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return all(_same(one, other) for one, other in zip(back, cells, strict=True))


def _same(one: Any, other: Any) -> bool:
    if isinstance(other, list | tuple | np.ndarray):
        inner = list(other)
        return isinstance(one, list) and len(one) == len(inner) and all(map(_same, one, inner))
    if isinstance(other, np.generic):
        other = other.item()
    if isinstance(other, float) and other != other:  # noqa: PLR0124 - NaN
        return one is None or one != one  # noqa: PLR0124
    return type(one) is type(other) and bool(one == other)


def _check_arrow(cells: list[Any], label: str) -> None:
    try:
        pa.array(cells[:1], from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise OptionError(
            f"Column {label!r} holds objects of type {type(cells[0]).__name__}, which no table can keep: "
            "drop it or convert it first."
        ) from None


def _plain(cell: Any) -> Any:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, os.PathLike):
        return os.fspath(cell) if isinstance(cell, PurePath) else str(cell)
    if cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124 - NaN
        return None
    return cell


def _to_json(cell: Any, label: str) -> str:
    try:
        return json.dumps(cell, default=_jsonable, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise OptionError(
            f"Column {label!r} holds objects of type {type(cell).__name__} beside others, which no table can keep: "
            "drop it or convert it first."
        ) from None


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(type(value).__name__)


def _rebuilt(cell: Any, pieces: list[Callable[[Any], Any]]) -> Any:
    if cell is None or not pieces or not isinstance(cell, list | tuple | np.ndarray):
        return cell
    own, *inner = pieces
    items = cell.tolist() if isinstance(cell, np.ndarray) else list(cell)
    return own([_rebuilt(item, inner) for item in items])


def _series(cells: list[Any], like: pd.Series) -> pd.Series:
    array = np.empty(len(cells), dtype=object)
    for at, cell in enumerate(cells):
        array[at] = cell
    return pd.Series(array, index=like.index, name=like.name, dtype=object)
