"""A coordinate cell: a point, a list of points, an array, or their text, read into (x, y) pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samframe.frame.cells.numerals import FOUR, XY, nested_numbers, shown
from samframe.ground.cells import is_missing

if TYPE_CHECKING:
    from samframe.jobs import Points

__all__ = ["looks_normalised", "read_points"]

#: More points than a person clicks: such a cell is a polygon or a mistake.
MOST_POINTS = 1000
_NAMES = (("x", "y"),)
_EXPECTED = "expected (x, y), [(x, y), ...] or an (n, 2) array, in pixels"


def read_points(cell: object) -> Points:
    """Return the points of a cell, empty where it holds none.

    Parameters
    ----------
    cell : object
        A point ``(x, y)``, a list of points, an array of shape (2,) or (n, 2), ``{"x": 78, "y": 61}`` or a list of
        these; or the text of any of them, as JSON, Python, NumPy and CSV files have it: ``(78, 61)``, ``78,61;80,60``,
        ``[[78 61] [80 60]]``. Pixels of the image as stored, x before y.

    Returns
    -------
    tuple of (float, float)

    Raises
    ------
    ValueError
        If it is anything else, or may be read in two ways. The message tells what was found and what is expected.
    """
    if is_missing(cell):
        return ()
    try:
        numbers = nested_numbers(cell, names=_NAMES)
    except ValueError as error:
        raise ValueError(f"{error}; {_EXPECTED}") from None
    points = _points_of(numbers, cell)
    if len(points) > MOST_POINTS:
        raise ValueError(f"{len(points)} points are more than {MOST_POINTS}")
    if looks_normalised(points):
        raise ValueError(
            f"{shown(cell)} is all between 0 and 1: are the coordinates normalised? Pixels are wanted: multiply x by "
            "the image's width and y by its height"
        )
    return points


def looks_normalised(values: tuple[tuple[float, ...], ...]) -> bool:
    """Say whether coordinates are fractions of an image's sides rather than pixels: all in 0 to 1, not all whole."""
    flat = [number for group in values for number in group]
    return bool(flat) and all(0 <= one <= 1 for one in flat) and any(one not in (0, 1) for one in flat)


def _points_of(numbers: Any, cell: object) -> Points:
    if isinstance(numbers, float):
        raise ValueError(f"a {type(cell).__name__} holds no points, {shown(cell)} is one number; {_EXPECTED}")  # noqa: TRY004 - a cell's problem
    while (
        len(numbers) == 1
        and isinstance(numbers[0], list)
        and any(isinstance(one, list) for one in numbers[0])
    ):
        numbers = numbers[0]  # [[[78, 61]]]
    if not numbers or all(one == [] for one in numbers):
        return ()
    shape = ""
    if all(isinstance(one, float) for one in numbers):
        numbers, shape = [numbers], f"shape ({len(numbers)},)"
    if not all(isinstance(one, list) and all(isinstance(part, float) for part in one) for one in numbers):
        raise ValueError(f"{shown(cell)} holds points mixed with something else; {_EXPECTED}")
    if all(len(one) == FOUR for one in numbers):
        raise ValueError(
            f"{shown(cell)} has four numbers: is a box meant? Then boxes_col= takes it; two points are [[x, y], [x, y]]"
        )
    if not all(len(one) == XY for one in numbers):
        raise ValueError(
            f"{shown(cell)} holds {shape or 'groups'} of numbers where a point has two; {_EXPECTED}"
        )
    return tuple((x, y) for x, y in numbers)
