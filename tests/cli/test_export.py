"""`samframe export`: from a dataset or a Parquet file to a training set."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from pycocotools.coco import COCO

from samframe.export import read_parquet, to_parquet, write_parquet
from samframe.masks import Mask


@pytest.fixture
def masks(photos):
    """photos/masks.parquet: six rows on three pictures; the last one failed."""
    boxes = [Mask.from_bbox((2, 3, 4 + number, 5), (24, 32)) for number in range(5)]
    frame = pd.DataFrame(
        {
            "image": ["a.png", "a.png", "b.png", "b.png", "c.png", "c.png"],
            "prompt": ["boy", "dog"] * 3,
            "kind": ["Person", "Animal"] * 3,
            "mask": pd.array([*boxes, None], dtype="mask"),
            "status": [*["completed"] * 5, "failed"],
            "part": ["train", "train", "val", "val", "val", "val"],
        }
    )
    write_parquet(frame, photos / "masks.parquet")
    return photos / "masks.parquet"


@pytest.mark.parametrize("kind", ["coco", "yolo", "hf", "semantic"])
def test_writes_each_format(samframe, masks, tmp_path, kind):
    """Images are found beside the file; the last lines say what was written, and exit status 1 that a row was not."""
    ran = samframe("export", masks, "--format", kind, "--out", tmp_path / "set", "--split", "train=.6,val=.4")
    report = json.loads((tmp_path / "set" / "fidelity.json").read_text())

    assert ran.status == 1
    assert "Row 5: no mask (status failed)" in ran.err
    assert ran.out.splitlines()[-1] == f"wrote {tmp_path / 'set'}"
    assert report["rows_written"] == 5
    assert report["iou_mean"] == 1.0 or kind == "semantic"  # there the masks hide parts of one another


def test_a_dataset_needs_no_pictures_elsewhere(samframe, masks, photos, tmp_path, monkeypatch):
    """A dataset with its own copies of the images is exported after the originals are gone."""
    monkeypatch.chdir(photos)
    to_parquet(read_parquet(masks).iloc[:5], tmp_path / "dataset", images="copy")
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        (photos / f"{name}.png").unlink()
    ran = samframe("export", tmp_path / "dataset", "--format", "coco", "--out", tmp_path / "coco")

    assert ran.status == 0, ran.err
    assert len(list((tmp_path / "coco" / "train").iterdir())) == 3


def test_options_reach_the_writer(samframe, masks, tmp_path):
    """Column of splits, categories, instances: what the file says is what was asked for."""
    samframe(
        *("export", masks, "--format", "coco", "--out", tmp_path / "set", "--split-col", "part"),
        *("--category", "kind", "--polygons", "--images", "reference"),
    )
    coco = COCO(str(tmp_path / "set" / "annotations" / "instances_val.json"))

    assert {category["name"] for category in coco.cats.values()} == {"Person", "Animal"}
    assert len(coco.anns) == 3
    assert all(isinstance(annotation["segmentation"], list) for annotation in coco.anns.values())
    assert {image["file_name"] for image in coco.imgs.values()} == {"b.png", "c.png"}


@pytest.mark.parametrize(
    "options",
    [
        ["--split", "train"],
        ["--split", "train=.5,train=.5"],
        ["--split", "train=.5"],
        ["--split", "train=half,val=.5"],
        ["--split", "train=1", "--split-col", "part"],
        ["--min-iou", ".5"],
        ["--near-duplicates", "some"],
        ["--group", "kind"],
        ["--category", "species"],
        ["--task", "semantic"],
    ],
)
def test_wrong_options_are_told(samframe, masks, tmp_path, options):
    """Exit status 2, a line that says why, and no folder."""
    ran = samframe("export", masks, "--format", "coco", "--out", tmp_path / "set", *options)

    assert ran.status == 2
    assert ran.err.strip()
    assert not (tmp_path / "set").exists()


def test_a_missing_dataset_is_told(samframe, tmp_path):
    """Exit status 2 for a file and for a folder."""
    for name in ("gone.parquet", "gone"):
        ran = samframe("export", tmp_path / name, "--format", "coco", "--out", tmp_path / "set")

        assert ran.status == 2
        assert "gone" in ran.err


def test_an_earlier_set_is_kept_where_asked(samframe, masks, tmp_path):
    """--no-overwrite refuses what a second run would replace."""
    arguments = ("export", masks, "--format", "yolo", "--out", tmp_path / "set")
    statuses = [samframe(*arguments, *more).status for more in ([], [], ["--no-overwrite"])]

    assert statuses == [1, 1, 2]
