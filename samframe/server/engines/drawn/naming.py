"""From a query to a mask: regions, their colours and shapes, and the ones that are meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.server.engines.drawn.growth import CellGraph, outline_score
from samframe.server.engines.drawn.pixels import rgb_to_lab
from samframe.server.engines.drawn.refine import refine_edge
from samframe.server.engines.drawn.regions import background_regions, merge_cells
from samframe.server.engines.drawn.shape_fit import fit_shape
from samframe.server.engines.drawn.vocabulary import COLOURS, vocabulary_text
from samframe.server.protocol import EngineRefused

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.server.engines.drawn.frame import WorkFrame
    from samframe.server.engines.drawn.text import Query

__all__ = ["colour_word", "segment_text"]

#: A thing smaller than this share of the image is noise.
_MIN_SHARE = 0.0012
_MOST_THINGS = 30
_LIGHTNESS = 0.75
#: Lab distance beyond which a colour has no name.
_NAMELESS = 42.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thing:
    """A region with its name; masks are of the working copy."""

    mask: NDArray[np.bool_]
    colour: str | None
    shape: str | None
    cells: NDArray[np.intp]


def colour_word(lab: NDArray[np.floating]) -> str | None:
    """Return the nearest of the twelve colour words, or None if none is near.

    Parameters
    ----------
    lab : ndarray of float, shape (3,)
        CIE Lab.
    """
    palette = rgb_to_lab(np.array(list(COLOURS.values()), np.uint8))
    gaps = (palette - lab) * (_LIGHTNESS, 1, 1)
    distance = np.sqrt((gaps**2).sum(axis=1))
    nearest = int(np.argmin(distance))
    return list(COLOURS)[nearest] if distance[nearest] < _NAMELESS else None


def segment_text(frame: WorkFrame, query: Query, prompt: str) -> tuple[NDArray[np.bool_], float, int]:
    """Return the mask a query means, at the working size, its score, and how many things it holds.

    Parameters
    ----------
    frame : WorkFrame
    query : Query
    prompt : str
        As typed, for the message.

    Raises
    ------
    EngineRefused
        If nothing in the image matches.
    """
    cells = frame.cells
    regions = merge_cells(cells)
    is_ground = background_regions(cells, regions)
    graph = CellGraph(cells)
    if query.background:
        ground = is_ground[regions]
        mask = refine_edge(frame.lab, ground[frame.cell_of])
        return mask, outline_score(graph, np.nonzero(ground)[0]), 1
    things = _things(frame, regions, is_ground, query)
    chosen = _by_rank(things, query.rank, frame.cell_of.shape)
    if not chosen:
        raise EngineRefused(
            f"nothing in the image matches {prompt!r}. The offline engine goes by drawn shapes and colours only: "
            f"{vocabulary_text()}."
        )
    mask = np.logical_or.reduce([thing.mask for thing in chosen])
    score = float(np.mean([outline_score(graph, thing.cells) for thing in chosen]))
    return mask, score, len(chosen)


def _things(
    frame: WorkFrame, regions: NDArray[np.intp], is_ground: NDArray[np.bool_], query: Query
) -> list[_Thing]:
    """Return the regions that have the query's colour and shape, edges refined."""
    cells = frame.cells
    region_of = regions[frame.cell_of]
    sizes = np.bincount(region_of.ravel(), minlength=len(is_ground))
    covering = ~is_ground[region_of]
    things = []
    candidates = np.nonzero(~is_ground & (sizes >= _MIN_SHARE * region_of.size))[0]
    # In a picture of nothing but noise each cell may be a region: the largest are enough.
    for region in sorted(candidates, key=lambda r: -sizes[r])[:_MOST_THINGS]:
        members = np.nonzero(regions == region)[0]
        colour = colour_word(np.average(cells.lab[members], axis=0, weights=cells.areas[members]))
        if query.colour not in (None, colour):
            continue
        mask = refine_edge(frame.lab, region_of == region)
        shape = None
        if query.shape is not None:
            shape, _ = fit_shape(mask, covering & (region_of != region))
        if query.shape in (None, shape):
            things.append(_Thing(mask=mask, colour=colour, shape=shape, cells=members))
    return things


def _by_rank(things: list[_Thing], rank: str | None, size_hw: tuple[int, ...]) -> list[_Thing]:
    if rank is None or not things:
        return things
    areas = np.array([thing.mask.sum() for thing in things])
    centres = np.array([[axis.mean() for axis in np.nonzero(thing.mask)] for thing in things])
    middle = (np.array(size_hw) - 1) / 2
    order = {
        "largest": -areas,
        "smallest": areas,
        "leftmost": centres[:, 1],
        "rightmost": -centres[:, 1],
        "topmost": centres[:, 0],
        "bottommost": -centres[:, 0],
        "centre": np.hypot(*(centres - middle).T),
    }[rank]
    return [things[int(np.argmin(order))]]
