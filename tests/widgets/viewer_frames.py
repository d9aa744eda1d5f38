"""Frames of small masks, and what viewers of them are asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from samframe.masks import Mask


def mask_of(area, side=20):
    pixels = np.zeros(side * side, dtype=bool)
    pixels[:area] = True
    return Mask.from_numpy(pixels.reshape(side, side))


def frame_of(n=60, side=20):
    return pd.DataFrame(
        {
            "image": [np.full((side, side, 3), 3 * row % 250, dtype=np.uint8) for row in range(n)],
            "prompt": [f"thing {row % 3}" for row in range(n)],
            "mask": pd.array([mask_of(row) if row % 10 else None for row in range(n)], dtype="mask"),
            "status": ["completed" if row % 10 else "failed" for row in range(n)],
            "inference_time": [row / 10 for row in range(n)],
        }
    )


def marks_of(viewer):
    return viewer.result()["mark"].astype(object).where(lambda marks: marks.notna(), None).tolist()


def children(widget, kind):
    found, queue = [], [widget]
    while queue:
        one = queue.pop(0)
        found += [one] * isinstance(one, kind)
        queue += getattr(one, "children", ())
    return found
