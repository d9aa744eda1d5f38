"""What the demo segments: two bundled photographs with points, drawn scenes with prompts, and something absent."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.ground.files import atomic_write
from samframe.masks import Mask
from samframe.testing import REPORTING_SEEDS, STYLES, Scene, make_scene, sample_photo

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["DemoFrame", "make_demo_frame"]

_RANKS = ("largest", "smallest", "leftmost", "rightmost", "topmost", "bottommost")

#: Photograph, what the points are on, points to include, points to exclude. Chosen by looking at the masks:
#: they show how points work, and measure nothing.
_CLICKS: tuple[tuple[str, str, list[list[int]], list[list[int]]], ...] = (
    (
        "coffee",
        "the cup",
        [[300, 60], [300, 190], [280, 140], [230, 110], [385, 110], [300, 110]],
        [[150, 260], [500, 50], [300, 260]],
    ),
    ("coffee", "the saucer", [[150, 260], [430, 320]], [[300, 240], [40, 40], [540, 380]]),
    (
        "chelsea",
        "her face",
        [[225, 150], [150, 200], [300, 200], [225, 60], [172, 112], [312, 128]],
        [[420, 60], [400, 150], [430, 250]],
    ),
    ("chelsea", "one eye", [[165, 115], [190, 110], [175, 130]], [[215, 150], [150, 70]]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFrame:
    """The demo's rows and what is true of them.

    Attributes
    ----------
    frame : pandas.DataFrame
        Columns ``image`` (path), ``prompt``, ``points``, ``remove_points``.
    titles : list of str
        What each row asks for, for people.
    truths : list of Mask or None
        What was drawn, for the scenes.
    refused_row : int
        The row that asks for something that is not there.
    """

    frame: pd.DataFrame
    titles: list[str]
    truths: list[Mask | None]
    refused_row: int

    def iou(self, masks: pd.Series) -> pd.Series:
        """Return the intersection over union with the truth, Float64, NA where there is none."""
        return masks.sam.iou(pd.Series(pd.array(self.truths, dtype="mask"), index=masks.index))

    def unexpected(self, out: pd.DataFrame) -> list[int]:
        """Return the rows that have no mask and should have one."""
        missing = out["mask"].isna().to_numpy(dtype=bool)
        return [int(row) for row in np.flatnonzero(missing) if row != self.refused_row]

    def is_as_expected(self, out: pd.DataFrame) -> bool:
        """Return whether every row but the refused one has a mask."""
        return not self.unexpected(out) and bool(pd.isna(out["mask"].iloc[self.refused_row]))


def make_demo_frame(folder: Path, *, scenes: int) -> DemoFrame:
    """Put the images into a folder and return the frame.

    Parameters
    ----------
    folder : pathlib.Path
        Where the images go; it is made where it is missing.
    scenes : int
        How many scenes to draw, 1 or more.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    titles: list[str] = []
    truths: list[Mask | None] = []
    for name, thing, points, remove_points in _CLICKS:
        path = folder / f"{name}.jpg"
        shutil.copyfile(sample_photo(name), path)
        rows.append({"image": str(path), "prompt": None, "points": points, "remove_points": remove_points})
        titles.append(f"points on {thing}")
        truths.append(None)
    for number in range(scenes):
        # Seeds that the engine was not tuned on, in order; the style that no colour gives away is left out.
        scene = make_scene(STYLES[number % 4], REPORTING_SEEDS[number])
        path = _save_scene(scene, folder)
        prompt = _choose_prompt(scene, number)
        rows.append({"image": str(path), "prompt": prompt, "points": None, "remove_points": None})
        titles.append(f"“{prompt}”")
        truths.append(Mask.from_numpy(scene.prompts[prompt]))
    absent = scene.absent_prompts[0]
    rows.append({"image": str(path), "prompt": absent, "points": None, "remove_points": None})
    titles.append(f"“{absent}”")
    truths.append(None)
    return DemoFrame(frame=pd.DataFrame(rows), titles=titles, truths=truths, refused_row=len(rows) - 1)


def _choose_prompt(scene: Scene, number: int) -> str:
    """Return a prompt of colour and shape, or in every other scene one with a rank, where it has one."""
    prompts = list(scene.prompts)
    ranked = [prompt for prompt in prompts if prompt.startswith(_RANKS)]
    return ranked[-1] if number % 2 and ranked else prompts[0]


def _save_scene(scene: Scene, folder: Path) -> Path:
    path = folder / f"{scene.style}-{scene.seed}.png"
    with atomic_write(path) as temporary:
        _write_png(scene.image, temporary)
    return path


def _write_png(pixels: NDArray[np.uint8], path: Path) -> None:
    from PIL import Image  # noqa: PLC0415 - heavy

    Image.fromarray(pixels).save(path, "PNG")
