"""The mask dtype: its name, and what becomes masks."""

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from samframe.errors import MaskError
from samframe.masks import Mask, MaskArray, MaskDtype


def _pickled(value):
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # what was pickled here


@pytest.fixture
def pixels():
    return np.random.default_rng(0).random((3, 7, 9)) < 0.5


@pytest.fixture
def masks(pixels):
    return [Mask.from_numpy(plane) for plane in pixels]


def test_name_makes_the_dtype():
    """`dtype="mask"` is understood once samframe.masks is imported."""
    assert pd.Series([None], dtype="mask").dtype == MaskDtype()


def test_dtype_pickles():
    """The dtype crosses processes."""
    assert _pickled(MaskDtype()) == MaskDtype()


def test_plain_list_of_masks_is_object(masks):
    """Without a dtype pandas makes objects of masks: extension dtypes are never guessed."""
    assert pd.Series(masks).dtype == object


def test_masks_and_every_kind_of_missing(masks):
    """None, NA and NaN are missing; masks come back equal."""
    array = pd.array([masks[0], None, pd.NA, np.nan, masks[1]], dtype="mask")

    assert array.isna().tolist() == [False, True, True, True, False]
    assert (array[0], array[4]) == (masks[0], masks[1])


def test_astype_from_arrays(pixels, masks):
    """Arrays of bool or uint8, one a row, become masks."""
    objects = pd.Series([pixels[0], pixels[1].astype(np.uint8) * 255, None], dtype=object)

    result = objects.astype("mask")

    assert result.tolist() == [masks[0], masks[1], pd.NA]


def test_stack_becomes_masks(pixels, masks):
    """A stack of shape (n, H, W) becomes n masks."""
    assert MaskArray._from_sequence(pixels).tolist() == masks


def test_astype_from_coco_dicts(masks):
    """COCO dicts with compressed or uncompressed counts become masks."""
    uncompressed = {"size": [2, 2], "counts": [1, 2, 1]}

    result = pd.Series([masks[0].to_coco(), uncompressed], dtype=object).astype("mask")

    assert result[0] == masks[0]
    assert result[1].to_numpy().tolist() == [[False, True], [True, False]]


def test_thousands_of_coco_dicts_are_checked_one_by_one(masks):
    """Text and bytes, missing ones and other spellings mix; the first that is no mask is named by its position."""
    rles = [
        masks[0].to_coco(),
        None,
        {"size": (7, 9), "counts": masks[1].counts},
        {"size": [2, 3], "counts": "2200"},
    ]

    assert pd.array(rles, dtype="mask").tolist() == [masks[0], pd.NA, masks[1], Mask(b"24", (2, 3))]
    for wrong in (
        {"size": [7, 8], "counts": masks[0].counts},
        {"size": [2**40, 1], "counts": "0"},
        {"size": [7, 9]},
    ):
        with pytest.raises(MaskError, match="Element 4"):
            pd.array([*rles, wrong], dtype="mask")


@pytest.mark.parametrize("text", ["\u00e9", "?\u00e9", "\ud800", "\x00"])
def test_text_that_is_no_ascii_is_never_another_mask(text):
    """A character that the format does not know is not replaced by one that it knows."""
    for make in (Mask.from_coco, lambda rle: pd.array([rle], dtype="mask")):
        with pytest.raises(MaskError):
            make({"size": [3, 5], "counts": text})


def test_small_arrays_are_encoded_together(pixels, masks):
    """A list of arrays of one size, with or without a stranger among them, gives each its mask."""
    assert pd.array(list(pixels), dtype="mask").tolist() == masks
    assert pd.array([*pixels, np.ones((2, 2))], dtype="mask").tolist() == [
        *masks,
        Mask.from_numpy(np.ones((2, 2))),
    ]
    with pytest.raises(MaskError, match="Element 1"):
        pd.array([pixels[0], np.zeros(3)], dtype="mask")


def test_astype_from_png(masks):
    """PNG bytes become masks."""
    result = pd.Series([masks[0].to_png(), None], dtype=object).astype("mask")

    assert result.tolist() == [masks[0], pd.NA]


def test_astype_from_the_struct_as_pandas_reads_it(masks):
    """Dicts with h, w and counts are what pandas makes of samframe's Parquet files where samframe is not imported."""
    rows = [{"h": 7, "w": 9, "counts": masks[0].counts}, None]

    assert pd.Series(rows, dtype=object).astype("mask").tolist() == [masks[0], pd.NA]


def test_astype_from_an_arrow_struct_column(masks):
    """A struct column of pandas' ArrowDtype becomes masks."""
    column = pd.array(masks, dtype="mask")
    arrow = pd.Series(column).astype(pd.ArrowDtype(pa.array(column).type))

    assert arrow.astype("mask").tolist() == masks


def test_text_round_trip(masks):
    """COCO dicts in JSON text, as CSV files keep masks, become masks."""
    strings = pd.Series([json.dumps(mask.to_coco()) for mask in masks], dtype="string")

    assert strings.astype("mask").tolist() == masks


@pytest.mark.parametrize("value", [1, 2.5, object(), pd.NaT, "not json", "[1]", b"no png", {"size": [1, 1]}])
def test_what_is_no_mask_is_refused(value):
    """A value that is no mask is an error, never a missing mask."""
    values = np.empty(1, dtype=object)
    values[0] = value

    with pytest.raises((TypeError, MaskError)):
        MaskArray._from_sequence(values)


def test_error_names_the_element(masks):
    """The message tells which element is no mask."""
    with pytest.raises(MaskError, match="Element 1"):
        MaskArray._from_sequence([masks[0], {"size": [7, 9], "counts": "zz"}])


def test_astype_object_gives_masks(masks):
    """Masks leave the dtype as Mask objects."""
    result = pd.Series([masks[0], None], dtype="mask").astype(object)

    assert result.dtype == object
    assert result.tolist() == [masks[0], pd.NA]


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, _pickled])
def test_copies_are_equal(masks, clone):
    """Copies and pickles hold the same masks."""
    series = pd.Series([*masks, None], dtype="mask")

    assert clone(series).equals(series)
