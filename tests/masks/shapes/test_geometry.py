"""Shape of masks: components, holes, outlines, morphology and moves, against scipy and dense numpy."""

from __future__ import annotations

import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from samframe.errors import MaskError
from samframe.masks import Mask

SHAPES = st.tuples(st.integers(1, 16), st.integers(1, 16))
ARRAYS = SHAPES.flatmap(lambda shape: hnp.arrays(bool, shape))
STRUCTURES = {4: ndimage.generate_binary_structure(2, 1), 8: np.ones((3, 3))}
CONNECTIVITY = st.sampled_from([4, 8])


def ring() -> Mask:
    """Return a square with a square hole."""
    array = np.ones((9, 9), dtype=bool)
    array[3:6, 3:6] = False
    return Mask.from_numpy(np.pad(array, 2))


@given(ARRAYS, CONNECTIVITY)
@settings(deadline=None, max_examples=200)
def test_components_are_those_of_scipy(array, connectivity):
    """Every component comes once, as a mask of the whole size."""
    labels, n_components = ndimage.label(array, STRUCTURES[connectivity])
    expected = {Mask.from_numpy(labels == number) for number in range(1, n_components + 1)}
    found = Mask.from_numpy(array).components(connectivity=connectivity)

    assert len(found) == n_components
    assert set(found) == expected


def test_a_spiral_and_a_comb_are_one_component_each():
    """Long winding shapes, where labels must travel far, are still one."""
    comb = np.zeros((101, 400), dtype=bool)
    comb[:, ::2] = True
    comb[0] = True
    snake = np.zeros((101, 400), dtype=bool)
    snake[:, ::2] = True
    snake[0, 1::4] = snake[-1, 3::4] = True

    assert [len(Mask.from_numpy(shape).components(connectivity=4)) for shape in (comb, snake)] == [1, 1]


@given(ARRAYS, CONNECTIVITY)
@settings(deadline=None, max_examples=200)
def test_holes_are_filled_as_scipy_fills_them(array, connectivity):
    """A hole's pixels connect the other way than the foreground's."""
    expected = ndimage.binary_fill_holes(array, STRUCTURES[12 - connectivity])

    assert Mask.from_numpy(array).fill_holes(connectivity=connectivity) == Mask.from_numpy(expected)


@given(ARRAYS)
@settings(deadline=None)
def test_holes_are_counted(array):
    """Background parts that cannot reach the edge, less none."""
    outside = np.pad(~array, 1, constant_values=True)

    assert Mask.from_numpy(array).holes == ndimage.label(outside, STRUCTURES[4])[1] - 1


@given(ARRAYS, CONNECTIVITY, st.integers(0, 9))
@settings(deadline=None)
def test_small_components_are_removed(array, connectivity, min_area):
    """Components of fewer pixels go, those of just as many stay."""
    labels, n_components = ndimage.label(array, STRUCTURES[connectivity])
    keep = np.bincount(labels.ravel(), minlength=n_components + 1) >= min_area
    keep[0] = False

    assert Mask.from_numpy(array).remove_small(min_area, connectivity=connectivity) == Mask.from_numpy(
        keep[labels]
    )


@given(ARRAYS, CONNECTIVITY)
@settings(deadline=None, max_examples=300)
def test_outlines_give_the_mask_back(array, connectivity):
    """`from_polygons(polygons())` is exact, holes and touching corners included."""
    mask = Mask.from_numpy(array)

    assert Mask.from_polygons(mask.polygons(connectivity=connectivity), mask.size_hw) == mask


@given(ARRAYS, CONNECTIVITY)
@settings(deadline=None)
def test_outlines_have_a_polygon_a_component_and_a_ring_a_hole(array, connectivity):
    """The outer ring comes first and runs clockwise on the screen; holes run the other way."""
    mask = Mask.from_numpy(array)
    polygons = mask.polygons(connectivity=connectivity)
    areas = [
        [np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y) for x, y in (r.T for r in p)] for p in polygons
    ]

    assert len(polygons) == len(mask.components(connectivity=connectivity))
    assert all(first > 0 and all(area < 0 for area in rest) for first, *rest in areas)
    assert sum(sum(rings) for rings in areas) == 2 * mask.area


def test_the_outline_of_a_ring():
    """Corners lie on pixel edges, each once."""
    ((outer, hole),) = ring().polygons()

    assert {tuple(corner) for corner in outer.tolist()} == {(2, 2), (11, 2), (11, 11), (2, 11)}
    assert {tuple(corner) for corner in hole.tolist()} == {(5, 5), (8, 5), (8, 8), (5, 8)}


@pytest.mark.parametrize(
    "polygons",
    [
        [[2, 2, 11, 2, 11, 11, 2, 11]],
        [[(2, 2), (11, 2), (11, 11), (2, 11)]],
        [np.array([(2, 2), (11, 2), (11, 11), (2, 11)])],
        [[np.array([(2, 2), (11, 2), (11, 11), (2, 11)])]],
        [np.array([[(2, 2), (11, 2), (11, 11), (2, 11)]])],
        [[2.0, 2, 7, 2, 7, 11, 2, 11], [6, 2, 11, 2, 11, 11, 6, 11]],
    ],
)
def test_polygons_are_taken_in_every_form(polygons):
    """COCO's flat lists, corners, arrays and rings; overlapping polygons unite."""
    assert Mask.from_polygons(polygons, (13, 13)) == ring().fill_holes()


