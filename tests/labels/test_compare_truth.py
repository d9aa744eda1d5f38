"""Prompts are ranked by truth."""

from __future__ import annotations

import pandas as pd
import pytest

import samframe
from samframe.errors import OptionError
from samframe.masks import Mask
from samframe.testing import make_scene


def test_the_prompt_that_is_nearer_to_the_truth_comes_first(tmp_path):
    """Only images of the truth are asked for; a failure counts as nothing found."""
    scenes = [make_scene("flat", seed, size=128) for seed in (5000, 5001)]
    df = pd.DataFrame({"image": [scene.image for scene in scenes]})
    with samframe.offline() as client, samframe.options(client=client, store=tmp_path):
        known = df.head(1).assign(prompt="yellow rectangle").sam.segment(progress=False)
        truth = pd.DataFrame({"image": known["image"], "mask": known["mask"]})

        found = df.sam.compare({"b": "unicorn", "a": "yellow rectangle"}, truth=truth, progress=False)

    assert list(found.summary.index) == ["a", "b"]
    assert found.summary["truth_iou"].tolist()[0] == 1.0
    assert found.summary["truth_iou"].tolist()[1] < 1.0
    assert len(found.frame) == 1
    assert found.frame["truth"].tolist() == truth["mask"].tolist()
    assert "truth_iou" in str(found)


def test_truth_of_other_images_is_refused_before_anything_is_sent():
    """Nothing could be measured."""
    truth = pd.DataFrame(
        {"image": ["x.png"], "mask": pd.array([Mask.from_polygons([], (4, 4))], dtype="mask")}
    )

    with pytest.raises(OptionError, match="No image is in both"):
        samframe.compare(pd.DataFrame({"image": ["y.png"]}), {"a": "cat", "b": "dog"}, truth=truth)
