"""Parts and border of whole columns agree with those of each mask by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from samframe.errors import MaskError
from samframe.masks import Mask, MaskArray
from samframe.masks.columns import parts as shape

PIXELS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9))


def column(arrays):
    """Return a mask column, None where an element is missing."""
    return MaskArray.from_masks([None if one is None else Mask.from_numpy(one) for one in arrays])


def edge_share(pixels):
    """Return the share of edge pixels covered, corners counted for both sides."""
    edges = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    return sum(int(edge.sum()) for edge in edges) / sum(edge.size for edge in edges)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), PIXELS), max_size=6), st.sampled_from([4, 8]))
def test_parts_of_a_column_are_those_of_its_masks(arrays, connectivity):
    """Count, smaller parts and largest part are what `Mask.components` gives, for sizes of all kinds side by side."""
    masks = column(arrays)
    found = shape.parts(masks.pool, masks.positions, small_share=0.3, connectivity=connectivity)
    expected = []
    for mask in masks:
        areas = [] if mask is pd.NA else [part.area for part in mask.components(connectivity=connectivity)]
        expected.append((len(areas), sum(area < 0.3 * sum(areas) for area in areas), max(areas, default=0)))

    assert list(zip(found.count, found.small, found.largest, strict=True)) == expected


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), PIXELS), max_size=6))
def test_border_share_is_what_the_edge_pixels_say(arrays):
    """The share of the border is counted from the pixels; a missing mask has none."""
    masks = column(arrays)
    expected = [0.0 if one is None else edge_share(one) for one in arrays]

    assert shape.border_share(masks.pool, masks.positions) == pytest.approx(expected)


def test_repeated_and_reordered_rows_keep_their_values():
    """Values follow the index of the column, not the order of the pool."""
    masks = column([np.eye(5), np.ones((3, 3)), np.zeros((2, 2))])[[1, 0, 1, 2]]

    assert shape.parts(masks.pool, masks.positions, connectivity=4).count.tolist() == [1, 5, 1, 0]


def test_unknown_connectivity_is_refused():
    """Pixels are connected 4 or 8 ways."""
    masks = column([np.eye(3)])
    with pytest.raises(MaskError, match="4 or 8 ways"):
        shape.parts(masks.pool, masks.positions, connectivity=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), PIXELS), max_size=6))
def test_components_of_a_column_are_those_of_its_masks(arrays):
    """Each part comes once, as a mask of its own size, in the order of `Mask.components`; where none is, NA."""
    masks = column(arrays)
    expected = [part for mask in masks for part in ([] if mask is pd.NA else mask.components()) or [pd.NA]]

    assert pd.Series(masks).sam.components().tolist() == expected
