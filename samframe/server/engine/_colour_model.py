"""Which cells belong to the object: a kernel model of colours, smoothed by a random walk over the cells.

Random walks with priors after Grady (2005): each cell leans to what its colour says and to what its neighbours say, and
the leaning is the solution of one linear system of the size of the cell count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.server.engine._superpixels import CellMap

__all__ = ["settle"]

_ROUNDS = 4
#: Feature distance at which two cells count as of one colour.
_KERNEL = 7.0
#: How fast a step in colour cuts the tie between neighbours.
_TIE = 10.0
#: What a cell's own colour weighs beside one neighbour.
_PRIOR = 0.35
_CERTAIN = 1e4


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
    distance = np.maximum(square[:, None] + square - 2 * features @ features.T, 0)
    alike = np.exp(-distance / (2 * _KERNEL**2)) * cells.areas
    first, second = cells.edges[:, 0], cells.edges[:, 1]
    ties = np.exp(-distance[first, second] / (2 * _TIE**2)) + 1e-4
    ties *= cells.lengths / cells.lengths.mean()
    laplacian = np.zeros((cells.count, cells.count))
    laplacian[first, second] = laplacian[second, first] = -ties
    laplacian[np.diag_indices_from(laplacian)] = -laplacian.sum(axis=1)
    belongs = region.astype(np.float64)
    for _ in range(_ROUNDS):
        belongs[positives], belongs[removes] = 1, 0
        # Halves would add up: 800 cells that belong by a fiftieth outweigh an object of 16.
        leaning = _leaning(alike, np.rint(belongs), cells.areas)
        weight = np.full(cells.count, _PRIOR)
        weight[positives] = weight[removes] = _CERTAIN
        leaning[positives], leaning[removes] = 1, 0
        system = laplacian + np.diag(weight)
        belongs = np.clip(np.linalg.solve(system, weight * leaning), 0, 1)
    return belongs


def _leaning(
    alike: NDArray[np.float64], belongs: NDArray[np.float64], areas: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what each cell's colour says: the object's density over both densities."""
    inside = alike @ belongs / max(1.0, float(areas @ belongs))
    outside = alike @ (1 - belongs) / max(1.0, float(areas @ (1 - belongs)))
    return (inside + 1e-6) / (inside + outside + 2e-6)
