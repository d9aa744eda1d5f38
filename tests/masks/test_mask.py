"""`Mask` as a value: made, compared, combined and shown."""

from __future__ import annotations

import base64
import copy
import io
import json
import math
import pickle
import re

import hypothesis.extra.numpy as hnp
import numpy as np
import pycocotools.mask as coco
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from samframe.errors import MaskError
from samframe.masks import Mask

SHAPES = st.tuples(st.integers(0, 14), st.integers(0, 14))
ONE = SHAPES.flatmap(lambda shape: hnp.arrays(bool, shape))
TWO = SHAPES.flatmap(lambda shape: st.tuples(hnp.arrays(bool, shape), hnp.arrays(bool, shape)))


@given(ONE)
@settings(deadline=None)
def test_arrays_come_back(array):
    """`to_numpy` returns what `from_numpy` was given."""
    assert np.array_equal(Mask.from_numpy(array).to_numpy(), array)


@given(ONE)
@settings(deadline=None)
def test_coco_dicts_come_back_in_every_form(array):
    """Counts as str, as bytes and as a list of runs make the same mask."""
    mask = Mask.from_numpy(array)
    rle = mask.to_coco()
    flat = array.T.ravel().astype(int)
    edges = np.flatnonzero(np.diff(flat, prepend=0, append=-1))
    runs = np.diff(edges, prepend=0).tolist()

    assert Mask.from_coco(rle) == mask
    assert Mask.from_coco({**rle, "counts": rle["counts"].encode()}) == mask
    assert Mask.from_coco({**rle, "counts": runs}) == mask


def test_a_coco_dict_goes_into_json_as_it_is():
    """`to_coco` holds str and int only."""
    rle = Mask.from_numpy(np.eye(3)).to_coco()

    assert (
        json.loads(json.dumps(rle))
        == rle
        == {
            "size": [3, 3],
            "counts": coco.encode(np.asfortranarray(np.eye(3, dtype=np.uint8)))["counts"].decode(),
        }
    )


@pytest.mark.parametrize(
    "rle",
    [
        {},
        {"size": [2, 2]},
        {"counts": "4"},
        {"size": [2], "counts": "4"},
        {"size": [2, 2], "counts": [1.5, 2.5]},
        {"size": [2, 2], "counts": [-1, 5]},
        {"size": [2, 2], "counts": [[4]]},
        {"size": [2, 2], "counts": None},
        {"size": [2, 2], "counts": "\u00e9"},
        None,
        [2, 2],
    ],
)
def test_what_is_no_coco_mask_is_refused(rle):
    """Missing keys, runs that are none and text that is none raise MaskError."""
    with pytest.raises(MaskError):
        Mask.from_coco(rle)


@given(TWO)
@settings(deadline=None)
def test_set_operations_are_those_of_pixels(pair):
    """& | - ^ ~ on runs give what numpy gives on pixels."""
    a, b = pair
    m, n = Mask.from_numpy(a), Mask.from_numpy(b)

    assert [m & n, m | n, m - n, m ^ n, ~m] == [Mask.from_numpy(x) for x in (a & b, a | b, a & ~b, a ^ b, ~a)]


@given(TWO)
@settings(deadline=None)
def test_measures_are_those_of_pixels(pair):
    """Area, box, centroid, perimeter, IoU and Dice agree with dense numpy."""
    a, b = pair
    m, n = Mask.from_numpy(a), Mask.from_numpy(b)
    ys, xs = np.nonzero(a)
    box = (xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1) if xs.size else (0, 0, 0, 0)
    padded = np.pad(a, 1).astype(int)

    assert m.area == a.sum()
    assert m.bbox_xywh == box
    assert np.allclose(m.centroid, (xs.mean(), ys.mean()) if xs.size else (math.nan,) * 2, equal_nan=True)
    assert m.perimeter == np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    assert m.iou(n) == (a & b).sum() / max(1, (a | b).sum())
    assert m.dice(n) == 2 * (a & b).sum() / max(1, a.sum() + b.sum())


@pytest.mark.parametrize(
    "operation", ["__and__", "__or__", "__sub__", "__xor__", "iou", "dice", "boundary_iou"]
)
def test_masks_of_two_sizes_are_not_combined(operation):
    """A 2 x 3 and a 3 x 2 mask raise MaskError instead of overlaying by position."""
    a, b = Mask.from_numpy(np.ones((2, 3))), Mask.from_numpy(np.ones((3, 2)))

    with pytest.raises(MaskError, match="resize one"):
        getattr(a, operation)(b)


def test_operators_leave_other_types_to_them():
    """A mask and a number is Python's TypeError; equality with it is False."""
    mask = Mask.from_numpy(np.eye(2))

    with pytest.raises(TypeError):
        mask & 1
    assert mask != 1


def test_equal_pixels_are_equal_and_hash_alike():
    """Equality is of size and pixels; an empty 2 x 3 mask is no empty 3 x 2 mask."""
    a, b = Mask.from_numpy(np.eye(4)), Mask.from_numpy(np.eye(4, dtype=np.uint8) * 9)

    assert a == b
    assert len({a, b}) == 1
    assert Mask.from_numpy(np.zeros((2, 3))) != Mask.from_numpy(np.zeros((3, 2)))


@pytest.mark.parametrize("name", ["counts", "_counts", "size_hw", "anything"])
def test_a_mask_cannot_be_changed(name):
    """Setting and deleting attributes raise."""
    mask = Mask.from_numpy(np.eye(2))

    with pytest.raises(AttributeError):
        setattr(mask, name, 1)
    with pytest.raises(AttributeError):
        delattr(mask, name)


def test_its_toggles_cannot_be_written():
    """The cached runs are read-only: a mask's hash stays true."""
    with pytest.raises(ValueError, match="read-only"):
        Mask.from_numpy(np.eye(2)).toggles[0] = 1


@pytest.mark.parametrize("name", ["__iter__", "__array__", "__getitem__", "__len__"])
def test_a_mask_is_a_scalar(name):
    """Pandas and numpy take it as one value."""
    assert not hasattr(Mask, name)


def test_copies_and_pickles_are_equal():
    """copy, deepcopy and pickle keep the value."""
    mask = Mask.from_numpy(np.eye(5))

    assert copy.copy(mask) == copy.deepcopy(mask) == pickle.loads(pickle.dumps(mask)) == mask  # noqa: S301 - our own


def test_repr_is_short_and_str_is_cocos_json():
    """A repr tells size and area; str keeps the mask whole."""
    mask = Mask.from_numpy(np.eye(5))

    assert repr(mask) == "Mask(5x5, area=5)"
    assert Mask.from_coco(json.loads(str(mask))) == mask


def test_pictures_for_notebooks_are_complete_in_themselves():
    """HTML holds its picture, small, and no link or script."""
    mask = Mask.from_bbox((100, 200, 900, 500), (1000, 2000))
    text = mask._repr_html_()
    png = base64.b64decode(re.search(r"base64,([^\"]+)", text).group(1))
    image = Image.open(io.BytesIO(png))

    assert image.size == (256, 128)
    assert np.array_equal(np.asarray(image), mask.resize((128, 256)).to_numpy())
    assert png == mask._repr_png_()
    assert "http" not in text
    assert "<script" not in text


def test_a_mask_of_no_pixels_has_no_picture():
    """PNG knows no image without pixels: the caption stands alone."""
    empty = Mask.from_numpy(np.zeros((0, 4)))

    assert empty._repr_png_() is None
    assert empty._repr_html_() == "<code>Mask(0x4, area=0)</code>"
