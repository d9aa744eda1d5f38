"""Polygons to masks by pycocotools' rule and by that of outlines along pixel edges."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from samframe import Mask
from samframe.errors import MaskError
from samframe.masks import MaskArray


def random_ring(rng: np.random.Generator, kind: int) -> tuple[list[float], tuple[int, int]]:
    """Return a ring and a size: concave, self-crossing, off the image, on the grid, half on it, sub-pixel, star."""
    h, w = (int(side) for side in rng.integers(1, 80, 2))
    corners = rng.random((int(rng.integers(3, 14)), 2)) * [w, h]
    match kind % 7:
        case 1:
            corners = corners * 3 - [w, h]
        case 2:
            corners = np.round(corners)
        case 3:
            corners = np.round(corners * 2) / 2
        case 4:
            corners = np.round(corners * 5) / 5 + 0.1 * rng.integers(0, 2)
        case 5:
            corners = corners * 0.05 + rng.random(2) * [w, h]
        case 6:
            angle = np.sort(rng.random(len(corners))) * 2 * np.pi
            reach = 0.6 * rng.random((2, len(angle)))
            corners = np.stack(
                [w / 2 + w * reach[0] * np.cos(angle), h / 2 + h * reach[1] * np.sin(angle)], 1
            )
    return corners.ravel().tolist(), (h, w)


def oracle(rings: list[list[float]], size_hw: tuple[int, int]) -> Mask:
    """Return what pycocotools makes of a COCO segmentation."""
    return Mask(coco_mask.merge(coco_mask.frPyObjects(rings, *size_hw))["counts"], size_hw)


def test_ten_thousand_polygons_are_those_of_pycocotools():
    """Concave, self-crossing, sub-pixel, outside the image: no pixel differs from pycocotools."""
    rng = np.random.default_rng(17)
    rings, sizes = zip(*(random_ring(rng, kind) for kind in range(10_000)), strict=True)

    masks = MaskArray.from_polygons([[ring] for ring in rings], sizes, rule="coco")

    expected = [oracle([ring], size) for ring, size in zip(rings, sizes, strict=True)]
    assert (masks == MaskArray.from_masks(expected)).all()


def test_parts_are_united_as_pycocotools_merges_them():
    """A segmentation of several polygons is their union, also where they overlap."""
    rng = np.random.default_rng(3)
    sizes = [(60, 70)] * 300
    parts = [[random_ring(rng, i)[0] for i in range(rng.integers(1, 5))] for _ in sizes]

    masks = MaskArray.from_polygons(parts, (60, 70), rule="coco")

    assert list(masks) == [oracle(rings, size) for rings, size in zip(parts, sizes, strict=True)]


@given(
    st.lists(st.tuples(st.floats(-40, 80), st.floats(-40, 80)), min_size=3, max_size=9),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_any_polygon_is_that_of_pycocotools(corners, height, width):
    """One polygon of any corners is pycocotools'."""
    ring = np.array(corners).ravel().tolist()

    assert Mask.from_polygons([ring], (height, width), rule="coco") == oracle([ring], (height, width))


def test_the_rules_differ_and_each_is_named():
    """An outline along pixel edges comes back by "edges", which is the default; "coco" is another rule."""
    mask = Mask.from_numpy(np.pad(np.ones((3, 4)), 2))

    assert Mask.from_polygons(mask.polygons(), mask.size_hw) == mask
    assert Mask.from_polygons(mask.polygons(), mask.size_hw, rule="edges") == mask
    assert Mask.from_polygons(mask.polygons(), mask.size_hw, rule="coco") == oracle(
        [ring.ravel().tolist() for [ring] in mask.polygons()], mask.size_hw
    )
    with pytest.raises(MaskError, match="'coco' or 'edges', not 'voc'"):
        Mask.from_polygons(mask.polygons(), mask.size_hw, rule="voc")


@pytest.mark.parametrize("rule", ["coco", "edges"])
def test_a_column_is_its_masks_one_by_one(rule):
    """Polygons of a column give the masks that each gives alone; holes, sizes and missing ones included."""
    rng = np.random.default_rng(5)
    rings, sizes = zip(*(random_ring(rng, kind) for kind in range(400)), strict=True)
    polygons = [[ring] for ring in rings]
    polygons[3], polygons[5], polygons[7] = None, [], [[rings[7], rings[8]], rings[9]]

    masks = MaskArray.from_polygons(polygons, sizes, rule=rule)

    one_by_one = [
        pd.NA if mask is None else Mask.from_polygons(mask, size, rule=rule)
        for mask, size in zip(polygons, sizes, strict=True)
    ]
    assert list(masks.isna()) == [mask is pd.NA for mask in one_by_one]
    assert masks.dropna().tolist() == [mask for mask in one_by_one if mask is not pd.NA]


@pytest.mark.parametrize(
    ("ring", "message"),
    [
        ([1, 2, 3, 4], "three corners"),
        ([1, 2, 3, 4, 5, 6, 7], "array of shape"),
        ([1, 2, float("nan"), 4, 5, 6], "finite"),
        ([1, 2, 3, 4, 5, 1e13], "further than"),
        ([1, 2, None, 4, 5, 6], "array of shape|finite"),
        ("polygon", "array of shape"),
        (7, "not int"),
    ],
)
def test_a_malformed_ring_is_refused(ring, message):
    """What is no ring is a MaskError, alone and in a column, where its position is named."""
    good = [0, 0, 3, 0, 3, 3]

    with pytest.raises(MaskError, match=message):
        Mask.from_polygons([ring], (5, 5), rule="coco")
    with pytest.raises(MaskError, match=message):
        MaskArray.from_polygons([[good], [ring]], (5, 5), rule="coco")


@pytest.mark.parametrize("size_hw", [(0, 0), (0, 5), (5, 0)])
@pytest.mark.parametrize("rule", ["coco", "edges"])
def test_an_image_without_pixels_has_an_empty_mask(size_hw, rule):
    """A size with a side of 0 gives an empty mask, and a negative one an error."""
    assert Mask.from_polygons([[0, 0, 9, 0, 9, 9]], size_hw, rule=rule).area == 0
    with pytest.raises(MaskError, match="lie between"):
        MaskArray.from_polygons([[[0, 0, 9, 0, 9, 9]]], (-1, 4), rule=rule)
