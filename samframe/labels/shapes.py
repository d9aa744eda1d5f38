"""Label Studio's shapes - polygons, boxes, ellipses, in percent of the image - as masks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import MaskError
from samframe.labels.annotations import segmentation_masks
from samframe.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["box_of_shape", "ellipse_of_shape", "polygon_of_shape"]

_HUNDRED = 100.0
_PAIR = 2
_FAR = 1e6
_MAX_PIXELS = 2**28


def polygon_of_shape(value: Mapping[str, Any], size_hw: tuple[int, int]) -> Mask:
    """Return the mask of ``points``, pairs of x and y, as pycocotools rasterises it."""
    points = value.get("points")
    if not isinstance(points, list) or not all(
        isinstance(point, list) and len(point) == _PAIR for point in points
    ):
        raise MaskError("a polygon has points, each of x and y")
    ring = [_pixels(part, side) for point in points for part, side in zip(point, size_hw[::-1], strict=True)]
    return _of_ring(ring, size_hw)


def box_of_shape(value: Mapping[str, Any], size_hw: tuple[int, int]) -> Mask:
    """Return the mask of a box ``x, y, width, height``, turned by ``rotation`` degrees about its top left corner."""
    height, width = size_hw
    x, y = _pixels(value.get("x"), width), _pixels(value.get("y"), height)
    wide, high = _pixels(value.get("width"), width), _pixels(value.get("height"), height)
    angle = math.radians(_number(value.get("rotation") or 0))
    if wide < 0 or high < 0:
        raise MaskError("a box has no negative sides")
    if not angle:
        return Mask.from_bbox((x, y, wide, high), size_hw)
    cos, sin = math.cos(angle), math.sin(angle)
    corners = [(0.0, 0.0), (wide, 0.0), (wide, high), (0.0, high)]
    return _of_ring(
        [part for a, b in corners for part in (x + a * cos - b * sin, y + a * sin + b * cos)], size_hw
    )


def ellipse_of_shape(value: Mapping[str, Any], size_hw: tuple[int, int]) -> Mask:
    """Return the mask of an ellipse ``x, y, radiusX, radiusY``, turned by ``rotation`` degrees about its centre."""
    height, width = size_hw
    if height * width > _MAX_PIXELS:
        raise MaskError(f"an ellipse on {width:,} x {height:,} pixels is over the limit of 268 million")
    x, y = _pixels(value.get("x"), width), _pixels(value.get("y"), height)
    a, b = _pixels(value.get("radiusX"), width), _pixels(value.get("radiusY"), height)
    if a <= 0 or b <= 0:
        raise MaskError("an ellipse has two radii above 0")
    angle = math.radians(_number(value.get("rotation") or 0))
    cos, sin = math.cos(angle), math.sin(angle)
    reach_x, reach_y = math.hypot(a * cos, b * sin), math.hypot(a * sin, b * cos)
    left, right = (min(max(math.floor(side), 0), width) for side in (x - reach_x, x + reach_x + 1))
    top, bottom = (min(max(math.floor(side), 0), height) for side in (y - reach_y, y + reach_y + 1))
    pixels = np.zeros(size_hw, dtype=bool)
    dx, dy = np.arange(left, right) + 0.5 - x, (np.arange(top, bottom) + 0.5 - y)[:, None]
    pixels[top:bottom, left:right] = ((dx * cos + dy * sin) / a) ** 2 + ((dy * cos - dx * sin) / b) ** 2 <= 1
    return Mask.from_numpy(pixels)


def _of_ring(ring: list[float], size_hw: tuple[int, int]) -> Mask:
    masks, faults = segmentation_masks([[ring]], np.array([size_hw], dtype=np.int64))
    if faults:
        raise MaskError(faults[0])
    found: Mask = masks[0]
    return found


def _pixels(percent: Any, side: int) -> float:
    return _number(percent) * side / _HUNDRED


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < _FAR:
        raise MaskError(f"a shape's measures are numbers, percent of the image; one is {str(value)[:40]}")
    return float(value)
