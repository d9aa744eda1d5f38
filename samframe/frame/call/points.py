"""A coordinate cell: a point, a list of points, an array, or their JSON text, read into (x, y) pairs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe._cells import is_missing

if TYPE_CHECKING:
    from samframe.jobs import Points

__all__ = ["read_points"]

#: More points than a person clicks: such a cell is a polygon or a mistake.
MOST_POINTS = 1000
_XY = 2
_SHOWN_CHARACTERS = 60


def read_points(cell: object) -> Points:
    """Return the points of a cell, empty where it holds none.

    Parameters
    ----------
    cell : object
        A point ``(x, y)``, a list of points, an array of shape (2,) or (n, 2), or the JSON text of one of these.
        Pixels of the image as stored, x before y.

    Returns
    -------
    tuple of (float, float)

    Raises
    ------
    ValueError
        If it is anything else. The message tells what was found and what is expected.
    """
    if is_missing(cell):
        return ()
    value: Any = cell
    if isinstance(value, str):
        if not value.strip():
            return ()
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError(f"{_shown(cell)} is no JSON text of points such as [[x, y], ...]") from None
    length = _length(value)
    if length is None:
        raise ValueError(
            f"a {type(value).__name__} holds no points; use (x, y), [(x, y), ...] or an (n, 2) array"
        )
    return _pairs(value, cell) if length else ()


def _length(value: Any) -> int | None:
    """Return how many items a cell holds, None where it is no sequence."""
    if isinstance(value, bytes | bytearray | dict | set):
        return None
    try:
        return len(value)
    except TypeError:  # an array of no dimension has __len__ and no length
        return None


def _pairs(value: Any, cell: object) -> Points:
    expected = "expected (x, y), [(x, y), ...] or an (n, 2) array, in pixels"
    try:
        array = np.asarray(
            [list(item) if hasattr(item, "__len__") and not isinstance(item, str) else item for item in value]
        )
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"{_shown(cell)} holds no points; {expected}") from None
    if array.dtype == object or array.dtype.kind not in "iuf":
        raise ValueError(f"{_shown(cell)} holds something other than numbers; {expected}")
    if array.shape == (_XY,):
        array = array.reshape(1, _XY)
    if array.ndim != 2 or array.shape[1] != _XY:  # noqa: PLR2004 - points by coordinates
        raise ValueError(f"{_shown(cell)} has shape {array.shape}; {expected}")
    if len(array) > MOST_POINTS:
        raise ValueError(f"{len(array)} points are more than {MOST_POINTS}")
    if not np.isfinite(array.astype(np.float64)).all():
        raise ValueError(f"{_shown(cell)} holds a number that is not finite")
    return tuple((float(x), float(y)) for x, y in array)


def _shown(cell: object) -> str:
    text = repr(cell)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
