"""A dataset's folder: what is in it, that the frame comes back, and what other readers see."""

import json

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

import samframe
from samframe.errors import MaskError, OptionError
from samframe.export import RecordColumns, iter_records
from samframe.masks import Mask
from samframe.testing import sample_photo


@pytest.fixture
def dataset(tmp_path):
    return tmp_path / "dataset"


def _manifest(dataset):
    return json.loads((dataset / "manifest.json").read_text())


@pytest.mark.parametrize("artifacts", ["png", "npz", "none"])
@pytest.mark.parametrize("images", ["reference", "copy", "embed"])
def test_the_frame_comes_back(frame, dataset, artifacts, images):
    """Columns, dtypes, masks and paths are as they were, whatever is stored beside them."""
    report = frame.sam.to_parquet(dataset, artifacts=artifacts, images=images)

    pd.testing.assert_frame_equal(samframe.read_parquet(dataset), frame)
    assert samframe.verify(dataset).ok
    assert (report.rows_written, report.iou_min, report.iou_mean) == (8, 1.0, 1.0)
    assert report.warnings[-1] == "1 of 9 rows have no mask (failed 1); they are in the data all the same"


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(5, 50, 5, name="step"),
        pd.Index(list("aabbccdde")),
        pd.MultiIndex.from_product([["x", "y", "z"], [1, 2, 3]], names=["letter", None]),
        pd.CategoricalIndex(list("aabbaabba"), categories=list("cba"), ordered=True),
        pd.date_range("2026", periods=9),
    ],
    ids=["range", "duplicates", "levels", "categories", "dates"],
)
def test_every_index_comes_back(frame, dataset, index):
    """Ranges, duplicates, levels, categories and dates are restored, across data files."""
    frame.index = index

    frame.sam.to_parquet(dataset, rows_per_file=4)

    pd.testing.assert_frame_equal(samframe.read_parquet(dataset), frame, check_freq=False)
    assert len(list((dataset / "data").iterdir())) == 3


def test_categories_that_no_row_has_stay(frame, dataset):
    """A categorical keeps its categories and their order, in every data file."""
    kinds = pd.CategoricalDtype(["unused", "b", "a"], ordered=True)
    frame["kind"] = pd.Categorical(["a", "b", None, "a", "a", "a", "a", "a", None], dtype=kinds)

    frame.sam.to_parquet(dataset, rows_per_file=2)

    assert samframe.read_parquet(dataset)["kind"].dtype == kinds


def test_nested_and_mixed_cells_come_back_as_they_were(frame, dataset):
    """Tuples, lists of tuples, arrays and cells of several kinds keep their kinds."""
    n = len(frame)
    frame["pairs"] = [[(1, 2), (3, 4)]] * (n - 1) + [None]
    frame["mixed"] = [1, "one", None, [1, 2], {"a": 1}, True, 2.5, "two", "x"]
    frame["arrays"] = [np.array([1.5, 2.5])] * n

    frame.sam.to_parquet(dataset)
    back = samframe.read_parquet(dataset)

    assert back["points"].tolist() == frame["points"].tolist()
    assert back["pairs"].tolist() == frame["pairs"].tolist()
    assert back["mixed"].tolist() == frame["mixed"].tolist()
    assert all(isinstance(cell, np.ndarray) and cell.tolist() == [1.5, 2.5] for cell in back["arrays"])


def test_columns_and_rows_can_be_chosen(frame, dataset):
    """Columns and filters work as for one file, over all data files."""
    frame.sam.to_parquet(dataset, rows_per_file=3)

    back = samframe.read_parquet(dataset, columns=["prompt", "mask"], filters=[("mask_area", ">", 2000)])

    large = frame[frame["mask"].sam.area.fillna(0) > 2000]
    assert back["prompt"].tolist() == large["prompt"].tolist()
    assert back["mask"].tolist() == large["mask"].tolist()


def test_an_empty_frame_is_a_dataset(frame, dataset):
    """No rows are a dataset too, with all columns."""
    frame.iloc[:0].sam.to_parquet(dataset)

    back = samframe.read_parquet(dataset)

    assert len(back) == 0
    assert list(back) == list(frame)
    assert back["mask"].dtype == "mask"


