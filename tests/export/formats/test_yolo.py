"""YOLO segmentation folders, read by supervision and line by line."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import supervision
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import samframe
from samframe.errors import OptionError
from samframe.export import to_yolo
from samframe.export.formats import yolo
from samframe.export.formats.yolo import yolo_mask
from samframe.masks import Mask


def rows_of(folder):
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text("ascii").splitlines()]


def test_every_hard_mask_comes_back(frame, tmp_path, masks, iou):
    """One line an object; rows.jsonl leads from the line to the row, and the report's figures hold."""
    report = to_yolo(frame, tmp_path / "yolo")
    found = {}
    for row in rows_of(tmp_path / "yolo"):
        lines = (
            (tmp_path / "yolo" / "labels" / "train" / row["image"])
            .with_suffix(".txt")
            .read_text()
            .splitlines()
        )
        mask = masks[row["category"]]
        found[row["row"]] = iou(mask.to_numpy(), yolo_mask(lines[row["line"]], mask.size_hw).to_numpy())

    assert report.rows_written == len(found) == len(masks) - 1
    assert report.iou_min == min(found.values()) > 0.99
    assert report.worst_rows[0] == (min(found, key=found.get), min(found.values()))
    assert [row for row, _ in report.rows_left_out] == [list(masks).index("empty"), len(masks)]


def test_supervision_loads_it(frame, tmp_path, masks, iou):
    """A foreign reader of the format finds every image, class and mask."""
    folder = tmp_path / "yolo"
    to_yolo(frame, folder)
    loaded = supervision.DetectionDataset.from_yolo(
        images_directory_path=str(folder / "images" / "train"),
        annotations_directory_path=str(folder / "labels" / "train"),
        data_yaml_path=str(folder / "data.yaml"),
        force_masks=True,
    )
    found = {}
    for _, _, detections in loaded:
        for mask, number in zip(
            [] if detections.mask is None else detections.mask, detections.class_id, strict=True
        ):
            found[loaded.classes[number]] = iou(mask, masks[loaded.classes[number]].to_numpy())

    assert len(loaded) == len(masks)
    assert set(found) == set(masks) - {"empty"}
    # supervision rounds to whole pixels in its own way: a pixel to the right and below.
    assert found["full"] > 0.99
    assert found["ring"] > 0.95


def test_data_yaml_names_folders_and_classes(frame, tmp_path):
    """It has no path of its own: readers then start from where it lies."""
    to_yolo(frame, tmp_path / "yolo", split={"train": 0.5, "val": 0.25, "test": 0.25})
    data = yaml.safe_load((tmp_path / "yolo" / "data.yaml").read_text())

    assert {name: data[name] for name in ("train", "val", "test")} == {
        "train": "images/train",
        "val": "images/val",
        "test": "images/test",
    }
    assert list(data["names"].values()) == [name for name in frame["prompt"].tolist()[:-1] if name != "empty"]
    assert "path" not in data


@pytest.mark.parametrize(
    "name",
    ["yes", "NULL", "1", "- x", "a: b # c", '"', "\u2028", "赤い車", "😀", "\x07bell", "{x}", "  ", "\ud800"],
)
def test_any_prompt_is_a_class_name(frame, tmp_path, name):
    """Whatever a prompt holds, data.yaml loads, and the name is that text in one line."""
    prompt = pd.Series([name], dtype=object, index=frame.index[:1])
    to_yolo(frame.iloc[[0]].assign(prompt=prompt), tmp_path / "yolo")
    data = yaml.safe_load((tmp_path / "yolo" / "data.yaml").read_text("utf-8"))

    assert isinstance(data["names"][0], str)
    assert data["names"][0]


def test_rows_below_min_iou_are_left_out_and_told(frame, tmp_path):
    """A row that one outline cannot say well enough is no label, unless asked for."""
    strict = to_yolo(frame, tmp_path / "strict", min_iou=1)
    lenient = to_yolo(frame, tmp_path / "lenient", min_iou=0)
    below = [reason for _, reason in strict.rows_left_out if "min_iou" in reason]

    assert len(below) == lenient.rows_written - strict.rows_written == 3
    assert any("below min_iou" in warning for warning in strict.warnings)
    assert strict.iou_min == 1


