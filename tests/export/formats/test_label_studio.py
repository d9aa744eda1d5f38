"""Label Studio tasks: read back by our own reader, and by rules of the format."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

import samframe
from samframe.errors import OptionError
from samframe.labels import read_label_studio
from samframe.masks import Mask
from samframe.masks.brush import brush_mask, brush_rle


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_brushes_come_back(array):
    """Whatever lies on the mask."""
    mask = Mask.from_numpy(array)

    assert brush_mask(brush_rle(mask), mask.size_hw) == mask


def test_long_runs_are_several():
    """More than 65,536 equal values, the most that a length can say."""
    mask = Mask.from_bbox((0, 100, 400, 150), (300, 400))

    assert brush_mask(brush_rle(mask), mask.size_hw) == mask


def test_a_brush_is_as_its_format_says():
    """Pixels, bits of a value, bits of four lengths, then a run of eight values of 255: bit for bit."""
    rle = brush_rle(Mask.from_numpy(np.ones((1, 2), bool)))
    bits = "".join(f"{byte:08b}" for byte in rle)
    expected = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111" + "1" + "00" + "111" + "11111111"

    assert bits == expected.ljust(len(bits), "0")


@pytest.mark.parametrize("regions", ["brush", "polygon"])
def test_our_reader_gives_every_hard_mask_back(frame, tmp_path, masks, regions):
    """Masks, labels, scores and ids, whichever form regions have; the negative is a task without one."""
    df = frame.assign(score=np.linspace(0, 1, len(frame)))
    report = samframe.to_label_studio(df, tmp_path / "set", regions=regions)
    back = read_label_studio(tmp_path / "set" / "tasks.json", tmp_path / "set" / "images", predictions=True)
    found = {}
    for label, mask in zip(back["label"], back["mask"], strict=True):
        if isinstance(label, str):
            found[label] = mask if label not in found else found[label] | mask

    assert back["error"].isna().all()
    assert set(found) == {name for name in masks if name != "empty"}
    assert report.iou_min > (0.999 if regions == "brush" else 0.9)
    if regions == "brush":
        assert all(found[name] == masks[name] for name in found)
        rows = [json.loads(line) for line in (tmp_path / "set" / "rows.jsonl").read_text().splitlines()]
        assert {int(row["region"]) for row in rows if "category" in row} == set(
            back["annotation_id"].dropna()
        )
        assert set(back["score"].dropna().round(6)) <= set(df["score"].round(6))


def test_a_task_is_an_image_wherever_its_rows_stand(frame, tmp_path):
    """Rows of one image are one prediction, also with others between them."""
    df = frame.iloc[[0, 1, 0]].assign(prompt=["a", "b", "c"])
    samframe.to_label_studio(df, tmp_path / "set")
    tasks = json.loads((tmp_path / "set" / "tasks.json").read_text())
    labels = [
        [region["value"]["brushlabels"][0] for region in task["predictions"][0]["result"]] for task in tasks
    ]

    assert labels == [["b"], ["a", "c"]]
    assert all(len({region["id"] for region in task["predictions"][0]["result"]}) for task in tasks)


def test_the_labelling_interface_has_every_category(frame, tmp_path):
    """Names that XML would take for markup are text in it."""
    df = frame.iloc[:2].assign(prompt=['<cat> & "co"', "dog"])
    samframe.to_label_studio(df, tmp_path / "set", from_name="mine")
    config = ET.parse(tmp_path / "set" / "label_config.xml")  # noqa: S314 - written by us

    assert [label.get("value") for label in config.iter("Label")] == ['<cat> & "co"', "dog"]
    assert [tag.get("name") for tag in config.iter("BrushLabels")] == ["mine"]


def test_images_may_be_named_only(frame, tmp_path):
    """By path with a prefix, and URLs as they are."""
    df = frame.iloc[:2].copy()
    df["image"] = ["pictures/ring.png", "https://example.com/a%20b.jpg"]
    samframe.to_label_studio(df, tmp_path / "set", images="reference", url_prefix="https://cdn.example/")
    urls = [task["data"]["image"] for task in json.loads((tmp_path / "set" / "tasks.json").read_text())]

    assert urls == ["https://cdn.example/pictures/ring.png", "https://example.com/a%20b.jpg"]
    assert not (tmp_path / "set" / "images").exists()


@pytest.mark.parametrize("options", [{"regions": "box"}, {"images": "move"}, {"score_col": "none"}])
def test_wrong_options_are_refused(frame, tmp_path, options):
    """Before anything is left behind."""
    with pytest.raises(OptionError):
        samframe.to_label_studio(frame, tmp_path / "set", **options)

    assert not (tmp_path / "set").exists()


def test_the_accessor_and_the_command_know_it(frame, tmp_path):
    """A format is registered once."""
    frame.sam.to_label_studio(tmp_path / "set")

    assert "label_studio" in {one.name for one in samframe.export.formats.FORMATS}
    assert (tmp_path / "set" / "tasks.json").is_file()
    assert isinstance(frame, pd.DataFrame)
