"""A ring filled as YOLO's trainers fill it: fractions dropped, even-odd, the border too."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.masks.runs import union_runs
from samframe.masks.shapes.polygon_raster import Rings, rasterise

__all__ = ["filled_toggles"]

Ints = npt.NDArray[np.int64]


def filled_toggles(ring: npt.NDArray[np.floating[Any]], size_hw: tuple[int, int]) -> Ints:
    """Return the toggles of what a YOLO trainer makes of a ring: fractions dropped, filled even-odd, its border too.

    That is ``cv2.fillPoly`` on whole numbers, as ultralytics' ``polygon2mask`` calls it. Lines that are neither
    straight nor diagonal are drawn to the nearest pixels.

    Parameters
    ----------
    ring : ndarray of float, shape (n, 2)
        ``x, y`` in pixels from the image's top left corner.
    size_hw : (int, int)
        Height and width in pixels.
    """
    height, width = size_hw
    corners = np.trunc(ring).astype(np.int64)
    steps = np.roll(corners, -1, axis=0) - corners
    lengths = np.maximum(np.abs(steps).max(axis=1), 1)
    edge = np.repeat(np.arange(len(corners)), lengths)
    share = (np.arange(edge.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)) / lengths[edge]
    drawn = np.rint(corners[edge] + steps[edge] * share[:, None]).astype(np.int64)
    inside = ((drawn >= 0) & (drawn < (width, height))).all(axis=1)
    border = _of_pixels(np.unique(drawn[inside, 0] * height + drawn[inside, 1]))
    ((_, area, _),) = rasterise(Rings.from_lists([[corners + 0.5]]), [size_hw], rule="edges")
    return union_runs([border, area.astype(np.int64)]).astype(np.int64)


def _of_pixels(positions: Ints) -> Ints:
    """Return the toggles of sorted column-major pixel positions."""
    breaks = np.flatnonzero(np.diff(positions, prepend=-2) > 1)
    starts = positions[breaks]
    ends = np.append(positions[breaks[1:] - 1], positions[-1:])[: len(starts)] + 1
    return np.stack([starts, ends], axis=1).ravel()
