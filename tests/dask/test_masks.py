"""The mask dtype in Dask: metadata, concat, shuffle, Parquet, groups and measures, as in pandas."""

from __future__ import annotations

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import samframe
import samframe.dask
from samframe.masks import Mask, MaskDtype

# Dask calls pandas in ways that pandas 3.1 gives up.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


@pytest.fixture
def frame():
    """Squares of three images, one of them missing; the index has duplicates."""
    rng = np.random.default_rng(3)
    masks = []
    for x, y in rng.integers(0, 20, (30, 2)):
        pixels = np.zeros((32, 32), dtype=bool)
        pixels[y : y + 9, x : x + 7] = True
        masks.append(Mask.from_numpy(pixels))
    frame = pd.DataFrame(
        {"image": [f"{number % 3}.png" for number in range(30)], "mask": pd.array(masks, dtype="mask")},
        index=[number // 2 for number in range(30)],
    )
    frame.iloc[4, 1] = pd.NA
    return frame


@pytest.fixture
def ddf(frame):
    return dd.from_pandas(frame, npartitions=4, sort=False)


def test_metadata_has_an_example(ddf):
    """Dask's example of the dtype is of the dtype, with a mask and a missing one."""
    example = ddf._meta_nonempty["mask"]

    assert isinstance(example.dtype, MaskDtype)
    assert example.isna().tolist() == [False, True]


def test_concat(ddf, frame):
    """Frames are joined as pandas joins them."""
    pd.testing.assert_frame_equal(dd.concat([ddf, ddf]).compute(), pd.concat([frame, frame]))


def test_shuffle_keeps_every_mask(ddf, frame):
    """After a shuffle by image each row is there once, its mask with it."""
    found = ddf.shuffle("image").compute()

    order = ["image", "mask"]
    pd.testing.assert_frame_equal(
        found.sort_values(order, kind="stable").sort_index(kind="stable"),
        frame.sort_values(order, kind="stable").sort_index(kind="stable"),
    )


def test_shuffle_between_processes(client, ddf, frame):
    """A cluster's shuffle sends masks between its workers whole."""
    found = ddf.shuffle("image").compute()

    assert found["mask"].sam.area.sum() == frame["mask"].sam.area.sum()
    assert found.groupby("image")["mask"].count().equals(frame.groupby("image")["mask"].count())


def test_dasks_own_parquet(ddf, frame, tmp_path):
    """Dask's to_parquet and read_parquet keep the dtype and every mask."""
    ddf.reset_index(drop=True).to_parquet(tmp_path / "parts")
    back = dd.read_parquet(tmp_path / "parts")

    assert isinstance(back.dtypes["mask"], MaskDtype)
    assert back["mask"].compute().array.equals(frame["mask"].array)


def test_samframes_parquet(ddf, frame, tmp_path):
    """``ddf.sam.to_parquet`` writes a file a partition that both readers give back, index and all."""
    ddf.sam.to_parquet(tmp_path / "parts")
    back = samframe.dask.read_parquet(tmp_path / "parts")

    assert back.npartitions == ddf.npartitions
    pd.testing.assert_frame_equal(back.compute(), frame)
    pd.testing.assert_frame_equal(samframe.read_parquet(tmp_path / "parts"), frame)
    assert samframe.verify(tmp_path / "parts")


def test_parquet_of_some_columns(ddf, frame, tmp_path):
    """Columns may be chosen when a folder is read."""
    ddf.sam.to_parquet(tmp_path / "parts")

    assert samframe.dask.read_parquet(tmp_path / "parts", columns=["image"]).columns.tolist() == ["image"]


def test_an_existing_folder_is_not_written_over(ddf, tmp_path):
    """Parts of an earlier call are refused, and with ``overwrite=True`` replaced whole."""
    ddf.sam.to_parquet(tmp_path / "parts")
    with pytest.raises(samframe.OptionError, match="overwrite=True"):
        ddf.sam.to_parquet(tmp_path / "parts")
    ddf.repartition(npartitions=2).sam.to_parquet(tmp_path / "parts", overwrite=True)

    assert len(list((tmp_path / "parts" / "data").glob("*.parquet"))) == 2


def test_writing_can_wait(ddf, tmp_path):
    """With ``compute=False`` nothing is written before it is computed."""
    later = ddf.sam.to_parquet(tmp_path / "parts", compute=False)
    assert list((tmp_path / "parts" / "data").glob("*.parquet")) == []
    later.compute()

    assert len(list((tmp_path / "parts" / "data").glob("*.parquet"))) == 4


def test_an_empty_folder_is_told(tmp_path):
    """A folder without parts is no dataset."""
    with pytest.raises(samframe.OptionError, match="no data"):
        samframe.dask.read_parquet(tmp_path)


@pytest.mark.parametrize("name", ["union", "intersection"])
def test_groups(ddf, frame, name):
    """Union and intersection per image are those of pandas, of dtype mask, over partitions."""
    found = ddf.groupby("image")["mask"].agg(getattr(samframe.dask, name))
    expected = frame.groupby("image")["mask"].agg(lambda masks: getattr(masks.sam, name)()).astype("mask")

    assert isinstance(found.dtype, MaskDtype)
    pd.testing.assert_series_equal(found.compute().sort_index(), expected)


@pytest.mark.parametrize("by", ["k", ["image", "k"], ["k", "j"]])
@pytest.mark.parametrize("observed", [True, False])
def test_categories_without_rows(frame, by, observed):
    """Over partitions too each mask is beside its own key, and an unused category is NA."""
    rows = np.arange(len(frame))
    frame["k"] = pd.Categorical(np.array(["y", "z"])[rows % 2], categories=["x", "y", "z"])
    frame["j"] = pd.Categorical(np.array(["b", "c"])[rows // 20], categories=["a", "b", "c"])
    ddf = dd.from_pandas(frame, npartitions=4, sort=False)
    found = ddf.groupby(by, observed=observed)["mask"].agg(samframe.dask.union).compute()
    groups = frame.groupby(by, observed=observed)["mask"]
    expected = groups.agg(lambda masks: masks.sam.union() if len(masks) else pd.NA).astype("mask")

    pd.testing.assert_series_equal(found.sort_index(), expected)


@pytest.mark.parametrize("name", ["area", "bbox_xywh", "centroid", "is_empty", "n_components", "n_holes"])
def test_measures(ddf, frame, name):
    """Measures are lazy, with exact metadata, and those of pandas."""
    found = getattr(ddf["mask"].sam, name)
    expected = getattr(frame["mask"].sam, name)
    check = pd.testing.assert_frame_equal if expected.ndim == 2 else pd.testing.assert_series_equal

    check(found._meta, expected.iloc[:0])
    check(found.compute(), expected)


def test_measures_are_for_masks(ddf):
    """Other columns have no ``sam``."""
    assert not hasattr(ddf["image"], "sam")
