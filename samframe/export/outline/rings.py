"""A mask's outlines as rings that every reader rounds to the right pixels, and where on them a pixel lies.

The corners of `Mask.polygons` stand between pixels: a reader that fills the pixels whose centres lie inside gets the
mask back, but one that drops the fractions and fills the border too (OpenCV's ``fillPoly`` on whole numbers, as
ultralytics does) grows it by a pixel to the right and below. Moved inwards by a quarter of a pixel, both read the same
mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from samframe.masks import Mask

__all__ = ["INSET", "BorderPixels", "inset_rings"]

#: Pixels by which outlines are moved towards the foreground: as far from the pixel's edge as from its centre.
INSET = 0.25
#: Where two pixels touch, the second one's share of that. Not 1, or a reader that puts a point half-way between corners
#: would put it on the very point where four pixels meet, and rounding would decide.
_UNEVEN = 0.83

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderPixels:
    """The foreground's pixels along all rings; one for each pixel edge that separates it from the background.

    Attributes
    ----------
    xy : ndarray of int64, shape (n, 2)
        The pixels.
    ring, step : ndarray of int64, shape (n,)
        The ring that passes, and the corner after which it does.
    part : ndarray of int64, shape (n,)
        The component that the ring belongs to.
    at : ndarray of float64, shape (n, 2)
        Where the ring passes the pixel's middle.
    is_top : ndarray of bool, shape (n,)
        Whether the pixel's upper edge is meant.
    """

    xy: Ints
    ring: Ints
    step: Ints
    part: Ints
    at: Floats
    is_top: npt.NDArray[np.bool_]


def inset_rings(mask: Mask) -> tuple[list[Floats], list[tuple[int, bool]], BorderPixels | None]:
    """Return the outlines of a mask, a quarter of a pixel inside the foreground.

    Parameters
    ----------
    mask : Mask
        Not empty. Pixels that share a corner belong to one component.

    Returns
    -------
    rings : list of ndarray of float64, shape (n, 2)
        ``x, y`` in pixels from the image's top left corner; the foreground is on the right hand.
    owners : list of (int, bool)
        For each ring its component, and whether it is a hole.
    border : BorderPixels or None
        None where there is one ring, which needs no links to others.
    """
    corners, owners = [], []
    for part, polygon in enumerate(mask.polygons(connectivity=8)):
        corners += polygon
        owners += [(part, at > 0) for at in range(len(polygon))]
    pinched = _pinches(corners)
    moved = [_moved(ring, pinch) for ring, pinch in zip(corners, pinched, strict=True)]
    rings = [ring for ring, _ in moved]
    if len(rings) == 1:
        return rings, owners, None
    borders = [
        _border(ring, steps, number, owners[number][0])
        for number, (ring, (_, steps)) in enumerate(zip(corners, moved, strict=True))
    ]
    return (
        rings,
        owners,
        BorderPixels(
            **{
                name: np.concatenate([getattr(border, name) for border in borders])
                for name in ("xy", "ring", "step", "part", "at", "is_top")
            }
        ),
    )


def _pinches(corners: list[Ints]) -> list[npt.NDArray[np.bool_]]:
    """Say of each corner whether two pixels touch there: such a corner comes twice among all rings."""
    every = np.concatenate(corners)
    key = every[:, 0] * (int(every[:, 1].max()) + 1) + every[:, 1]
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    pinched = np.zeros(len(key), dtype=bool)
    pinched[order[1:][same]] = pinched[order[:-1][same]] = True
    bounds = np.cumsum([len(ring) for ring in corners])[:-1]
    return np.split(pinched, bounds)


def _directions(ring: Ints) -> tuple[Ints, Ints]:
    """Return the unit steps of the edges after each corner, and the unit normals that point to the foreground."""
    steps = np.sign(np.concatenate([ring[1:], ring[:1]]) - ring)
    return steps, np.stack([-steps[:, 1], steps[:, 0]], axis=1)


def _moved(ring: Ints, pinch: npt.NDArray[np.bool_]) -> tuple[Floats, Ints]:
    """Return the ring moved inwards, and for each old corner the new one after which its edge begins.

    Where two pixels touch, the way leads from one pixel straight into the other: one corner becomes two.
    """
    steps, normals = _directions(ring)
    normals_before = np.concatenate([normals[-1:], normals[:-1]])
    if not pinch.any():
        return ring + INSET * (normals_before + normals), np.arange(len(ring))
    before = np.concatenate([steps[-1:], steps[:-1]])
    first = ring + INSET * np.where(pinch[:, None], normals_before - before, normals_before + normals)
    second = ring + _UNEVEN * INSET * (steps + normals)
    starts = np.cumsum(np.where(pinch, 2, 1)) - 1
    moved = np.empty((len(ring) + int(pinch.sum()), 2))
    moved[starts - pinch] = first
    moved[starts[pinch]] = second[pinch]
    return moved, starts


def _border(ring: Ints, starts: Ints, number: int, part: int) -> BorderPixels:
    """Return the pixels along one ring, in its order."""
    steps, normals = _directions(ring)
    lengths = np.abs(np.roll(ring, -1, axis=0) - ring).max(axis=1)
    edge = np.repeat(np.arange(len(ring)), lengths)
    along = np.arange(edge.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    middle = ring[edge] + (along[:, None] + 0.5) * steps[edge]
    return BorderPixels(
        xy=np.floor(middle + 0.5 * normals[edge]).astype(np.int64),
        ring=np.full(edge.size, number),
        step=starts[edge],
        part=np.full(edge.size, part),
        at=middle + INSET * normals[edge],
        is_top=normals[edge, 1] > 0,
    )
