"""Classes and ids of training sets: as the user numbers them, no class for what is not there, ids that follow masks."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

import samframe
from samframe.errors import OptionError
from samframe.masks import Mask

WRITERS = {
    "coco": samframe.to_coco,
    "yolo": samframe.to_yolo,
    "huggingface": samframe.to_huggingface,
    "semantic": samframe.to_semantic,
    "label_studio": samframe.to_label_studio,
}


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


@pytest.fixture
def photo(tmp_path):
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (20, 30, 3), dtype=np.uint8)).save(
        tmp_path / "a.png"
    )
    return str(tmp_path / "a.png")


def frame_of(photo, prompts, **columns):
    masks = [Mask.from_bbox((2 * number, 1, 5, 6), (20, 30)) for number in range(len(prompts))]
    return pd.DataFrame({"image": photo, "prompt": prompts, "mask": pd.array(masks, dtype="mask")} | columns)


def rows_of(folder):
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text("ascii").splitlines()]


def coco_of(folder):
    return json.loads((folder / "annotations" / "instances_train.json").read_text())


def class_names(folder):
    """The classes of a written set, by whichever file lists them."""
    if (folder / "label_config.xml").exists():
        return [label.get("value") for label in ET.parse(folder / "label_config.xml").iter("Label")]  # noqa: S314 - written by us
    if (folder / "annotations").exists():
        return [category["name"] for category in coco_of(folder)["categories"]]
    if (folder / "labels.txt").exists():
        return (folder / "labels.txt").read_text().splitlines()[1:]
    if (folder / "data.yaml").exists():
        lines = (folder / "data.yaml").read_text().split("names:\n")[1].splitlines()
        return [line.split(": ", 1)[1] for line in lines]
    schema = pq.read_schema(next((folder / "data").iterdir()))
    return json.loads(schema.metadata[b"samframe"])["categories"]


def test_ids_follow_masks_of_one_class_in_one_image(photo, tmp_path):
    """Three objects that were asked for alike keep their ids when rows are sorted or left out."""
    df = frame_of(photo, ["cat"] * 3)
    found = []
    for name, rows in (
        ("all", df),
        ("sorted", df.iloc[[2, 0, 1]]),
        ("some", df.iloc[1:].reset_index(drop=True)),
    ):
        samframe.to_coco(rows, tmp_path / name)
        found.append({tuple(one["bbox"]): one["id"] for one in coco_of(tmp_path / name)["annotations"]})

    assert found[0] == found[1]
    assert found[2] == {box: number for box, number in found[0].items() if box in found[2]}
    assert len(found[2]) == 2


def test_ids_of_the_frame_are_kept(photo, tmp_path):
    """A column annotation_id, as readers give it, names annotations; a row without one gets an id."""
    df = frame_of(photo, ["cat"] * 3, annotation_id=[7.0, 12.0, None])
    samframe.to_coco(df, tmp_path / "set")
    ids = [one["id"] for one in coco_of(tmp_path / "set")["annotations"]]

    assert ids[:2] == [7, 12]
    assert ids[2] not in {0, 7, 12}


def test_a_dataset_gives_ids_that_follow_masks(photo, tmp_path):
    """The same in a dataset's own column of ids."""
    df = frame_of(photo, ["cat"] * 3)
    found = []
    for name, rows in (("a", df), ("b", df.iloc[::-1])):
        samframe.to_parquet(rows, tmp_path / name)
        samframe.to_coco(tmp_path / name, tmp_path / f"{name}-coco")
        found.append(
            {tuple(one["bbox"]): one["id"] for one in coco_of(tmp_path / f"{name}-coco")["annotations"]}
        )

    assert found[0] == found[1]


@pytest.mark.parametrize(
    "given", [{"cat": 17, "dog": 18}, {17: "cat", 18: "dog"}, {"cat": np.int64(17), "dog": 18}]
)
def test_numbers_of_categories_are_honoured(photo, tmp_path, given):
    """In COCO and in label maps, either way round."""
    df = frame_of(photo, ["dog", "cat"])
    samframe.to_coco(df, tmp_path / "coco", categories=given)
    samframe.to_semantic(df, tmp_path / "semantic", categories=given)
    coco = coco_of(tmp_path / "coco")

    assert {one["id"]: one["name"] for one in coco["categories"]} == {17: "cat", 18: "dog"}
    assert [one["category_id"] for one in coco["annotations"]] == [18, 17]
    found = np.array(Image.open(tmp_path / "semantic" / "masks" / "train" / "a.png"))
    assert set(np.unique(found)) == {0, 17, 18}
    assert (tmp_path / "semantic" / "labels.txt").read_text().splitlines()[17:] == ["cat", "dog"]


