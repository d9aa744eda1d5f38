from __future__ import annotations

import math

import numpy as np
import pytest

from samframe.testing.scenes.shapes import depth_map, draw_coverage, innermost_xy


@pytest.mark.parametrize(
    ("shape", "options", "area"),
    [
        ("circle", {}, math.pi * 40**2),
        ("ellipse", {"aspect": 2.0}, math.pi * 40 * 20),
        ("square", {}, 2 * 40**2),
        ("rectangle", {"aspect": 2.0}, 4 * 40**2 / 5 * 2),
        ("triangle", {}, 3 * math.sqrt(3) / 4 * 40**2),
        ("ring", {"waist": 0.5}, math.pi * (40**2 - 20**2)),
        ("cross", {"waist": 0.5}, 3 * 40**2 / 1.25),
        ("star", {"waist": 0.5}, 5 * math.sin(math.pi / 5) * 0.5 * 40**2),
    ],
)
def test_coverage_sums_to_the_area(shape, options, area):
    """Anti-aliasing neither gains nor loses more than a percent or two."""
    coverage = draw_coverage(shape, size_hw=(100, 100), centre_xy=(50, 50), radius=40, angle=0.3, **options)

    assert coverage.sum() == pytest.approx(area, rel=0.025)


def test_a_shape_may_leave_the_image():
    """What lies outside is cut off."""
    outside = draw_coverage("circle", size_hw=(20, 30), centre_xy=(-50, 10), radius=10)
    half = draw_coverage("circle", size_hw=(40, 40), centre_xy=(0, 20), radius=10)

    assert not outside.any()
    assert half.sum() == pytest.approx(math.pi * 50, rel=0.05)


def test_an_unknown_shape_is_an_error():
    """There are eight."""
    with pytest.raises(ValueError, match="unknown shape"):
        draw_coverage("heart", size_hw=(9, 9), centre_xy=(4, 4), radius=3)


def test_the_innermost_point_of_a_ring_lies_on_the_ring():
    """Not in its middle, where the centroid is."""
    ring = draw_coverage("ring", size_hw=(100, 100), centre_xy=(50, 50), radius=45, waist=0.5) >= 0.5
    x, y = innermost_xy(ring)

    assert ring[y, x]
    assert math.hypot(x - 50, y - 50) == pytest.approx(34, abs=3)


def test_depth_counts_from_the_edge():
    """The border of the image is an edge too."""
    assert np.array_equal(
        depth_map(np.ones((3, 5), bool)), [[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]
    )


def test_an_empty_mask_has_no_innermost_point():
    """It is an error, not a corner."""
    with pytest.raises(ValueError, match="empty"):
        innermost_xy(np.zeros((3, 3), bool))
