"""What shape a region has: a bank of drawn shapes laid over it, with whatever hides it left out of the count."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fit_shape"]

#: Side of the square that a region is laid on, in samples, and how much of it the region's area fills.
_SIDE = 48
_FILL = 0.2
#: Below this overlap a region has no name.
_MIN_OVERLAP = 0.8
#: What it costs to explain a region by a shape that is hidden altogether.
_HIDING = 0.15


def _inside(shape: str, u: NDArray[np.float64], v: NDArray[np.float64], form: float) -> NDArray[np.bool_]:
    """Return where a shape of enclosing radius 1 covers the points (u, v); `form` is its aspect or waist."""
    radius, angle = np.hypot(u, v), np.arctan2(v, u)
    if shape in ("circle", "ellipse"):
        return u**2 + (form * v) ** 2 <= 1
    if shape == "ring":
        return (radius <= 1) & (radius >= form)
    if shape in ("square", "rectangle"):
        half = 1 / math.hypot(1, 1 / form)
        return (np.abs(u) <= half) & (np.abs(v) <= half / form)
    if shape == "cross":
        half = 1 / math.hypot(1, form)
        a, b = np.abs(u), np.abs(v)
        return (np.maximum(a, b) <= half) & (np.minimum(a, b) <= half * form)
    # Triangle and star: straight edges from a tip at angle 0 to the next waist, mirrored and repeated.
    tips = 3 if shape == "triangle" else 5
    waist = 0.5 if shape == "triangle" else form
    half_turn = math.pi / tips
    folded = np.abs((angle + half_turn) % (2 * half_turn) - half_turn)
    x, y = radius * np.cos(folded), radius * np.sin(folded)
    end_x, end_y = waist * math.cos(half_turn), waist * math.sin(half_turn)
    return (x - 1) * end_y - y * (end_x - 1) <= 0


def _variants() -> list[tuple[str, float, float]]:
    """Return (shape, form, turn) of every drawing in the bank."""
    plan: list[tuple[str, tuple[float, ...], float, int]] = [
        ("circle", (1.0,), 1.0, 1),
        ("ellipse", (1.4, 1.6, 1.85, 2.15), math.pi, 18),
        ("square", (1.0,), math.pi / 2, 9),
        ("rectangle", (1.4, 1.6, 1.85, 2.15), math.pi, 18),
        ("triangle", (0.5,), 2 * math.pi / 3, 12),
        ("star", (0.4, 0.46, 0.52), 2 * math.pi / 5, 12),
        ("cross", (0.28, 0.34, 0.4), math.pi / 2, 9),
        ("ring", (0.4, 0.48, 0.56, 0.64), 1.0, 1),
    ]
    return [
        (shape, form, period * i / turns)
        for shape, forms, period, turns in plan
        for form in forms
        for i in range(turns)
    ]


@functools.cache
def _bank() -> tuple[tuple[str, ...], NDArray[np.float32], NDArray[np.float32]]:
    """Return the drawings' names, their samples (n, side * side) and their areas in samples."""
    at = (np.arange(_SIDE) + 0.5) / _SIDE * 2 - 1
    names, rows = [], []
    for shape, form, turn in _variants():
        wide = np.linspace(-1, 1, 241)
        share = _inside(shape, *np.meshgrid(wide, wide), form).mean()
        # All have one area, so that a region needs one scale only.
        scale = math.sqrt(_FILL / share)
        u, v = np.meshgrid(at / scale, at / scale)
        cos, sin = math.cos(turn), math.sin(turn)
        rows.append(_inside(shape, cos * u + sin * v, cos * v - sin * u, form).ravel())
        names.append(shape)
    bank = np.array(rows, np.float32)
    return tuple(names), bank, bank.sum(axis=1)


def fit_shape(mask: NDArray[np.bool_], hidden: NDArray[np.bool_]) -> tuple[str | None, float]:
    """Name the shape of a region.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
        The region's visible part.
    hidden : ndarray of bool, shape (height, width)
        Where other things lie that might cover the region: these pixels speak neither for a shape nor against it.

    Returns
    -------
    (str or None, float)
        The best shape, None where none fits, and its overlap (intersection over union of what is seen).
    """
    ys, xs = np.nonzero(mask)
    if not ys.size:
        return None, 0.0
    centre = np.array([xs.mean() + 0.5, ys.mean() + 0.5])
    half = math.sqrt(ys.size / _FILL) / 2
    top, left = max(0, int(ys.min()) - 1), max(0, int(xs.min()) - 1)
    near = hidden[top : int(ys.max()) + 2, left : int(xs.max()) + 2]
    poses = np.array([(0.0, 0.0, 1.0)])
    if near.any():
        shifts, scales = (-0.3, -0.15, 0.0, 0.15, 0.3), (1.0, 1.1, 1.2, 1.32)
        poses = np.array([(dx, dy, s) for s in scales for dy in shifts for dx in shifts])
    name, overlap, pose = _best_pose(mask, hidden, centre, half, poses)
    fine = [(dx, dy, s) for s in (0.95, 1.0, 1.05) for dy in (-0.06, 0.0, 0.06) for dx in (-0.06, 0.0, 0.06)]
    poses = np.array([(pose[0] + dx, pose[1] + dy, pose[2] * s) for dx, dy, s in fine])
    name, overlap, _ = _best_pose(mask, hidden, centre, half, poses)
    return (name if overlap >= _MIN_OVERLAP else None), overlap


def _best_pose(
    mask: NDArray[np.bool_],
    hidden: NDArray[np.bool_],
    centre: NDArray[np.float64],
    half: float,
    poses: NDArray[np.float64],
) -> tuple[str, float, NDArray[np.float64]]:
    """Lay the bank over the region in each pose (shift x, shift y, scale) and return the best overlap."""
    names, bank, sizes = _bank()
    seen = _sample(mask, centre, half, poses)
    open_ = 1 - _sample(hidden & ~mask, centre, half, poses)
    both = seen @ bank.T
    drawn_open = open_ @ bank.T
    # Region pixels that fall outside the square still count as not covered.
    whole = mask.sum() / (2 * half * poses[:, 2] / _SIDE) ** 2
    union = whole[:, None] + drawn_open - both
    share_hidden = 1 - drawn_open / sizes
    overlap = both / np.maximum(union, 1e-6)
    rating = overlap - _HIDING * np.maximum(share_hidden, 0)
    pose, drawing = np.unravel_index(int(np.argmax(rating)), rating.shape)
    return names[int(drawing)], float(overlap[pose, drawing]), poses[pose]


def _sample(
    plane: NDArray[np.bool_], centre: NDArray[np.float64], half: float, poses: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the plane under the square in each pose, shape (poses, side * side); 0 outside the image."""
    at = ((np.arange(_SIDE) + 0.5) / _SIDE * 2 - 1) * half
    x = np.floor(centre[0] + half * poses[:, :1] + at * poses[:, 2:]).astype(np.intp)
    y = np.floor(centre[1] + half * poses[:, 1:2] + at * poses[:, 2:]).astype(np.intp)
    height, width = plane.shape
    valid = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]
    found = plane[np.clip(y, 0, height - 1)[:, :, None], np.clip(x, 0, width - 1)[:, None, :]] & valid
    return np.asarray(found.reshape(len(poses), -1), np.float32)
