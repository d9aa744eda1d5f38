"""How many pixels every two masks of one size share, pair by pair where few meet, by tables where most do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.masks import _runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pool = tuple[NDArray[Any], NDArray[np.int64]]

__all__ = ["boxes_meet", "shared_pixels"]

#: Up to so many pairs a mask it is cheaper to merge them one by one than to prepare tables of all masks' columns.
_PAIRS_PER_MASK = 64
#: Pairs merged at a time.
_BATCH = 4096


def shared_pixels(
    a: Pool,
    b: Pool | None,
    boxes_a: NDArray[np.int64],
    boxes_b: NDArray[np.int64],
    size_hw: tuple[int, int],
) -> NDArray[np.int64]:
    """Return how many pixels each mask of A shares with each mask of B.

    Parameters
    ----------
    a, b : (ndarray of int, shape (n_toggles,); ndarray of int64, shape (n + 1,))
        Toggles and offsets of masks of one size. None for `b`: A with itself, which needs half the work.
    boxes_a, boxes_b : ndarray of int64, shape (n_a, 4) and (n_b, 4)
        Their tight boxes (x, y, width, height).
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of int64, shape (n_a, n_b)
    """
    meet = boxes_meet(boxes_a[:, None], boxes_b[None])
    rows, across = np.nonzero(meet if b else np.triu(meet))
    if len(rows) > _PAIRS_PER_MASK * len(boxes_a):
        return _runs.intersection_matrix(*a, *(b or a), size_hw)
    shared = np.zeros(meet.shape, dtype=np.int64)
    for first in range(0, len(rows), _BATCH):
        left, right = rows[first : first + _BATCH], across[first : first + _BATCH]
        merged = _runs.paired_intersection(*_runs.gather(*a, left), *_runs.gather(*(b or a), right))
        shared[left, right] = merged
    return shared if b else np.maximum(shared, shared.T)


def boxes_meet(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which boxes (x, y, width, height), last axis 4, share a pixel; the leading axes broadcast."""
    meet: NDArray[np.bool_] = (a[..., 0] < b[..., 0] + b[..., 2]) & (b[..., 0] < a[..., 0] + a[..., 2])
    meet &= (a[..., 1] < b[..., 1] + b[..., 3]) & (b[..., 1] < a[..., 1] + a[..., 3])
    meet &= (a[..., 2] > 0) & (b[..., 2] > 0)
    return meet