def test_an_image_without_labels_is_a_negative(frame, tmp_path):
    """An empty mask says that there is nothing: its image is there, with an empty label file."""
    to_yolo(frame.loc[["row empty", "row ring"]], tmp_path / "yolo")

    assert (tmp_path / "yolo" / "labels" / "train" / "empty.txt").read_text() == ""
    assert (tmp_path / "yolo" / "images" / "train" / "empty.png").exists()


def test_images_are_copied_once(frame, tmp_path):
    """Rows of one image share it, and their lines share a file."""
    same = frame.assign(image="pictures/ring.png").iloc[:4]
    to_yolo(same, tmp_path / "yolo", min_iou=0)

    assert len(list((tmp_path / "yolo" / "images" / "train").iterdir())) == 1
    assert len((tmp_path / "yolo" / "labels" / "train" / "ring.txt").read_text().splitlines()) == 4


def test_urls_are_left_out(frame, tmp_path):
    """YOLO needs the image itself."""
    mixed = frame.iloc[:2].assign(image=["https://example.com/a.jpg", frame["image"].iloc[1]])
    report = to_yolo(mixed, tmp_path / "yolo")

    assert report.rows_written == 1
    assert "URL" in report.rows_left_out[0][1]


def test_nothing_to_write_is_an_error(frame, tmp_path):
    """Where no row can be exported, no folder appears, and the first reason is told."""
    with pytest.raises(OptionError, match=r"Row 0: no mask \(status failed\): nothing found"):
        to_yolo(frame.loc[["lost"]], tmp_path / "yolo")
    with pytest.raises(OptionError, match="the mask is empty"):
        to_yolo(frame.loc[["row empty"]], tmp_path / "yolo")

    assert not (tmp_path / "yolo").exists()


@pytest.mark.parametrize("value", [-0.1, 1.1, True, "high"])
def test_min_iou_is_a_share(frame, tmp_path, value):
    """Anything else is refused before a row is read."""
    with pytest.raises(OptionError, match="min_iou"):
        to_yolo(frame, tmp_path / "yolo", min_iou=value)


def test_a_line_that_is_none_is_refused():
    """The reader does not guess."""
    with pytest.raises(samframe.MaskError, match="not a line"):
        yolo_mask("0 0.1 0.2 0.3", (10, 10))


def test_accessor_writes_the_same(frame, tmp_path):
    """df.sam.to_yolo is the function."""
    frame.sam.to_yolo(tmp_path / "a")
    to_yolo(frame, tmp_path / "b")
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())

    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)


def test_images_as_pixels_and_gif(tmp_path):
    """Pixels become PNG, and so does GIF, which trainers do not read."""
    array = np.random.RandomState(1).randint(0, 255, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(array).save(tmp_path / "a.gif")
    mask = Mask.from_numpy(np.ones((40, 50)))
    images = pd.Series([array, str(tmp_path / "a.gif")], dtype=object)
    df = pd.DataFrame({"image": images, "mask": pd.array([mask, mask], dtype="mask")})
    to_yolo(df, tmp_path / "yolo")
    files = list((tmp_path / "yolo" / "images" / "train").iterdir())

    assert {file.suffix for file in files} == {".png"}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_shares_are_written_as_python_writes_them(shares):
    """Six digits, rounded, without zeros at the end; the text is read back as it was written."""
    text = yolo._text_of_shares(np.array(shares))
    expected = [f"{share:.6f}".rstrip("0").rstrip(".") for share in shares]

    assert [abs(float(a) - float(b)) <= 1e-6 for a, b in zip(text.split(" "), expected, strict=True)]
    assert all(len(a) <= 8 and a == a.rstrip("0" if "." in a else "") for a in text.split(" "))
    assert yolo._shares_of_text(text).tolist() == [float(word) for word in text.split(" ")]
