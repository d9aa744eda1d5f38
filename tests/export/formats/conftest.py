"""Frames of hard masks with pictures of their size, and foreign readers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samframe.testing import hard_masks


def noise(seed, size_hw=(240, 480)):
    """A picture that looks like no other."""
    rs = np.random.RandomState(seed)
    coarse = Image.fromarray(rs.randint(0, 255, (8, 8, 3), dtype=np.uint8))
    return np.array(coarse.resize(size_hw[::-1], Image.Resampling.NEAREST))


@pytest.fixture(scope="session")
def masks():
    return hard_masks()


@pytest.fixture
def pictures(tmp_path, monkeypatch, masks):
    """The working directory: a folder "pictures" with a PNG for each hard mask."""
    folder = tmp_path / "user"
    (folder / "pictures").mkdir(parents=True)
    for seed, name in enumerate(masks):
        Image.fromarray(noise(seed)).save(folder / "pictures" / f"{name}.png")
    monkeypatch.chdir(folder)
    return folder / "pictures"


@pytest.fixture
def frame(pictures, masks):
    """One row a hard mask, each on an image of its own; and a row that failed."""
    names = list(masks)
    return pd.DataFrame(
        {
            "image": [*(f"pictures/{name}.png" for name in names), f"pictures/{names[0]}.png"],
            "prompt": [*names, "unicorn"],
            "mask": pd.array([*masks.values(), None], dtype="mask"),
            "status": [*["completed"] * len(names), "failed"],
            "error": [*[None] * len(names), "nothing found"],
        },
        index=[*(f"row {name}" for name in names), "lost"],
    )


@pytest.fixture
def iou():
    def measure(a, b):
        a, b = np.asarray(a, bool), np.asarray(b, bool)
        return 1.0 if (a == b).all() else float((a & b).sum() / (a | b).sum())

    return measure
