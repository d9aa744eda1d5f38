from __future__ import annotations

import numpy as np
import pytest

from samframe.server.engines.drawn import SHAPES
from samframe.server.engines.drawn.shape_fit import fit_shape
from samframe.testing.scenes.shapes import draw_coverage


def drawn(shape, angle):
    aspect = 1.7 if shape in ("ellipse", "rectangle") else 1.0
    waist = {"cross": 0.35, "ring": 0.55}.get(shape, 0.45)
    coverage = draw_coverage(
        shape, size_hw=(160, 160), centre_xy=(75.3, 82.6), radius=60, angle=angle, aspect=aspect, waist=waist
    )
    return coverage >= 0.5


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.1, 2.6])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_drawn_shape_is_recognised_at_any_turn(shape, angle):
    """Each of the eight shapes is told from the other seven."""
    name, overlap = fit_shape(drawn(shape, angle), np.zeros((160, 160), bool))

    assert name == shape
    assert overlap > 0.87


@pytest.mark.parametrize("shape", ["circle", "square", "triangle", "cross"])
def test_a_covered_corner_speaks_neither_for_nor_against(shape):
    """With a fifth of it hidden behind something, a shape is still recognised."""
    mask = drawn(shape, 0.3)
    cover = np.zeros_like(mask)
    cover[:, int(np.quantile(np.nonzero(mask)[1], 0.8)) :] = True
    name, _ = fit_shape(mask & ~cover, cover)

    assert name == shape


def test_a_scribble_has_no_shape():
    """A region that is no drawn shape is not named after the nearest one."""
    mask = np.zeros((100, 100), bool)
    mask[10:20, 10:90] = mask[10:90, 10:20] = mask[80:90, 10:60] = True

    assert fit_shape(mask, np.zeros_like(mask))[0] is None
    assert fit_shape(np.zeros_like(mask), mask)[0] is None
