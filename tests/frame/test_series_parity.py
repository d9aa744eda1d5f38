"""Every method and property of a mask has its twin on ``Series.sam``, of the same name and the same result."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import samframe
from samframe.errors import OptionError
from samframe.frame import SeriesSam
from samframe.masks import Mask
from samframe.testing import hard_masks

#: What only one mask can do: be made, be drawn, show what it holds inside.
OF_ONE = {name for name in dir(Mask) if name.startswith("from_")} | {"plot", "packed", "toggles", "for_json"}
#: What is a table, by its columns, or a stack of all masks.
TABLES = {"bbox_xywh": ["x", "y", "width", "height"], "centroid": ["x", "y"], "size_hw": ["height", "width"]}
CALLS = {
    "boundary_iou": ["other"],
    "components": None,
    "crop": [(3, 4, 30, 20)],
    "dice": ["other"],
    "dilate": [2],
    "erode": [1],
    "fill_holes": [],
    "iou": ["other"],
    "polygons": [],
    "remove_small": [40],
    "resize": [(60, 80)],
    "to_coco": [],
    "to_numpy": None,
    "to_png": [],
    "translate": [5, -3],
}


@pytest.fixture
def masks():
    """Masks of one size and odd shapes, with a missing one, on an index that repeats."""
    shapes = [mask for mask in hard_masks().values() if mask.size_hw == hard_masks()["ring"].size_hw]
    return pd.Series(
        pd.array([*shapes, None], dtype="mask"), index=["a", "a", *range(len(shapes) - 1)], name="m"
    )


@pytest.fixture
def other(masks):
    return pd.Series(masks.array[::-1], index=masks.index)


def public(kind):
    return {name for name in dir(kind) if not name.startswith("_")}


def test_no_name_is_missing():
    """A new method of Mask wants its twin."""
    assert public(Mask) - OF_ONE <= public(SeriesSam)
    assert set(CALLS) | set(TABLES) | {"area", "counts", "holes", "perimeter"} == public(Mask) - OF_ONE


@pytest.mark.parametrize("name", ["area", "counts", "holes", "perimeter"])
def test_properties_are_those_of_each_mask(masks, name):
    """Nullable, the index kept."""
    found = getattr(masks.sam, name)

    assert found.index.equals(masks.index)
    assert found.tolist()[:-1] == [getattr(mask, name) for mask in masks[:-1]]
    assert pd.isna(found.iloc[-1])


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_those_of_each_mask(masks, name):
    """A column a number."""
    found = getattr(masks.sam, name)

    assert list(found.columns) == TABLES[name]
    assert found.index.equals(masks.index)
    for row, mask in enumerate(masks[:-1]):
        expected = np.array(getattr(mask, name), dtype=float)
        assert found.iloc[row].to_numpy(dtype=float, na_value=np.nan) == pytest.approx(expected, nan_ok=True)
    assert found.iloc[-1].isna().all()


@pytest.mark.parametrize("name", sorted(name for name, arguments in CALLS.items() if arguments is not None))
def test_methods_are_those_of_each_mask(masks, other, name):
    """The same arguments, the same result, missing where the mask is."""
    arguments = CALLS[name]
    with_other = arguments == ["other"]
    found = getattr(masks.sam, name)(*([other] if with_other else arguments))

    assert found.index.equals(masks.index)
    for row, mask in enumerate(masks):
        partner = other.iloc[row]
        if mask is pd.NA or (with_other and partner is pd.NA):
            assert pd.isna(found.iloc[row])
            continue
        expected = getattr(mask, name)(*([partner] if with_other else arguments))
        if name == "polygons":
            assert str(found.iloc[row]) == str(expected)
        elif isinstance(expected, float):
            assert found.iloc[row] == pytest.approx(expected)
        else:
            assert found.iloc[row] == expected


def test_crop_takes_a_box_a_row(masks):
    """Each mask to its own box."""
    found = masks.sam.crop(masks.sam.bbox_xywh.fillna(0))

    assert found.iloc[0] == masks.iloc[0].crop(masks.iloc[0].bbox_xywh)
    assert found.iloc[-1] is pd.NA


def test_masks_become_files(masks, tmp_path):
    """Names from the index or from paths, unique and safe; missing masks make none."""
    places = range(len(masks))
    paths = masks.sam.to_png(
        tmp_path / "masks", names=[f"/x/..{'/sub' * (at % 2)}/é:{at % 3}.jpg" for at in places]
    )

    assert paths.index.equals(masks.index)
    assert paths.isna().tolist() == masks.isna().tolist()
    assert len(set(paths.dropna())) == len(masks) - 1
    back = samframe.read_masks(tmp_path / "masks").set_index("file")["mask"]
    assert [back[path] for path in paths.dropna()] == masks.dropna().tolist()
    with pytest.raises(FileExistsError):
        masks.sam.to_png(tmp_path / "masks", names=[f"é:{at % 3}" for at in range(len(masks))])
    with pytest.raises(OptionError, match="names"):
        masks.sam.to_png(tmp_path / "others", names=["a"])


def test_duckdb_polars_and_arrow_take_a_frame(masks):
    """Through the table, or through the PyCapsule interface; the run lengths are not copied."""
    df = pd.DataFrame({"label": "x", "mask": masks.array})
    rows = df.sam.to_arrow()

    assert duckdb.sql("select sum(mask_area) from rows").fetchall()[0][0] == masks.sam.area.sum()
    assert pl.DataFrame(df.sam)["mask_area"].sum() == masks.sam.area.sum()
    assert pa.table(df.sam).schema.field("mask").type == rows.schema.field("mask").type
    assert pa.chunked_array(masks.sam).to_pylist()[0]["counts"] == masks.iloc[0].counts
    assert samframe.from_arrow(pa.table(df.sam))["mask"].tolist() == masks.tolist()
