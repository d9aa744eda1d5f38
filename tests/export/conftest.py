"""Frames with masks that are hard to export, with real images beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samframe.masks import Mask

SIZE_HW = (60, 80)


def ragged() -> Mask:
    """31 ragged parts with 105 holes between them, as a segmenter leaves them on foliage."""
    rng = np.random.default_rng(31)
    pixels = np.zeros((240, 320), bool)
    for part in range(31):
        top, left = 4 + 30 * (part // 5), 4 + 62 * (part % 5)
        pixels[top : top + 26, left : left + 58] = True
        pixels[top, left : left + 58] = rng.random(58) < 0.5
    holes = 0
    while holes < 105:
        y, x = rng.integers(2, 238), rng.integers(2, 318)
        if pixels[y - 1 : y + 2, x - 1 : x + 2].all():
            pixels[y, x] = False
            holes += 1
    return Mask.from_numpy(pixels)


def hard_masks() -> dict[str, Mask]:
    """Masks by name: what formats stumble over."""
    yy, xx = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
    distance = np.hypot(yy - 30, xx - 40)
    two = np.zeros(SIZE_HW, bool)
    two[5:20, 5:20] = two[40:55, 50:75] = True
    lines = (yy == 7) | (xx == 11) | (yy == xx)
    pixel = (yy == 33) & (xx == 44)
    noise = np.random.default_rng(1).random(SIZE_HW) < 0.5
    forms = {
        "ring": (distance < 25) & (distance > 12),
        "two parts": two,
        "thin lines": lines,
        "one pixel": pixel,
    }
    forms |= {"empty": np.zeros(SIZE_HW, bool), "full": np.ones(SIZE_HW, bool), "noise": noise}
    return {**{name: Mask.from_numpy(form) for name, form in forms.items()}, "ragged": ragged()}


@pytest.fixture
def photos(tmp_path):
    """A folder with a picture of each hard mask's size."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, mask in enumerate(hard_masks().values()):
        pixels = np.full((*mask.size_hw, 3), number * 20, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def frame(photos):
    """One row a hard mask and a failed one, as segment leaves them, with columns of the user's own."""
    masks = hard_masks()
    count = len(masks)
    return pd.DataFrame(
        {
            "image": [*(str(photos / f"{number}.png") for number in range(count)), str(photos / "0.png")],
            "prompt": [*masks, "unicorn"],
            "points": [*[(3, 4)] * count, None],
            "mask": pd.array([*masks.values(), None], dtype="mask"),
            "status": pd.Categorical(
                [*["completed"] * count, "failed"], categories=["completed", "failed", "in_doubt"]
            ),
            "inference_time": pd.array([*[1.25] * count, None], dtype="Float64"),
            "error": pd.array([*[None] * count, "Row 8: nothing found"], dtype="string"),
            "cost": pd.array([*[0.002] * count, 0.0], dtype="Float64"),
            "taken": pd.date_range("2026-01-01", periods=count + 1, tz="Europe/Berlin"),
            "split": [*["train"] * (count - 2), "val", "val", "val"],
            7: np.arange(count + 1, dtype="uint8"),
        }
    )
