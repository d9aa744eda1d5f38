"""The nested family of regions around a cell, and the one whose outline stands out most."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.server.engines.drawn.superpixels import CellMap

__all__ = ["CellGraph", "Region", "best_region", "outline_score"]

#: A region may not cover more of the image than this.
MAX_SHARE = 0.65
#: How much the distance from the seed's own colour weighs beside the step from one cell to the next.
_LEASHES = (0.0, 0.35, 1.0)
#: Feature distance below which a step is noise.
_NOISE = 4.0
_COMPACTNESS = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A set of cells and how well its outline stands out, from 0 to 1."""

    cells: NDArray[np.intp]
    score: float


class CellGraph:
    """Cells with their neighbours as plain lists, which a step-by-step growth reads fastest."""

    def __init__(self, cells: CellMap) -> None:
        self.cells = cells
        first, second = cells.edges[:, 0], cells.edges[:, 1]
        steps = np.linalg.norm(cells.features[first] - cells.features[second], axis=1)
        self.steps = steps.astype(np.float64)
        self.neighbours: list[list[tuple[int, float, float]]] = [[] for _ in range(cells.count)]
        triples = zip(cells.edges.tolist(), self.steps.tolist(), cells.lengths.tolist(), strict=True)
        for (a, b), step, length in triples:
            self.neighbours[a].append((b, step, length))
            self.neighbours[b].append((a, step, length))


def best_region(graph: CellGraph, seed: int, *, stops: frozenset[int] = frozenset()) -> Region:
    """Grow from one cell and return the scale at which the region stands out most.

    Parameters
    ----------
    graph : CellGraph
    seed : int
        Where to start.
    stops : frozenset of int
        Cells that end a growth: no region of the family holds one.

    Returns
    -------
    Region
        At least the seed.
    """
    families = (_grow(graph, seed, stops=stops, leash=leash) for leash in _LEASHES)
    return max(families, key=lambda region: region.score)


def _grow(graph: CellGraph, seed: int, *, stops: frozenset[int], leash: float) -> Region:
    """Add the nearest cell again and again; remember the best scale met on the way.

    Outline, contrast, area and inner roughness are kept up to date step by step, so a family of 900 regions costs no
    more than one.
    """
    cells = graph.cells
    areas, border = cells.areas.tolist(), cells.border_px.tolist()
    from_seed = np.linalg.norm(cells.features - cells.features[seed], axis=1).tolist()
    limit = MAX_SHARE * float(cells.areas.sum())
    frame = float(cells.border_px.sum())
    inside: set[int] = set()
    order: list[int] = []
    heap: list[tuple[float, int]] = [(0.0, seed)]
    area = touch = outline = weakness = height = 0.0
    best_score, best_size = 0.0, 1
    while heap:
        key, cell = heapq.heappop(heap)
        if cell in inside:
            continue
        area += areas[cell]
        if cell in stops or area > limit:
            break
        height = max(height, key)
        inside.add(cell)
        order.append(cell)
        touch += border[cell]
        for other, step, length in graph.neighbours[cell]:
            sign = -1 if other in inside else 1
            outline += sign * length
            weakness += sign * length / (step + _NOISE)
            if sign > 0:
                heapq.heappush(heap, (step + leash * from_seed[other], other))
        if outline <= 0:
            break
        score = _stands_out(outline, weakness, height) * _shapely(area, outline, touch, frame)
        if score > best_score:
            best_score, best_size = score, len(order)
    return Region(cells=np.array(order[:best_size], np.intp), score=best_score)


def _stands_out(outline: float, weakness: float, height: float) -> float:
    """Return outline contrast against the roughness inside.

    The mean over the outline is harmonic: one stretch without an edge tells that the region goes on there, however
    sharp the rest.
    """
    contrast = max(0.0, outline / weakness - _NOISE)
    return contrast / (contrast + height + _NOISE)


def _shapely(area: float, outline: float, touch: float, frame: float) -> float:
    compact = min(1.0, 4 * math.pi * area / max(1.0, outline + touch) ** 2)
    return math.pow(compact, _COMPACTNESS) * (1 - min(1.0, touch / frame))


def outline_score(graph: CellGraph, region: NDArray[np.intp]) -> float:
    """Return how clearly a set of cells stands out from its neighbours, from 0 to 1."""
    inside = np.zeros(graph.cells.count, bool)
    inside[region] = True
    crossing = inside[graph.cells.edges[:, 0]] != inside[graph.cells.edges[:, 1]]
    lengths = graph.cells.lengths[crossing]
    if not lengths.size:
        return 0.0
    weakness = float((lengths / (graph.steps[crossing] + _NOISE)).sum())
    return _stands_out(float(lengths.sum()), weakness, _NOISE)
