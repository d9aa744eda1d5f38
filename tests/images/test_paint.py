"""Masks on small pictures: edge, halo, tint and veil, by pixels."""

import numpy as np

from samframe.images import mask_levels, mask_on, tinted, veiled
from samframe.masks import Mask

INSIDE = np.zeros((6, 7), bool)
INSIDE[1:5, 2:7] = True


def test_levels_tell_edge_and_halo():
    """The inner border by sides, the outer one around it; no edge where the picture ends."""
    drawn = ["".join(".o#+"[level] for level in row) for row in mask_levels(INSIDE)]

    assert drawn == ["..+++++", ".+#####", ".+#oooo", ".+#oooo", ".+#####", "..+++++"]


def test_a_tint_has_a_line_all_around_it():
    """White along the border, the picture's too; what is outside is untouched, and so is the picture given."""
    pixels = np.full((6, 7, 3), 100, np.uint8)
    painted = tinted(pixels, INSIDE, opacity=0.5)

    assert (pixels == 100).all()
    assert (painted[~INSIDE] == 100).all()
    assert painted[2, 3].tolist() == [50, 129, 177]
    assert (painted[1, 2:] == 255).all()
    assert (painted[1:5, 6] == 255).all()


def test_a_veil_leaves_the_mask_as_it_is():
    """Outside all is pale; without a mask everything is."""
    pixels = np.random.RandomState(0).randint(0, 255, (6, 7, 3), dtype=np.uint8)

    assert (veiled(pixels, INSIDE)[INSIDE] == pixels[INSIDE]).all()
    assert veiled(pixels, None).min() >= 158
    assert (veiled(pixels, INSIDE)[~INSIDE] == veiled(pixels, None)[~INSIDE]).all()


def test_a_mask_without_a_picture_is_scaled_as_one():
    """Its longer side is at most what was asked for."""
    assert mask_on(None, Mask.from_bbox((0, 0, 50, 20), (100, 400)), max_side=40).size_hw == (10, 40)
