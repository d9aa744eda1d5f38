from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from samframe.server.engines.drawn.pixels import box_mean, connected_components, keep_components, rgb_to_lab


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        # Published values of sRGB's corners under D65.
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.74, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.20, -107.86)),
    ],
)
def test_lab_of_the_corners(rgb, lab):
    """The conversion agrees with the published values to a tenth."""
    assert rgb_to_lab(np.array(rgb, np.uint8)) == pytest.approx(lab, abs=0.12)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14)))
def test_components_are_the_flood_fills(mask):
    """Labels agree with a plain flood fill, numbered by first pixel."""
    expected = np.zeros(mask.shape, int)
    for start in map(tuple, np.argwhere(mask)):
        if expected[start]:
            continue
        number, stack = expected.max() + 1, [start]
        while stack:
            y, x = stack.pop()
            if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x] and not expected[y, x]:
                expected[y, x] = number
                stack += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]

    assert np.array_equal(connected_components(mask), expected)


def test_only_components_under_a_point_stay():
    """A part without a point goes, and a point outside the mask keeps nothing."""
    mask = np.array([[1, 0, 1], [1, 0, 1]], bool)
    kept = keep_components(mask, np.array([(0, 1), (1, 0)]))

    assert np.array_equal(kept, [[True, False, False], [True, False, False]])


@given(hnp.arrays(np.float32, (6, 9), elements=st.floats(-100, 100, width=32)), st.integers(0, 12))
def test_box_mean_is_the_mean_of_the_window(plane, radius):
    """At the border the window is cut, not filled."""
    y, x = 2, 7
    window = plane[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]

    assert box_mean(plane, radius)[y, x] == pytest.approx(window.mean(dtype=float), abs=1e-3)
