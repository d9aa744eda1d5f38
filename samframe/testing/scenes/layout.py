"""Where a drawn scene's objects lie, how large they are and what colour they have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.server.engines.drawn import COLOURS, SHAPES
from samframe.testing.scenes.shapes import draw_coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Placed", "arrange", "visible_coverage"]

#: Of an object that others cover, at least this much stays visible.
_MIN_VISIBLE = 0.6
#: RGB distance of colours that meet: the closest pairs of the vocabulary that stay allowed are red and brown.
_APART = 90.0
_TRIES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An object before it is painted; coverage is of the whole object, as if nothing lay on it."""

    shape: str
    colour: str
    centre_xy: tuple[float, float]
    radius: float
    coverage: NDArray[np.float32]


def _far_colours(*others: str) -> list[str]:
    """Return the colour words that are well apart from all others given."""
    return [
        name
        for name, rgb in COLOURS.items()
        if all(math.dist(rgb, COLOURS[other]) >= _APART for other in others)
    ]


def visible_coverage(stack: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Return each layer's coverage after the layers above it hid their share; bottom to top.

    Parameters
    ----------
    stack : list of ndarray of float32, shape (height, width)
        At least one layer; coverage from 0 to 1, bottom to top.
    """
    seen: list[NDArray[np.float32]] = []
    free = np.ones_like(stack[0])
    for coverage in reversed(stack):
        seen.append(coverage * free)
        free = free * (1 - coverage)
    return seen[::-1]


def _draw(
    rs: np.random.RandomState, shape: str, size: int, radius: float
) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Draw a shape at a random place inside the image; return its coverage and centre."""
    margin = radius + 0.016 * size
    centre_xy = (float(rs.uniform(margin, size - margin)), float(rs.uniform(margin, size - margin)))
    waists = {"star": (0.42, 0.5), "cross": (0.3, 0.4), "ring": (0.45, 0.62)}
    coverage = draw_coverage(
        shape,
        size_hw=(size, size),
        centre_xy=centre_xy,
        radius=radius,
        angle=float(rs.uniform(0, 2 * math.pi)),
        aspect=float(rs.uniform(1.5, 2.1)) if shape in ("ellipse", "rectangle") else 1.0,
        waist=float(rs.uniform(*waists.get(shape, (0.4, 0.5)))),
    )
    return coverage, centre_xy


def _gap(placed: Placed, centre_xy: tuple[float, float], radius: float) -> float:
    return math.dist(placed.centre_xy, centre_xy) - placed.radius - radius


def _keeps_all_visible(stack: list[NDArray[np.float32]]) -> bool:
    seen = visible_coverage(stack)
    return all(float(s.sum()) >= _MIN_VISIBLE * float(c.sum()) for s, c in zip(seen, stack, strict=True))


def arrange(rs: np.random.RandomState, style: str, size: int) -> tuple[str, list[Placed]]:
    """Choose a background colour and place four to seven objects, bottom to top.

    Parameters
    ----------
    rs : numpy.random.RandomState
        The scene's stream.
    style : str
        In ``"clutter"`` objects may cover one another; elsewhere they keep apart.
    size : int
        Side of the image in pixels.

    Returns
    -------
    (str, list of Placed)
    """
    names = list(COLOURS)
    background = names[rs.randint(len(names))]
    allowed = [background] if style == "camo" else _far_colours(background)
    palette = [allowed[i] for i in rs.permutation(len(allowed))[: rs.randint(3, 6)]]
    wanted = rs.randint(5, 8) if style == "clutter" else rs.randint(4, 8)
    low, high = (0.11, 0.2) if style == "clutter" else (0.085, 0.175)
    objects: list[Placed] = []
    for attempt in range(_TRIES):
        if len(objects) == wanted:
            break
        # The longer the search, the smaller the objects: a full image ends with at least four.
        radius = float(rs.uniform(low, high)) * size * (1 - 0.5 * attempt / _TRIES)
        shape = SHAPES[rs.randint(len(SHAPES))]
        coverage, centre_xy = _draw(rs, shape, size, radius)
        colour = palette[rs.randint(len(palette))]
        gaps = [_gap(o, centre_xy, radius) for o in objects]
        if style != "clutter":
            if any(gap < 0.014 * size for gap in gaps):
                continue
        else:
            near = [o.colour for o, gap in zip(objects, gaps, strict=True) if gap < 0.014 * size]
            fitting = [c for c in _far_colours(background, *near) if c not in near]
            if not fitting or not _keeps_all_visible([*(o.coverage for o in objects), coverage]):
                continue
            colour = fitting[rs.randint(len(fitting))]
        objects.append(
            Placed(shape=shape, colour=colour, centre_xy=centre_xy, radius=radius, coverage=coverage)
        )
    return background, objects