@pytest.mark.parametrize("name", ["yolo", "huggingface"])
def test_numbers_with_gaps_are_refused_where_classes_are_counted(photo, tmp_path, name):
    """YOLO and Hugging Face number classes from 0."""
    df = frame_of(photo, ["dog", "cat"])
    with pytest.raises(OptionError, match="from 0 without gaps"):
        WRITERS[name](df, tmp_path / "set", categories={"cat": 17, "dog": 18})
    WRITERS[name](df, tmp_path / "set", categories={"cat": 1, "dog": 0})

    assert class_names(tmp_path / "set") == ["dog", "cat"]


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64", "object"])
def test_a_column_of_numbers_names_ids(photo, tmp_path, dtype):
    """Whatever holds them; with a mapping they name its classes."""
    df = frame_of(photo, ["x", "y"], kind=pd.Series([18, 17]).astype(dtype))
    samframe.to_coco(df, tmp_path / "plain", category_col="kind")
    samframe.to_coco(df, tmp_path / "named", category_col="kind", categories={"cat": 17, "dog": 18})

    assert {one["id"]: one["name"] for one in coco_of(tmp_path / "plain")["categories"]} == {
        17: "17",
        18: "18",
    }
    assert {one["id"]: one["name"] for one in coco_of(tmp_path / "named")["categories"]} == {
        17: "cat",
        18: "dog",
    }
    assert [one["category_id"] for one in coco_of(tmp_path / "named")["annotations"]] == [18, 17]


@pytest.mark.parametrize(
    "given", [{}, {"cat": 1, "dog": 1}, {"cat": "x"}, {"cat": -1}, {"cat": 1.5}, {"cat": True}]
)
def test_numbers_that_are_none_are_refused(photo, tmp_path, write, given):
    """Before anything is written."""
    with pytest.raises(OptionError, match="categories"):
        write(frame_of(photo, ["cat"]), tmp_path / "set", categories=given)


def test_a_negative_makes_no_class(photo, tmp_path, write):
    """An empty mask is an image without an object; a prompt that is missing is told."""
    other = photo.replace("a.png", "b.png")
    Image.fromarray(np.full((20, 30, 3), 9, np.uint8)).save(other)
    df = frame_of([photo, other], ["dog", None])
    df.loc[1, "mask"] = Mask.from_numpy(np.zeros((20, 30), bool))
    report = write(df, tmp_path / "set")

    assert class_names(tmp_path / "set") == ["dog"]
    assert any("no prompt (rows 1)" in warning for warning in report.warnings)


def test_a_negative_needs_no_category(photo, tmp_path, write):
    """With a column of categories an empty mask may have none: its image is there."""
    other = photo.replace("a.png", "b.png")
    Image.fromarray(np.full((20, 30, 3), 9, np.uint8)).save(other)
    df = frame_of([photo, other], ["x", "y"], kind=["dog", None])
    df.loc[1, "mask"] = Mask.from_numpy(np.zeros((20, 30), bool))
    report = write(df, tmp_path / "set", category_col="kind")

    assert class_names(tmp_path / "set") == ["dog"]
    assert not [reason for _, reason in report.rows_left_out if "no category" in reason]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"year": np.int64(2026)}, {"year": 2026}),
        ({"a": np.float32(0.5), "b": [np.bool_(True), np.array([1, 2])]}, {"a": 0.5, "b": [True, [1, 2]]}),
        ({"date": pd.Timestamp("2026-01-02")}, {"date": "2026-01-02T00:00:00"}),
    ],
)
def test_info_takes_what_json_can_say(photo, tmp_path, given, expected):
    """Numbers of NumPy, arrays and times are written as JSON has them."""
    samframe.to_coco(frame_of(photo, ["cat"]), tmp_path / "set", info=given, licenses=[{"id": np.int64(3)}])
    coco = coco_of(tmp_path / "set")

    assert expected.items() <= coco["info"].items()
    assert coco["images"][0]["license"] == 3


def test_info_that_json_cannot_say_is_refused_at_the_start(photo, tmp_path):
    """The key is named, and no row is read."""
    with pytest.raises(OptionError, match=r"info\['when'\] is a object"):
        samframe.to_coco("no such folder", tmp_path / "set", info={"when": object()})


def test_scores_and_further_columns_are_in_annotations(photo, tmp_path):
    """A column score by itself, others by name; what is missing is left out."""
    df = frame_of(photo, ["cat"] * 2, score=[0.5, None], source=[np.int64(3), "x"], iscrowd=[0, 1])
    samframe.to_coco(df, tmp_path / "set", columns=["source", "iscrowd"])
    first, second = coco_of(tmp_path / "set")["annotations"]

    assert (first["score"], first["source"], first["iscrowd"]) == (0.5, 3, 0)
    assert ("score" in second, second["source"], second["iscrowd"]) == (False, "x", 1)
    with pytest.raises(OptionError, match="key of COCO's own"):
        samframe.to_coco(df, tmp_path / "other", columns=["id"])
    with pytest.raises(OptionError, match="no column 'confidence'"):
        samframe.to_coco(df, tmp_path / "other", score_col="confidence")


def test_a_misspelt_option_is_named(photo, tmp_path, write):
    """With the function, and the option that was meant."""
    with pytest.raises(
        OptionError, match=r"to_\w+\(\) has no option 'categry_col'. Did you mean 'category_col'\?"
    ):
        write(frame_of(photo, ["cat"]), tmp_path / "set", categry_col="kind")
