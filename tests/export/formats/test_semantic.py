"""Semantic masks as indexed PNG files, read by Pillow and scikit-image."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage.io import imread

from samframe.errors import OptionError
from samframe.export import to_semantic
from samframe.masks import Mask


def label_maps(folder, split="train"):
    return {path.stem: np.array(Image.open(path)) for path in (folder / "masks" / split).iterdir()}


def set_of(masks):
    """The names of masks that show something, in their order: an empty one makes no category."""
    return [name for name, mask in masks.items() if mask.area]


def test_every_hard_mask_comes_back(frame, tmp_path, masks):
    """One PNG an image, of the image's name; its pixels are exactly the mask's."""
    report = to_semantic(frame, tmp_path / "set")
    found = label_maps(tmp_path / "set")

    assert set(found) == {path.stem for path in (tmp_path / "set" / "images" / "train").iterdir()}
    numbers = {name: number for number, name in enumerate(set_of(masks), start=1)}
    for name, mask in masks.items():
        stem = next(stem for stem in found if stem.startswith(name.replace(" ", "_")))
        assert (found[stem] == mask.to_numpy() * numbers.get(name, 0)).all()
    assert (report.iou_min, report.rows_written) == (1.0, len(masks))


def test_it_is_a_picture_in_colours(frame, tmp_path):
    """Who opens the file sees Pascal VOC's colours; labels.json names them, and line n of labels.txt is label n."""
    to_semantic(frame, tmp_path / "set")
    labels = json.loads((tmp_path / "set" / "labels.json").read_text())
    seen = imread(tmp_path / "set" / "masks" / "train" / "ring.png")
    colours = {tuple(colour) for colour in seen.reshape(-1, seen.shape[-1])[:, :3].tolist()}

    assert colours == {(0, 0, 0), tuple(labels[1]["color"])}
    assert labels[1] == {"id": 1, "name": "ring", "color": [128, 0, 0]}
    assert labels[2]["color"] == [0, 128, 0]
    names = (tmp_path / "set" / "labels.txt").read_text().splitlines()
    assert names == [label["name"] for label in labels]


@pytest.fixture
def overlapping(pictures):
    """Three rows of one image: large, small and middle, which all cover its middle."""
    masks = [
        Mask.from_bbox((240 - side, 120 - side, 2 * side, 2 * side), (240, 480)) for side in (100, 20, 60)
    ]
    return pd.DataFrame(
        {
            "image": "pictures/ring.png",
            "prompt": ["large", "small", "middle"],
            "mask": pd.array(masks, dtype="mask"),
        }
    )


@pytest.mark.parametrize(("overlap", "seen"), [("smaller", 2), ("larger", 1), ("last", 3), ("first", 1)])
def test_overlaps_follow_the_rule(overlapping, tmp_path, overlap, seen):
    """The pixel that all cover belongs to the one that the rule names."""
    to_semantic(overlapping, tmp_path / "set", overlap=overlap)

    assert label_maps(tmp_path / "set")["ring"][120, 240] == seen


def test_what_is_hidden_is_measured(overlapping, tmp_path):
    """With the larger on top, nothing is seen of the others, and the report says so."""
    smaller = to_semantic(overlapping, tmp_path / "set")
    larger = to_semantic(overlapping, tmp_path / "set", overlap="larger")

    assert smaller.worst_rows == ((0, 1 - 120**2 / 200**2), (2, 1 - 40**2 / 120**2))
    assert larger.worst_rows == ((1, 0.0), (2, 0.0))


def test_rows_of_an_image_need_not_be_neighbours(overlapping, frame, tmp_path):
    """They are put together wherever they stand."""
    apart = pd.concat([overlapping.iloc[:1], frame.iloc[1:4], overlapping.iloc[1:]])
    together = pd.concat([overlapping, frame.iloc[1:4]])
    categories = [*overlapping["prompt"], *frame["prompt"].iloc[1:4]]
    to_semantic(apart, tmp_path / "a", categories=categories)
    to_semantic(together, tmp_path / "b", categories=categories)

    for name, found in label_maps(tmp_path / "a").items():
        assert (found == label_maps(tmp_path / "b")[name]).all()


def test_more_categories_than_eight_bits_are_refused(frame, tmp_path):
    """255 beside the background."""
    many = pd.concat([frame.iloc[:1]] * 256).assign(prompt=[f"kind {number}" for number in range(256)])
    to_semantic(many.iloc[:255], tmp_path / "set")
    with pytest.raises(OptionError, match="255 categories"):
        to_semantic(many, tmp_path / "more")


def test_an_unknown_rule_is_refused(frame, tmp_path):
    """Before anything is written."""
    with pytest.raises(OptionError, match="overlap"):
        to_semantic(frame, tmp_path / "set", overlap="random")
