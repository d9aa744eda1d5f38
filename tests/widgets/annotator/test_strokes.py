"""Brush and polygon strokes, pixel for pixel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samframe import Mask, MaskError
from samframe.widgets.annotator.strokes import brush_mask, paint, polygon_mask

coordinates = st.floats(-30, 60, allow_nan=False).map(lambda value: round(value, 2))
points = st.tuples(coordinates, coordinates)


def distance_to_segment(x, y, start, end):
    """Distance of a point to a segment, one pair at a time."""
    (ax, ay), (bx, by) = start, end
    length2 = (bx - ax) ** 2 + (by - ay) ** 2
    along = (
        0.0 if length2 == 0 else min(1.0, max(0.0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length2))
    )
    return np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))


@given(path=st.lists(points, min_size=1, max_size=4), radius=st.floats(0.3, 12).map(lambda r: round(r, 1)))
def test_brush_covers_the_pixels_whose_centres_are_near(path, radius):
    """A pixel is in a stroke where its centre lies within the radius of the path, and only there."""
    height, width = 31, 23
    segments = list(itertools.pairwise(path)) or [(path[0], path[0])]

    got = brush_mask(path, radius, (height, width)).to_numpy()

    for y in range(height):
        for x in range(width):
            nearest = min(distance_to_segment(x + 0.5, y + 0.5, *segment) for segment in segments)
            if abs(nearest - radius) > 1e-6:  # on the rim itself rounding decides
                assert got[y, x] == (nearest < radius), (x, y)


def test_a_small_brush_paints_the_pixel_it_is_in():
    """A brush of half a pixel at a pixel's centre paints that pixel alone."""
    pixels = brush_mask([(4.5, 2.5)], 0.5, (6, 9)).to_numpy()

    assert np.argwhere(pixels).tolist() == [[2, 4]]


def test_a_brush_on_a_huge_image_touches_its_window_only():
    """A stroke on an image of 300 megapixels is made without painting them all."""
    mask = brush_mask([(10, 10), (14, 10)], 3, (10_000, 30_000))

    assert mask.size_hw == (10_000, 30_000)
    assert mask.bbox_xywh == (7, 7, 10, 6)


def test_polygon_is_that_of_mask():
    """A square of whole corners covers its pixels; a polygon that crosses itself is even-odd."""
    square = polygon_mask([(2, 1), (5, 1), (5, 4), (2, 4)], (6, 8))
    bow = polygon_mask([(0, 0), (8, 8), (8, 0), (0, 8)], (8, 8))

    assert square == Mask.from_bbox((2, 1, 3, 3), (6, 8))
    assert not bow.to_numpy()[0, 3]
    assert not bow.to_numpy()[7, 4]
    assert bow.to_numpy()[4, 0]
    assert bow.to_numpy()[4, 7]


def test_paint_adds_and_erases():
    """What is added is in the union, what is erased is not; no mask counts as an empty one."""
    base, stroke = Mask.from_bbox((0, 0, 4, 4), (6, 6)), Mask.from_bbox((2, 2, 4, 4), (6, 6))

    assert paint(base, stroke, erase=False) == base | stroke
    assert paint(base, stroke, erase=True) == base - stroke
    assert paint(None, stroke, erase=False) == stroke
    assert paint(None, stroke, erase=True).area == 0


def test_paint_tells_when_sizes_differ():
    """A mask of another size than its image is not painted on."""
    with pytest.raises(MaskError, match="5 x 4 px and the image 6 x 6"):
        paint(Mask.from_bbox((0, 0, 1, 1), (4, 5)), Mask.from_bbox((0, 0, 1, 1), (6, 6)), erase=False)