def test_each_distinct_mask_has_one_png_of_one_bit(frame, dataset):
    """Pillow reads every artifact as the mask's pixels, in mode 1; equal masks share a file."""
    twice = pd.concat([frame, frame], ignore_index=True)

    twice.sam.to_parquet(dataset)

    files = pd.read_parquet(next((dataset / "data").iterdir()))["mask_file"]
    assert len(list((dataset / "masks").rglob("*.png"))) == frame["mask"].count()
    for mask, file in zip(twice["mask"], files, strict=True):
        if isinstance(file, str):
            with Image.open(dataset / file) as picture:
                assert picture.mode == "1"
                assert (np.asarray(picture) == mask.to_numpy()).all()
    assert files.isna().tolist() == twice["mask"].isna().tolist()


def test_npz_artifacts_hold_no_pickle_and_no_time(frame, dataset, tmp_path):
    """NumPy loads each without pickles; the same masks make the same bytes."""
    frame.sam.to_parquet(dataset, artifacts="npz")
    frame.sam.to_parquet(tmp_path / "again", artifacts="npz")

    files = sorted(path.relative_to(dataset) for path in dataset.rglob("*.npz"))
    assert len(files) == frame["mask"].count()
    for file in files:
        assert (dataset / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
        assert np.load(dataset / file, allow_pickle=False)["mask"].dtype == bool


def test_the_manifest_names_every_file_with_its_hash(frame, dataset):
    """Counts, splits, versions, and each file but the manifest and the report, as sha256sum sees it."""
    import hashlib  # noqa: PLC0415 - the oracle of this test

    frame.sam.to_parquet(dataset, images="copy", split_col="split")
    manifest = _manifest(dataset)

    on_disk = {str(path.relative_to(dataset)) for path in dataset.rglob("*") if path.is_file()}
    assert {entry["path"] for entry in manifest["files"]} == on_disk - {"manifest.json", "fidelity.json"}
    for entry in manifest["files"]:
        data = (dataset / entry["path"]).read_bytes()
        assert (entry["sha256"], entry["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert manifest["schema_version"] == "1.0"
    assert manifest["samframe_version"] == samframe.__version__
    assert manifest["counts"]["rows"] == len(frame)
    assert manifest["counts"]["status"] == {"completed": 8, "failed": 1}
    assert manifest["splits"] == {"train": 6, "val": 3}


def test_copied_images_are_the_files_themselves(frame, dataset, photos):
    """Each copy has the bytes of its original, and rows of one image share it."""
    frame.sam.to_parquet(dataset, images="copy")

    back = samframe.read_parquet(dataset, images="copied")

    for copy, original in zip(back["image"], frame["image"], strict=True):
        assert copy.startswith(str(dataset / "images"))
        with open(copy, "rb") as one, open(original, "rb") as other:  # noqa: PTH123 - text as the frame has it
            assert one.read() == other.read()
    assert back["image"].iloc[0] == back["image"].iloc[-1]


def test_pixels_in_memory_are_kept_as_png(frame, dataset):
    """Pillow images and arrays, which no table holds, are in images/, and the frame names them."""
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    cells = frame["image"].astype(object)
    cells.iloc[0], cells.iloc[1] = pixels, Image.fromarray(pixels[::-1])
    frame["image"] = cells

    report = frame.sam.to_parquet(dataset)
    back = samframe.read_parquet(dataset)

    assert "2 image cells hold pixels" in report.warnings[0]
    assert (np.asarray(Image.open(back["image"][0])) == pixels).all()
    assert (np.asarray(Image.open(back["image"][1])) == pixels[::-1]).all()
    assert back["image"][2:].tolist() == frame["image"][2:].tolist()


def test_embedded_images_serve_where_the_originals_are_gone(frame, dataset, photos):
    """With images="embed" the records have their pictures wherever the dataset goes."""
    frame.sam.to_parquet(dataset, images="embed")
    for path in photos.iterdir():
        path.unlink()

    records = list(iter_records(dataset))

    assert [record.picture.size_hw for record in records[:8]] == [mask.size_hw for mask in frame["mask"][:8]]
    assert [record.reason is None for record in records] == [True] * 8 + [False]


def test_records_of_a_dataset_are_those_of_its_frame(frame, dataset):
    """Streaming from the folder gives the same rows as the frame, with the ids that were stored."""
    frame.sam.to_parquet(dataset, rows_per_file=4, row_group_size=2)
    columns = RecordColumns(split="split", extra=("cost",))

    stored = list(iter_records(dataset, columns=columns))
    given = list(iter_records(frame, columns=columns))

    assert [(r.position, r.mask, r.reason, r.split, r.cells, r.image) for r in stored] == [
        (r.position, r.mask, r.reason, r.split, r.cells, r.image) for r in given
    ]
    assert len({record.annotation_id for record in stored}) == len(frame)


def test_partitions_are_folders_and_the_order_stays(frame, dataset):
    """One folder a value, as Hive writes it; the frame comes back in its own order."""
    frame["label"] = ["cat", "red car", None, "cat", "../up", "red car", "Ü", "cat", "x" * 300]

    frame.sam.to_parquet(dataset, partition_by="label")

    pd.testing.assert_frame_equal(samframe.read_parquet(dataset), frame)
    folders = {path.name for path in (dataset / "data").iterdir()}
    assert {"label=cat", "label=red%20car", "label=..%2Fup", "label=%C3%9C"} < folders
    assert all(len(name) <= 200 for name in folders)
    counted = duckdb.sql(f"select label, count(*) from read_parquet('{dataset}/data/*/*.parquet') group by 1")  # noqa: S608 - its own folder
    assert dict(counted.fetchall())["red car"] == 2


def test_foreign_readers_see_plain_columns(frame, dataset):
    """DuckDB, polars and pandas read data/*.parquet as they read any: masks are structs, areas and boxes numbers."""
    frame.sam.to_parquet(dataset, rows_per_file=4)
    files = f"{dataset}/data/*.parquet"
    areas = frame["mask"].sam.area

    by_duckdb = duckdb.sql(f"select sum(mask_area), max(mask.h), count(mask) from '{files}'").fetchall()[0]  # noqa: S608 - its own folder
    by_polars = pl.read_parquet(files)
    by_pandas = pd.read_parquet(dataset / "data")

    assert by_duckdb == (areas.sum(), 240, 8)
    assert by_polars["mask_area"].sum() == areas.sum()
    assert by_polars["prompt"].to_list() == frame["prompt"].tolist()
    assert by_pandas["mask"].iloc[0]["counts"] == frame["mask"].iloc[0].counts


def test_datasets_loads_the_data_files(frame, dataset, tmp_path):
    """Hugging Face datasets loads data/*.parquet without samframe; counts decode with pycocotools."""
    from datasets import load_dataset  # noqa: PLC0415 - heavy
    from pycocotools import mask as coco  # noqa: PLC0415 - the oracle of this test

    frame.sam.to_parquet(dataset)
    loaded = load_dataset(
        "parquet", data_files=f"{dataset}/data/*.parquet", split="train", cache_dir=str(tmp_path / "cache")
    )

    for row, mask in zip(loaded, frame["mask"], strict=True):
        if row["mask"] is not None:
            rle = {"size": [row["mask"]["h"], row["mask"]["w"]], "counts": row["mask"]["counts"]}
            assert coco.area(rle) == mask.area
            assert coco.toBbox(rle).tolist() == list(mask.bbox_xywh)


def test_rows_of_the_offline_engine_are_told(frame, dataset):
    """A mask that is not SAM 2's is in the warnings of the report and of the manifest."""
    frame["engine"] = ["offline/1.0", *[None] * 8]

    report = frame.sam.to_parquet(dataset)

    assert any("1 mask is from the offline engine" in warning for warning in report.warnings)
    assert _manifest(dataset)["warnings"] == list(report.warnings)


def test_rows_of_a_run_with_samframe_offline_are_told(dataset):
    """Without a column of engines the frame still knows that its masks are not SAM 2's, read back too."""
    df = pd.DataFrame({"image": [str(sample_photo("coffee"))], "at": [(260, 190)]})
    with samframe.offline() as client:
        out = df.sam.segment(prompt_col=None, coordinates_col="at", client=client, progress=False)

    report = out.sam.to_parquet(dataset)
    again = samframe.read_parquet(dataset).sam.to_parquet(dataset)

    assert out["status"].tolist() == ["completed"]
    for told in (report, again):
        assert any("1 mask is from the offline engine" in warning for warning in told.warnings)


def test_a_folder_of_something_else_is_refused(frame, dataset):
    """Nothing is written among files of another kind, and nothing is removed there."""
    dataset.mkdir()
    (dataset / "thesis.tex").write_text("years of work")

    with pytest.raises(OptionError, match=r"thesis\.tex"):
        frame.sam.to_parquet(dataset)

    assert [path.name for path in dataset.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"artifacts": "tiff"}, "'png', 'npz' or 'none'"),
        ({"images": "link"}, "'reference', 'copy' or 'embed'"),
        ({"paths": "home"}, "'relative' or 'absolute'"),
        ({"partition_by": "colour"}, "no column 'colour'"),
        ({"split_col": "fold"}, "no column 'fold'"),
        ({"image_col": "photo", "images": "copy"}, "image_col"),
        ({"rows_per_file": 0}, "at least 1"),
        ({"no_such": 1}, "no_such"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(frame, dataset, options, words):
    """A wrong option names itself, and leaves no folder of half a dataset."""
    with pytest.raises(OptionError, match=words):
        frame.sam.to_parquet(dataset, **options)

    assert not dataset.exists() or not list(dataset.iterdir())


def test_a_column_in_the_way_is_told(frame, dataset):
    """A user's column of a name that the dataset needs is refused with advice."""
    with pytest.raises(OptionError, match="'annotation_id' is in the way"):
        frame.assign(annotation_id=1).sam.to_parquet(dataset)


def test_what_no_table_keeps_is_told(frame, dataset):
    """A column of objects that cannot be stored is named."""
    frame["thing"] = [object()] * len(frame)

    with pytest.raises(OptionError, match="'thing'"):
        frame.sam.to_parquet(dataset)


def test_no_dataset_is_told(tmp_path):
    """A folder without a manifest is no dataset; a missing one neither."""
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=r"manifest\.json"):
            samframe.read_parquet(path)


def test_a_dataset_of_a_later_version_is_refused(frame, dataset):
    """A later major version is refused with the advice to update."""
    frame.sam.to_parquet(dataset)
    path = dataset / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": "1.0"', '"schema_version": "2.0"'))

    with pytest.raises(MaskError, match="Update samframe"):
        samframe.read_parquet(dataset)


def test_a_manifest_that_leads_out_of_the_folder_is_refused(frame, dataset, tmp_path):
    """A manifest that was made to name files elsewhere, its checksum made to fit, reads none of them."""
    from dataclasses import replace  # noqa: PLC0415

    from samframe.export.files.manifest import manifest_bytes, parse_manifest  # noqa: PLC0415 - to forge one

    frame.sam.to_parquet(dataset)
    secret = tmp_path / "secret.parquet"
    secret.write_bytes(next((dataset / "data").iterdir()).read_bytes())
    lines = (dataset / "manifest.json").read_bytes().splitlines(keepends=True)
    manifest = parse_manifest(lines, shown="x", kinds={"data"})
    forged = replace(manifest, files=(replace(manifest.files[0], path="../secret.parquet"),))
    (dataset / "manifest.json").write_bytes(manifest_bytes(forged))

    with pytest.raises(OptionError, match="no path within a dataset"):
        samframe.read_parquet(dataset)
    assert not samframe.verify(dataset).ok


def test_masks_of_several_columns_each_have_files(frame, dataset):
    """Every mask column has areas, boxes and files of its own."""
    frame["second"] = pd.array([Mask.from_bbox((0, 0, 2, 2), (9, 9))] * len(frame), "mask")

    frame.sam.to_parquet(dataset)

    columns = pd.read_parquet(dataset / "data").columns
    assert {"mask_file", "mask_area", "second_file", "second_area", "second_bbox"} <= set(columns)
    pd.testing.assert_frame_equal(samframe.read_parquet(dataset), frame)


def test_a_frame_without_masks_is_told(tmp_path):
    """A frame that was never segmented is a table like any other, and a warning says that nothing was masked."""
    df = pd.DataFrame({"image": ["a.png"], "prompt": ["boy"]})
    report = samframe.to_parquet(df, tmp_path / "set")
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())

    assert report.rows_written == 0
    assert report.warnings == ("there is no column of masks: the dataset holds the table alone",)
    assert manifest["warnings"] == list(report.warnings)
    pd.testing.assert_frame_equal(samframe.read_parquet(tmp_path / "set"), df)
