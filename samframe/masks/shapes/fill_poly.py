"""A ring filled as YOLO's trainers fill it: fractions dropped, even-odd, the border too."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.masks.runs import union_runs

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
    steps = np.concatenate([corners[1:], corners[:1]]) - corners
    lengths = np.maximum(np.abs(steps).max(axis=1), 1)
    edge = np.repeat(np.arange(len(corners)), lengths)
    along = np.arange(edge.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    if (np.abs(steps).min(axis=1) % lengths == 0).all():  # straight and diagonal lines alone
        drawn = corners[edge] + (steps // lengths[:, None])[edge] * along[:, None]
    else:
        drawn = np.rint(corners[edge] + steps[edge] * (along / lengths[edge])[:, None]).astype(np.int64)
    x, y = drawn.T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    border = (x * height + y)[inside]
    border.sort()
    # Where the outline steps from one column to the next it crosses the left one: in a pixel of the border, which is
    # drawn whole, so that it matters not where in it.
    next_x, next_y = np.concatenate([drawn[1:], drawn[:1]]).T
    column = np.minimum(x, next_x)
    crosses = (x != next_x) & (column >= 0) & (column < width)
    row = np.clip(np.where(x < next_x, y, next_y), 0, height)
    crossings = (column * height + row)[crosses]
    crossings.sort()
    return union_runs([_of_pixels(border), _odd_ones(crossings)]).astype(np.int64)


def _odd_ones(positions: Ints) -> Ints:
    """Return, of sorted positions, one of each that occurs an odd number of times."""
    new = np.ones(len(positions) + 1, dtype=bool)
    np.not_equal(positions[1:], positions[:-1], out=new[1:-1])
    heads = np.flatnonzero(new)
    odd: Ints = positions[heads[:-1][(heads[1:] - heads[:-1]) & 1 == 1]]
    return odd


def _of_pixels(positions: Ints) -> Ints:
    """Return the toggles of sorted column-major pixel positions, of which some may come twice."""
    breaks = np.flatnonzero(positions[1:] - positions[:-1] > 1)
    toggles = np.empty(2 * (len(breaks) + 1) if len(positions) else 0, dtype=np.int64)
    if len(positions):
        toggles[0], toggles[-1] = positions[0], positions[-1] + 1
        toggles[2::2] = positions[breaks + 1]
        toggles[1:-1:2] = positions[breaks] + 1
    return toggles
