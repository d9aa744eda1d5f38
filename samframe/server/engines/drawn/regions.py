"""Cells merged into regions of one look, and which of them are the background."""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.server.engines.drawn.superpixels import CellMap

__all__ = ["background_regions", "merge_cells"]

#: Regions whose mean features differ by more than this stay apart.
_APART = 15.0
#: A region of fewer cells than this gives way more easily: it may be half of a pattern.
_SMALL_CELLS = 5.0
#: Feature distance up to which a region without ties to the border still shows the background: a hole.
_SAME_GROUND = 12.0


def merge_cells(cells: CellMap) -> NDArray[np.intp]:
    """Merge neighbours, the most alike first, until all that touch differ.

    Parameters
    ----------
    cells : CellMap

    Returns
    -------
    ndarray of intp, shape (n,)
        Region of each cell, from 0 without gaps.
    """
    areas = cells.areas.tolist()
    means = cells.features.astype(np.float64).tolist()
    around: list[set[int]] = [set() for _ in areas]
    for a, b in cells.edges.tolist():
        around[a].add(b)
        around[b].add(a)
    parent = list(range(len(areas)))
    age = [0] * len(areas)
    small = _SMALL_CELLS * float(cells.areas.mean())

    def cost(a: int, b: int) -> float:
        gap = math.dist(means[a], means[b])
        return gap * math.sqrt(min(1.0, min(areas[a], areas[b]) / small))

    heap = [(cost(a, b), a, b, 0, 0) for a, b in cells.edges.tolist()]
    heapq.heapify(heap)
    while heap:
        price, a, b, age_a, age_b = heapq.heappop(heap)
        if price > _APART:
            break
        if parent[a] != a or parent[b] != b or age[a] != age_a or age[b] != age_b:
            continue
        total = areas[a] + areas[b]
        share = areas[b] / total
        means[a] = [u + share * (v - u) for u, v in zip(means[a], means[b], strict=True)]
        areas[a] = total
        parent[b] = a
        age[a] += 1
        around[a] |= around[b]
        around[a] -= {a, b}
        for other in around[b] - {a}:
            around[other].discard(b)
            around[other].add(a)
        for other in around[a]:
            low, high = min(a, other), max(a, other)
            heapq.heappush(heap, (cost(low, high), low, high, age[low], age[high]))
    roots = np.array([_root(parent, i) for i in range(len(parent))])
    _, regions = np.unique(roots, return_inverse=True)
    return regions.ravel()


def _root(parent: list[int], node: int) -> int:
    while parent[node] != node:
        node = parent[node]
    return node


def background_regions(cells: CellMap, regions: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which regions are background: the one with most of the image's border, and what looks like it.

    Parameters
    ----------
    cells : CellMap
    regions : ndarray of intp, shape (n,)
        Region of each cell.

    Returns
    -------
    ndarray of bool, shape (number of regions,)
    """
    count = int(regions.max()) + 1
    areas = np.bincount(regions, cells.areas, minlength=count)
    border = np.bincount(regions, cells.border_px, minlength=count)
    sums = [np.bincount(regions, cells.features[:, i] * cells.areas, minlength=count) for i in range(4)]
    means = np.stack(sums, axis=1) / areas[:, None]
    ground = int(np.argmax(border))
    near = np.linalg.norm(means - means[ground], axis=1) < _SAME_GROUND
    near[ground] = True
    return np.asarray(near, np.bool_)
