"""Which cells belong to the object: a kernel model of colours, smoothed by a random walk over the cells.

Random walks with priors after Grady (2005): each cell leans to what its colour says and to what its neighbours say, and
the result is the solution of one linear system of the size of the cell count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.server.engines.drawn.superpixels import CellMap

__all__ = ["settle"]

_ROUNDS = 4
#: Feature distance at which two cells count as of one colour.
_KERNEL = 7.0
#: How fast a step in colour cuts the tie between neighbours.
_TIE = 10.0
#: What a cell's own colour weighs beside one neighbour.
_PRIOR = 0.35
_CERTAIN = 1e4
_STEPS = 200
_DONE = 1e-8


def settle(
    cells: CellMap,
    region: NDArray[np.bool_],
    *,
    positives: NDArray[np.intp],
    removes: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return how much each cell belongs to the object.

    Parameters
    ----------
    cells : CellMap
    region : ndarray of bool, shape (n,)
        The first guess.
    positives, removes : ndarray of intp
        Cells that are the object, and cells that are not.

    Returns
    -------
    ndarray of float64, shape (n,)
        From 0 to 1.
    """
    features = cells.features.astype(np.float64)
    square = (features**2).sum(axis=1)
    distance = np.maximum(square[:, None] + square - 2 * features @ features.T, 0).astype(np.float32)
    alike = np.exp(-distance / np.float32(2 * _KERNEL**2)) * cells.areas.astype(np.float32)
    ties = np.exp(-distance[cells.edges[:, 0], cells.edges[:, 1]] / (2 * _TIE**2)).astype(np.float64) + 1e-4
    if ties.size:
        ties *= cells.lengths / cells.lengths.mean()
    weight = np.full(cells.count, _PRIOR)
    weight[positives] = weight[removes] = _CERTAIN
    belongs = region.astype(np.float64)
    for _ in range(_ROUNDS):
        belongs[positives], belongs[removes] = 1, 0
        # Halves would add up: 800 cells that belong by a fiftieth outweigh an object of 16.
        leaning = _leaning(alike, np.rint(belongs), cells.areas)
        leaning[positives], leaning[removes] = 1, 0
        belongs = np.clip(_walk(cells.edges, ties, weight, leaning, start=belongs), 0, 1)
    return belongs


def _leaning(
    alike: NDArray[np.float32], belongs: NDArray[np.float64], areas: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what each cell's colour says: the object's density over both densities."""
    sides = np.stack([belongs, 1 - belongs], axis=1)
    inside, outside = (alike @ sides.astype(np.float32)).astype(np.float64).T / np.maximum(areas @ sides, 1)[
        :, None
    ]
    return np.asarray((inside + 1e-6) / (inside + outside + 2e-6), np.float64)


def _walk(
    edges: NDArray[np.intp],
    ties: NDArray[np.float64],
    weight: NDArray[np.float64],
    leaning: NDArray[np.float64],
    *,
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Solve (L + diag(weight)) x = weight * leaning, L the graph's Laplacian, by conjugate gradients.

    With five neighbours a cell some forty cheap steps do what a dense solution takes a hundred times longer for.
    """
    first, second = edges[:, 0], edges[:, 1]
    count = len(weight)
    diagonal = weight + np.bincount(first, ties, count) + np.bincount(second, ties, count)

    def apply(x: NDArray[np.float64]) -> NDArray[np.float64]:
        from_second = np.bincount(first, ties * x[second], count)
        return diagonal * x - from_second - np.bincount(second, ties * x[first], count)

    x = start.copy()
    residual = weight * leaning - apply(x)
    scaled = residual / diagonal
    direction = scaled.copy()
    size = float(residual @ scaled)
    for _ in range(_STEPS):
        if size < _DONE:
            break
        image = apply(direction)
        step = size / float(direction @ image)
        x += step * direction
        residual -= step * image
        scaled = residual / diagonal
        size, old = float(residual @ scaled), size
        direction = scaled + (size / old) * direction
    return x
