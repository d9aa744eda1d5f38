"""Masks that formats stumble over: holes, parts, lines, a single pixel, nothing, everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samframe.masks import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["hard_masks"]

_N_PARTS, _N_HOLES = 31, 105
_PLOT = 60


def hard_masks() -> dict[str, Mask]:
    """Return masks that are hard to say in polygons, by name; all of 240 x 480 pixels (height x width).

    Examples
    --------
    >>> masks = hard_masks()
    >>> list(masks)
    ['ring', 'two parts', 'ragged', 'island', 'diagonal', 'thin lines', 'one pixel', 'empty', 'full']
    >>> len(masks["ragged"].components()), masks["ragged"].holes
    (31, 105)
    """
    y, x = np.mgrid[:240, :480]
    nothing = np.zeros(y.shape, np.bool_)
    two, lines, pixel = nothing.copy(), nothing.copy(), nothing.copy()
    two[40:140, 60:160] = two[100:200, 190:320] = True
    lines[57] = lines[:, 131] = True
    lines |= (y == x) | (y + x == len(y) - 1)
    pixel[33, 44] = True
    forms = {
        "ring": _disc(y, x, 100) & ~_disc(y, x, 55),
        "two parts": two,
        "ragged": _ragged(y.shape),
        "island": _disc(y, x, 110) & ~_disc(y, x, 70) | _disc(y, x, 40),
        "diagonal": ((x // 12 + y // 12) % 2 == 0) & _disc(y, x, 90),
        "thin lines": lines,
        "one pixel": pixel,
        "empty": nothing,
        "full": ~nothing,
    }
    return {name: Mask.from_numpy(form) for name, form in forms.items()}


def _disc(y: NDArray[np.int_], x: NDArray[np.int_], radius: float) -> NDArray[np.bool_]:
    """Return a disc in the middle."""
    return np.asarray(np.hypot(y - 120, x - 240) < radius, np.bool_)


def _ragged(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return 31 parts with ragged rims and 105 holes in them, as a segmenter leaves them on leaves."""
    rs = np.random.RandomState(31)
    y, x = np.mgrid[:_PLOT, :_PLOT] - _PLOT / 2
    angle, distance = np.arctan2(y, x), np.hypot(y, x)
    found = np.zeros(shape, np.bool_)
    for part in range(_N_PARTS):
        rim = 24 + 3 * np.sin(rs.randint(3, 8) * angle + rs.uniform(0, 6)) + rs.uniform(-1.5, 1.5, y.shape)
        form = distance < rim
        for hole in range(_N_HOLES // _N_PARTS + (part < _N_HOLES % _N_PARTS)):
            turn = hole * np.pi / 2 + rs.uniform(-0.3, 0.3)
            form &= np.hypot(y - 11 * np.sin(turn), x - 11 * np.cos(turn)) > rs.uniform(1.2, 4)
        top, left = _PLOT * (part // 8), _PLOT * (part % 8)
        # Grains that the noise has cut off are no parts, and its pinpricks no holes.
        kept = ~(~Mask.from_numpy(form).remove_small(50)).remove_small(4, connectivity=4)
        found[top : top + _PLOT, left : left + _PLOT] = kept.to_numpy()
    return found
