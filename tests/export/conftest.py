"""Frames with masks that are hard to export, with real images beside them."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samframe.masks import Mask
from samframe.testing import hard_masks

CHILD = Path(__file__).with_name("child_export.py")


def every_mask() -> dict[str, Mask]:
    """Seven of the hard masks, and one of another size that no run-length code makes small."""
    names = ("ring", "two parts", "thin lines", "one pixel", "empty", "full")
    known, noise = hard_masks(), np.random.default_rng(1).random((60, 80)) < 0.5
    return {
        **{name: known[name] for name in names},
        "noise": Mask.from_numpy(noise),
        "ragged": known["ragged"],
    }


@pytest.fixture
def photos(tmp_path):
    """A folder with a picture of each hard mask's size."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, mask in enumerate(every_mask().values()):
        pixels = np.full((*mask.size_hw, 3), number * 20, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def frame(photos):
    """One row a hard mask and a failed one, as segment leaves them, with columns of the user's own."""
    masks = every_mask()
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


class Exporter:
    """A process of its own, which forks one that exports for each request."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
        )

    def start(self, *words: object) -> str:
        """Have an export started; return what it says first."""
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def kill(self, pid: int) -> None:
        """Kill -9 one that was started, and wait for its end: until then it may hold its locks."""
        os.kill(pid, signal.SIGKILL)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "ready\n"

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def exporter():
    made = Exporter()
    yield made
    made.close()


@pytest.fixture(scope="session")
def child():
    """What the exporting process runs, as a module."""
    spec = importlib.util.spec_from_file_location("child_export", CHILD)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
