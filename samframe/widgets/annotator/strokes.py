"""Strokes of a brush and filled polygons as masks, exact in the image's pixels."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import MaskError
from samframe.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["brush_mask", "paint", "polygon_mask"]


def brush_mask(path: Sequence[tuple[float, float]], radius: float, size_hw: tuple[int, int]) -> Mask:
    """Return the pixels whose centres lie within ``radius`` of a path.

    Parameters
    ----------
    path : sequence of (float, float)
        ``(x, y)`` in pixels from the image's top left corner; one point makes a disc.
    radius : float
        Pixels, above 0.
    size_hw : (int, int)
        Height and width of the image in pixels.

    Returns
    -------
    Mask
        Of that size; empty where the path runs outside.
    """
    corners = np.asarray(path, dtype=np.float64).reshape(-1, 2)
    height, width = size_hw
    # The window of pixels that the brush can reach: a stroke costs what it covers, not what the image measures.
    low = np.floor(corners.min(axis=0) - radius - 1).clip(0, (width, height)).astype(np.int64)
    high = np.ceil(corners.max(axis=0) + radius + 1).clip(0, (width, height)).astype(np.int64)
    if (high <= low).any():
        return Mask.from_polygons([], size_hw)
    window = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.bool_)
    here = corners - low
    for start, end in itertools.pairwise(here) if len(here) > 1 else [(here[0], here[0])]:
        _stamp(window, start, end, radius)
    return Mask.from_numpy(window).crop((-int(low[0]), -int(low[1]), width, height))


def _stamp(
    window: NDArray[np.bool_], start: NDArray[np.float64], end: NDArray[np.float64], radius: float
) -> None:
    """Set the pixels of a window whose centres lie within ``radius`` of a segment."""
    limit = np.array(window.shape[::-1])
    low = np.floor(np.minimum(start, end) - radius - 1).clip(0, limit).astype(np.int64)
    high = np.ceil(np.maximum(start, end) + radius + 1).clip(0, limit).astype(np.int64)
    x = np.arange(low[0], high[0]) + 0.5 - start[0]
    y = (np.arange(low[1], high[1]) + 0.5 - start[1])[:, None]
    dx, dy = end - start
    length2 = dx * dx + dy * dy
    along = np.clip((x * dx + y * dy) / length2, 0, 1) if length2 else 0.0
    near = (x - along * dx) ** 2 + (y - along * dy) ** 2 <= radius * radius
    window[low[1] : high[1], low[0] : high[0]] |= near


def polygon_mask(corners: Sequence[tuple[float, float]], size_hw: tuple[int, int]) -> Mask:
    """Return the pixels whose centres lie inside a polygon (even-odd rule), as :meth:`Mask.from_polygons`."""
    return Mask.from_polygons([np.asarray(corners, dtype=np.float64)], size_hw)


def paint(mask: Mask | None, stroke: Mask, *, erase: bool) -> Mask:
    """Return a mask with a stroke added to it or erased from it; no mask counts as an empty one.

    Raises
    ------
    MaskError
        If the two differ in size.
    """
    base = Mask.from_polygons([], stroke.size_hw) if mask is None else mask
    if base.size_hw != stroke.size_hw:
        (height, width), (wanted_height, wanted_width) = base.size_hw, stroke.size_hw
        raise MaskError(
            f"the mask has {width} x {height} px and the image {wanted_width} x {wanted_height}: resize it first"
        )
    return base - stroke if erase else base | stroke