@example(
    corners=[(0.0, 0.0), (1.5, 0.0), (1.5, 1.0)], size_hw=(1, 2)
)  # a centre on an edge: left and top are in
@given(st.lists(st.tuples(st.floats(-5, 25), st.floats(-5, 25)), min_size=3, max_size=8), SHAPES)
@settings(deadline=None, max_examples=200)
def test_any_polygon_covers_the_centres_inside_it(corners, size_hw):
    """Even-odd at each pixel's centre, for crossing and outlying edges too."""
    height, width = size_hw
    xs, ys = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    expected = np.zeros(size_hw, dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        for column in np.flatnonzero((xs >= x0) != (xs >= x1)):
            expected[:, column] ^= ys[:, 0] >= y0 + (xs[column] - x0) * ((y1 - y0) / (x1 - x0))

    assert Mask.from_polygons([np.array(corners)], size_hw) == Mask.from_numpy(expected)


@pytest.mark.parametrize(
    "ring_", [[0, 0, 1, 1], [0, 0, 1], [(0, 0, 0)] * 3, ["a"] * 6, [math.nan, 0, 1, 1, 2, 2]]
)
def test_what_is_no_ring_is_refused(ring_):
    """Fewer than three corners, odd lists, text and NaN raise MaskError."""
    with pytest.raises(MaskError):
        Mask.from_polygons([ring_], (4, 4))


def test_a_box_covers_the_centres_inside_it():
    """Whole numbers give whole pixels; a box of no area gives none; a negative one is refused."""
    assert Mask.from_bbox((1, 2, 3, 4), (9, 9)).bbox_xywh == (1, 2, 3, 4)
    assert Mask.from_bbox((1, 2, 0, 4), (9, 9)).area == 0
    with pytest.raises(MaskError, match="negative"):
        Mask.from_bbox((1, 2, -3, 4), (9, 9))


@given(ARRAYS, st.integers(0, 6), st.sampled_from(["disk", "square"]))
@settings(deadline=None, max_examples=300)
def test_dilation_and_erosion_are_those_of_scipy(array, radius, shape):
    """Both shapes at every radius; outside the image is background."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    element = x * x + y * y <= radius * radius if shape == "disk" else np.ones((2 * radius + 1,) * 2)
    mask = Mask.from_numpy(array)

    assert mask.dilate(radius, shape=shape) == Mask.from_numpy(ndimage.binary_dilation(array, element))
    assert mask.erode(radius, shape=shape) == Mask.from_numpy(ndimage.binary_erosion(array, element))


@pytest.mark.parametrize(("radius", "shape"), [(-1, "disk"), (1, "diamond")])
def test_other_radii_and_shapes_are_refused(radius, shape):
    """Only what is documented is taken."""
    with pytest.raises(MaskError):
        ring().dilate(radius, shape=shape)


def test_other_connectivities_are_refused():
    """Pixels connect 4 or 8 ways."""
    with pytest.raises(MaskError, match="4 or 8"):
        ring().components(connectivity=6)


@given(SHAPES.flatmap(lambda s: st.tuples(hnp.arrays(bool, s), hnp.arrays(bool, s))), st.floats(0.0, 0.3))
@settings(deadline=None)
def test_boundary_iou_is_that_of_the_paper(pair, ratio):
    """IoU of what an erosion by the given share of the diagonal takes away."""
    radius = max(1, round(ratio * math.hypot(*pair[0].shape)))
    element = np.ones((2 * radius + 1,) * 2)
    a, b = (array & ~ndimage.binary_erosion(array, element) for array in pair)
    first, second = (Mask.from_numpy(array) for array in pair)

    assert first.boundary_iou(second, dilation_ratio=ratio) == (a & b).sum() / max(1, (a | b).sum())


@given(ARRAYS, st.tuples(st.integers(0, 40), st.integers(0, 40)))
@settings(deadline=None)
def test_resizing_takes_the_pixel_under_each_new_centre(array, size_hw):
    """Nearest neighbour, exact in whole numbers, up and down."""
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * max(new, 1))
        for old, new in zip(array.shape, size_hw, strict=True)
    )

    assert Mask.from_numpy(array).resize(size_hw) == Mask.from_numpy(array[np.ix_(rows, columns)])


@given(ARRAYS, st.integers(-20, 20), st.integers(-20, 20), SHAPES)
@settings(deadline=None)
def test_crops_and_moves_are_windows_on_an_endless_background(array, x, y, size_hw):
    """Windows may lie partly or wholly outside."""
    wide = np.pad(array, 60)
    height, width = array.shape
    mask = Mask.from_numpy(array)

    window = wide[60 + y : 60 + y + size_hw[0], 60 + x : 60 + x + size_hw[1]]
    assert mask.crop((x, y, size_hw[1], size_hw[0])) == Mask.from_numpy(window)
    assert mask.translate(x, y) == Mask.from_numpy(wide[60 - y : 60 - y + height, 60 - x : 60 - x + width])
