"""One outline a mask, read by OpenCV in the very steps that ultralytics takes."""

from __future__ import annotations

import cv2
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samframe.export.formats.yolo import yolo_line, yolo_mask
from samframe.export.outline.bridges import shortest_bridges
from samframe.export.outline.single import fill_outline, one_outline
from samframe.masks import Mask

ARRAYS = st.tuples(st.integers(1, 16), st.integers(1, 16)).flatmap(lambda shape: hnp.arrays(bool, shape))


def resampled(segment, count):
    """Points put between those of a segment, as ultralytics' loader does before it draws."""
    closed = np.concatenate([segment, segment[:1]])
    at = np.arange(len(closed))
    extra = np.linspace(0, len(closed) - 1, count - len(closed)) if count > len(closed) else []
    places = np.sort(np.concatenate([at, extra]))
    return np.stack([np.interp(places, at, closed[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32)


def as_a_trainer_reads(line, size_hw, count=0):
    """The pixels of a label's line: float32, scaled, fractions dropped, cv2.fillPoly."""
    height, width = size_hw
    segment = np.array(line.split()[1:], dtype=np.float32).reshape(-1, 2)
    segment = resampled(segment, count) if count else segment
    canvas = np.zeros(size_hw, np.uint8)
    cv2.fillPoly(canvas, [(segment * np.float32((width, height))).astype(np.int32)], color=1)
    return canvas.astype(bool)


@given(ARRAYS.filter(np.any))
@settings(deadline=None, max_examples=300)
def test_is_measured_as_opencv_draws_it(array):
    """What the export measures is what a trainer gets, pixel by pixel."""
    line = yolo_line(Mask.from_numpy(array), 3)

    assert (yolo_mask(line, array.shape).to_numpy() == as_a_trainer_reads(line, array.shape)).all()


@given(ARRAYS.filter(np.any))
@settings(deadline=None, max_examples=300)
def test_one_part_with_any_holes_is_exact(array):
    """Holes are keyholed through the foreground: nothing is lost, for either kind of reader."""
    mask = max(Mask.from_numpy(array).components(), key=lambda part: part.area)
    outline = one_outline(mask)

    assert (outline.n_bridges, outline.n_parts_left_out) == (0, 0)
    assert fill_outline(outline.ring, mask.size_hw) == mask
    assert Mask.from_polygons([outline.ring], mask.size_hw) == mask


@given(ARRAYS.filter(np.any))
@settings(deadline=None, max_examples=300)
def test_bridges_cost_no_more_than_they_gain(array):
    """Parts that are left out are smaller than the bridge that would be needed; what is kept is kept whole."""
    mask = Mask.from_numpy(array)
    outline = one_outline(mask)
    found = fill_outline(outline.ring, mask.size_hw)
    lost, added = (mask - found).area, (found - mask).area

    assert outline.n_bridges + outline.n_parts_left_out == len(mask.components()) - 1
    assert (lost == 0) == (outline.n_parts_left_out == 0)
    assert (added == 0) == (outline.n_bridges == 0)
    assert lost + added <= mask.area - max(part.area for part in mask.components())


@given(ARRAYS.filter(np.any), st.integers(50, 400))
@settings(deadline=None, max_examples=200)
def test_points_in_between_change_nothing_within_one_part(array, count):
    """Ultralytics resamples outlines before it draws them."""
    mask = max(Mask.from_numpy(array).components(), key=lambda part: part.area)

    assert (as_a_trainer_reads(yolo_line(mask, 0), mask.size_hw, count) == mask.to_numpy()).all()


@pytest.mark.parametrize("size_hw", [(1080, 1920), (4000, 6000)])
def test_six_digits_are_enough(size_hw):
    """Coordinates survive as text and as float32 in large images."""
    height, width = size_hw
    array = np.zeros(size_hw, bool)
    array[height - 50 : height, width - 3 :: 1] = True
    array[7:9, 1:] = True
    array[7:, -1] = True
    mask = Mask.from_numpy(array)

    assert (as_a_trainer_reads(yolo_line(mask, 0), size_hw) == array).all()


def test_hard_masks_lose_only_what_bridges_cost(masks, iou):
    """All but those of several parts are exact; with several parts one outline is still close."""
    found = {
        name: iou(mask.to_numpy(), as_a_trainer_reads(yolo_line(mask, 0), mask.size_hw))
        for name, mask in masks.items()
        if mask.area
    }

    assert all(found[name] == 1 for name in ("ring", "diagonal", "thin lines", "one pixel", "full"))
    assert min(found["two parts"], found["island"], found["ragged"]) > 0.99


def test_many_parts_are_joined_with_the_fewest_pixels():
    """On a line of squares, each is joined to its neighbour."""
    array = np.zeros((10, 400), bool)
    for left in range(0, 400, 20):
        array[:, left : left + 10] = True
    outline = one_outline(Mask.from_numpy(array))

    assert outline.n_bridges == 19
    assert (fill_outline(outline.ring, array.shape) - Mask.from_numpy(array)).area == 19 * 10


def test_bridges_are_shortest_among_many_pixels_too():
    """With more pixels than are compared all with all, the bridge between two parts is still the shortest."""
    y = np.arange(6000)
    left = np.stack([np.full(6000, 100) - (y % 7), y], axis=1)
    right = np.stack([np.full(6000, 200) + (y % 11), y], axis=1)
    xy, part = np.concatenate([left, right]), np.repeat([0, 1], 6000)
    (bridge,) = shortest_bridges(xy, part, first=0)

    assert bridge.cost == 99
