"""Coordinates and boxes as people, CSV files and other libraries hold them: read where there is one reading."""

import decimal
from collections import namedtuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from samframe.frame.cells.boxes import read_boxes
from samframe.frame.cells.points import read_points

ONE = ((78.0, 61.0),)
TWO = ((78.0, 61.0), (80.0, 60.0))
XY = namedtuple("XY", "x y")  # noqa: PYI024 - a user's own


class Point:
    """A point of another library's."""

    def __init__(self, x, y):
        self.x, self.y = x, y


@pytest.mark.parametrize(
    "cell",
    [
        (78, 61),
        [78, 61],
        np.array([78, 61], dtype=np.int16),
        "(78, 61)",
        "[78, 61]",
        "78,61",
        "78 61",
        "78;61",
        " 78 ,\t61 ",
        "78.0, 61.",
        "[78 61]",
        "[[78 61]]",
        "[[[78, 61]]]",
        [[[78, 61]]],
        ["78", "61"],
        '["78", "61"]',
        "['78', '61']",
        ["78,61"],
        {"x": 78, "y": 61},
        {"Y": "61", "X": "78"},
        [{"x": 78, "y": 61, "label": 1}],
        '{"x": 78, "y": 61}',
        "{'x': 78, 'y': 61}",
        "x=78, y=61",
        "Point(x=78, y=61)",
        "POINT (78 61)",
        "array([78, 61])",
        "tensor([[78., 61.]])",
        "(np.float64(78.0), np.int64(61))",
        "array([[78, 61]], dtype=int32)",
        XY(78, 61),
        Point(78, 61),
        pa.scalar([78, 61]),
        pa.scalar({"x": 78, "y": 61}),
        pd.Series([78, 61]),
        (decimal.Decimal(78), decimal.Decimal(61)),
    ],
)
def test_a_point(cell):
    """Each of these is the point (78, 61) and nothing else."""
    assert read_points(cell) == ONE


@pytest.mark.parametrize(
    "cell",
    [
        [(78, 61), (80, 60)],
        "[(78, 61), (80, 60)]",
        "((78, 61), (80, 60))",
        "(78, 61), (80, 60)",
        "(78,61);(80,60)",
        "78,61;80,60",
        "78 61; 80 60",
        "78,61\n80,60",
        "[[78 61]\n [80 60]]",
        "[[78. 61.]\n [80. 60.]]",
        ["78,61", "80,60"],
        [{"x": 78, "y": 61}, {"x": 80, "y": 60}],
        "[{'x': 78, 'y': 61}, {'x': 80, 'y': 60}]",
        {"x": [78, 80], "y": [61, 60]},
        [[[78, 61], [80, 60]]],
        np.array([[78, 61], [80, 60]]),
        [np.array([78, 61]), np.array([80, 60])],
        [Point(78, 61), Point(80, 60)],
        "array([[78, 61],\n       [80, 60]])",
    ],
)
def test_two_points(cell):
    """Each of these is the same two points."""
    assert read_points(cell) == TWO


@pytest.mark.parametrize("cell", [None, float("nan"), pd.NA, "", "  ", [], "[]", "[[]]", np.empty((0, 2))])
def test_no_point(cell):
    """An empty cell has none."""
    assert read_points(cell) == ()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ((78, 61, 80, 60), "is a box meant"),
        ("78,61,80,60", "is a box meant"),
        ([[78, 61, 80, 60]], "is a box meant"),
        ((0.4, 0.5), "normalised"),
        ("[[0.1, 0.2], [0.9, 1.0]]", "normalised"),
        ("the middle", "cannot be read as numbers"),
        ("78,x", "cannot be read as numbers"),
        ("[78, 61", "cut off"),
        ("[78, 61]]", "bracket too many"),
        ("[[1 2]\n ...\n [3 4]]", "cannot be read"),
        ((1, 2, 3), "a point has two"),
        (78, "is one number"),
        ((True, False), "bool"),
        ((float("nan"), 1), "not finite"),
        ("[NaN, 1]", "not finite"),
        ((10**400, 1), "not finite"),
        (b"78,61", "bytes"),
        ({"a": 78, "b": 61}, "without the keys {x, y}"),
        ([[1, 2], 3], "mixed"),
        ("[" * 100 + "1" + "]" * 100, "deep"),
        ([[1, 2]] * 1001, "more than 1000"),
    ],
)
def test_what_is_no_point_says_why(cell, words):
    """The message shows the cell and asks where there are two readings."""
    with pytest.raises(ValueError, match=words):
        read_points(cell)


@pytest.mark.parametrize("cell", [(0, 0), (1, 1), (0, 1), "[[0,0],[1,1]]"])
def test_whole_corners_are_pixels(cell):
    """Zero and one without a fraction are pixels of the corner."""
    assert len(read_points(cell)) >= 1


@pytest.mark.parametrize(
    ("cell", "box_format"),
    [
        ((10, 20, 40, 60), "xyxy"),
        ((10, 20, 30, 40), "xywh"),
        ("10,20,40,60", "xyxy"),
        ("[10 20 40 60]", "xyxy"),
        ([[10, 20, 40, 60]], "xyxy"),
        ([[10, 20], [40, 60]], "xyxy"),
        (np.array([[10, 20, 40, 60]], dtype=np.float32), "xyxy"),
        ({"x1": 10, "y1": 20, "x2": 40, "y2": 60}, "xywh"),
        ({"xmin": 10, "ymin": 20, "xmax": 40, "ymax": 60}, "xyxy"),
        ({"x": 10, "y": 20, "width": 30, "height": 40}, "xyxy"),
        ("{'x': 10, 'y': 20, 'w': 30, 'h': 40}", "xyxy"),
        ({"left": 10, "top": 20, "right": 40, "bottom": 60}, "xyxy"),
        ("tensor([[10., 20., 40., 60.]])", "xyxy"),
    ],
)
def test_a_box(cell, box_format):
    """Each of these is the box from (10, 20) to (40, 60); names go before the format."""
    assert read_boxes(cell, box_format) == ((10.0, 20.0, 40.0, 60.0),)


def test_several_boxes():
    """A list, an array and text of boxes."""
    two = ((1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0))

    assert read_boxes([[1, 2, 3, 4], [5, 6, 7, 8]], "xyxy") == two
    assert read_boxes("1,2,3,4;5,6,7,8", "xyxy") == two
    assert read_boxes(None, "xyxy") == ()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ((40, 20, 10, 60), "no area"),
        ((10, 20, 10, 60), "no area"),
        ((50, 60, 30, 40), 'box_format="xywh"'),
        ((0.1, 0.2, 0.5, 0.6), "normalised"),
        ((1, 2), "boxes of four"),
        ("10,20,40", "boxes of four"),
        ((1, 2, float("inf"), 4), "not finite"),
    ],
)
def test_what_is_no_box_says_why(cell, words):
    """Empty boxes, other numbers, and boxes that may be meant in another form."""
    with pytest.raises(ValueError, match=words):
        read_boxes(cell, "xyxy")
