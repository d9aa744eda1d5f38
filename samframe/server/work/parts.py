"""Several masks of one job: an object each, as the engine tells them, or the connected parts of its mask."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.masks import Mask
from samframe.server.work.outputs import mask_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from samframe.server.config import OutputForm
    from samframe.server.protocol import Box, Segmentation

__all__ = ["PartFile", "part_files", "zip_of"]


@dataclass(frozen=True, slots=True)
class PartFile:
    """One object's mask file, its score, and its box (left, top, right, bottom) in pixels."""

    data: bytes
    score: float
    box: Box


def part_files(made: Segmentation, form: OutputForm) -> list[PartFile]:
    """Return the mask of each object, the surest first."""
    found = [(one.mask, float(one.score)) for one in made.instances]
    if not found:
        found = [(one.to_numpy(), float(made.score)) for one in Mask.from_numpy(made.mask).components()]
    found.sort(key=lambda pair: -pair[1])
    return [PartFile(mask_file(mask, form), score, _box(mask)) for mask, score in found]


def zip_of(parts: Sequence[PartFile], suffix: str) -> bytes:
    """Return the files in one archive, with their scores and boxes as ``index.json``."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, part in enumerate(parts):
            archive.writestr(f"mask_{number:02d}{suffix}", part.data)
        facts = {"scores": [part.score for part in parts], "boxes": [part.box for part in parts]}
        archive.writestr("index.json", json.dumps(facts))
    return out.getvalue()


def _box(mask: np.ndarray) -> Box:
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(ys):
        return (0.0, 0.0, 0.0, 0.0)
    return (float(xs[0]), float(ys[0]), float(xs[-1] + 1), float(ys[-1] + 1))
