"""A box cell: a box, a list of boxes, an array, or their text, read into (x1, y1, x2, y2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from samframe.frame.cells.numerals import FOUR, XY, nested_numbers, shown
from samframe.frame.cells.points import looks_normalised
from samframe.ground.cells import is_missing

if TYPE_CHECKING:
    from samframe.images import Image
    from samframe.jobs import Boxes

__all__ = ["BOX_FORMATS", "BoxFormat", "read_boxes", "why_not_on"]

BoxFormat = Literal["xyxy", "xywh"]
BOX_FORMATS = ("xyxy", "xywh")
MOST_BOXES = 1000

_CORNERS = (
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("left", "top", "right", "bottom"),
)
_SIZES = (("x", "y", "w", "h"), ("x", "y", "width", "height"), ("left", "top", "width", "height"))


def read_boxes(cell: object, box_format: BoxFormat) -> Boxes:
    """Return the boxes of a cell as (x1, y1, x2, y2), empty where it holds none.

    Parameters
    ----------
    cell : object
        A box of four numbers, a list of boxes, an array of shape (4,) or (n, 4), a mapping such as
        ``{"x1": .., "y1": .., "x2": .., "y2": ..}`` or ``{"x": .., "y": .., "width": .., "height": ..}``, or the text
        of any of them. Pixels of the image as stored, by the edges: the whole image is (0, 0, width, height).
    box_format : {"xyxy", "xywh"}
        Whether four bare numbers are two corners, or the top left corner and the size. Names in a mapping go first.

    Returns
    -------
    tuple of (float, float, float, float)

    Raises
    ------
    ValueError
        If it is anything else, or a box is empty or turned inside out.
    """
    if is_missing(cell):
        return ()
    has_sizes = box_format == "xywh"
    order = "x, y, width, height" if has_sizes else "x1, y1, x2, y2"
    expected = f"expected four numbers ({order}) or a list of boxes, in pixels"
    try:
        named = _has_names(cell)
        numbers = nested_numbers(cell, names=(*_CORNERS, *_SIZES))
        if named is not None:
            has_sizes = named == "xywh"
        boxes = [_corners(box, has_sizes=has_sizes) for box in _groups(numbers, cell, expected)]
    except ValueError as error:
        text = str(error)
        raise ValueError(text if "expected" in text else f"{text}; {expected}") from None
    if len(boxes) > MOST_BOXES:
        raise ValueError(f"{len(boxes)} boxes are more than {MOST_BOXES}")
    if looks_normalised(tuple(boxes)):
        raise ValueError(
            f"{shown(cell)} is all between 0 and 1: is the box normalised? Pixels are wanted: multiply x by the "
            "image's width and y by its height"
        )
    for x1, y1, x2, y2 in boxes:
        if not (x1 < x2 and y1 < y2):
            hint = ""
            if not has_sizes and x2 > 0 and y2 > 0:
                hint = '; if the last two numbers are its width and height: box_format="xywh"'
            raise ValueError(
                f"the box ({x1:g}, {y1:g}, {x2:g}, {y2:g}) has no area (x1 < x2 and y1 < y2 are wanted){hint}"
            )
    return tuple(boxes)


def why_not_on(image: Image, boxes: Boxes) -> str | None:
    """Return why boxes cannot be on an image, None where they can. What juts out is clipped when it is sent."""
    if image.stored_hw is None:
        return None
    height, width = image.stored_hw
    for x1, y1, x2, y2 in boxes:
        if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
            return f"the box ({x1:g}, {y1:g}, {x2:g}, {y2:g}) lies outside the image of {width} x {height} px"
    return None


def _has_names(cell: object) -> str | None:
    """Return which form the names in a cell of mappings tell, None where it has none."""
    if isinstance(cell, str):
        lowered = cell.lower()
        if ":" not in cell and "=" not in cell:
            return None
        return (
            "xywh"
            if "width" in lowered or '"w"' in lowered or "'w'" in lowered or "w=" in lowered
            else "xyxy"
        )
    first = (
        cell
        if isinstance(cell, Mapping)
        else next(iter(cell), None)
        if isinstance(cell, list | tuple)
        else None
    )
    if not isinstance(first, Mapping):
        return None
    keys = {str(key).strip().lower() for key in first}
    return "xyxy" if any(keys >= set(names) for names in _CORNERS) else "xywh"


def _groups(numbers: Any, cell: object, expected: str) -> list[list[float]]:
    if isinstance(numbers, float):
        raise ValueError(f"{shown(cell)} is one number; {expected}")  # noqa: TRY004 - a cell's problem
    while (
        len(numbers) == 1
        and isinstance(numbers[0], list)
        and any(isinstance(one, list) for one in numbers[0])
    ):
        numbers = numbers[0]
    if not numbers or all(one == [] for one in numbers):
        return []
    if all(isinstance(one, float) for one in numbers):
        numbers = [numbers]
    if len(numbers) == XY and all(isinstance(one, list) and len(one) == XY for one in numbers):
        numbers = [numbers]
    if all(
        isinstance(one, list) and len(one) == XY and all(isinstance(p, list) for p in one) for one in numbers
    ):
        numbers = [[*one[0], *one[1]] for one in numbers]  # two corners each
    for one in numbers:
        if not isinstance(one, list) or len(one) != FOUR or not all(isinstance(part, float) for part in one):
            raise ValueError(f"{shown(cell)} holds something other than boxes of four numbers; {expected}")
    return list(numbers)


def _corners(box: list[float], *, has_sizes: bool) -> tuple[float, float, float, float]:
    x, y, a, b = box
    return (x, y, x + a, y + b) if has_sizes else (x, y, a, b)
