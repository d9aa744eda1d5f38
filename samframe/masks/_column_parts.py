"""Shape of the masks of whole columns: how many parts they have, and how much of the image's edge they cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.masks import _runs
from samframe.masks._components import label_pieces
from samframe.masks._pool import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.masks._pieces import Pieces
    from samframe.masks._pool import MaskPool

__all__ = ["Parts", "border_share", "parts"]

#: Masks whose runs are decoded, and laid side by side, at a time.
_BATCH = 1024
#: Columns between two masks that are laid side by side: parts touch across one at the most.
_GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the connected components of each mask come to; zeros for empty and missing masks.

    Attributes
    ----------
    count : ndarray of int64, shape (n,)
        Number of components.
    small : ndarray of int64, shape (n,)
        Number of those below the share of the mask's area that was asked for.
    largest : ndarray of int64, shape (n,)
        Area of the largest component in pixels.
    """

    count: NDArray[np.int64]
    small: NDArray[np.int64]
    largest: NDArray[np.int64]


def parts(
    pool: MaskPool, index: NDArray[np.int64], *, small_share: float = 0.0, connectivity: int = 8
) -> Parts:
    """Count the connected components of many masks at once.

    Parameters
    ----------
    pool : MaskPool
        The masks.
    index : ndarray of int64, shape (n,)
        Position of each element in the pool, -1 for NA.
    small_share : float
        A component is small if its area is below this share of the mask's.
    connectivity : int
        8: pixels that share an edge or a corner are one component. 4: an edge only.

    Raises
    ------
    MaskError
        If ``connectivity`` is neither 4 nor 8.
    """
    known = np.zeros((len(pool) + 1, 3), dtype=np.int64)  # the last is where -1 looks
    present = distinct(index, len(pool))
    for start in range(0, len(present), _BATCH):
        batch = present[start : start + _BATCH]
        known[batch] = _measured(*_side_by_side(pool, batch), len(batch), small_share, connectivity)
    count, small, largest = known[index].T
    return Parts(count=count, small=small, largest=largest)


def border_share(pool: MaskPool, index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of the image's outermost pixels that each mask covers, 0 to 1, float64 of shape (n,).

    A corner counts for both of its sides. Empty and missing masks have 0.
    """
    known = np.zeros(len(pool) + 1)
    present = distinct(index, len(pool))
    for start in range(0, len(present), _BATCH):
        batch = present[start : start + _BATCH]
        heights, widths = pool.sizes_hw()[batch].astype(np.int64).T
        x, y0, y1, offsets = _runs.column_spans(*pool.toggles(batch, keep=False), heights)
        owner = np.repeat(np.arange(len(batch)), np.diff(offsets))
        covered = (y0 == 0).astype(np.int64) + (y1 == heights[owner])
        covered += (y1 - y0) * ((x == 0).astype(np.int64) + (x == widths[owner] - 1))
        pixels = np.bincount(owner, weights=covered, minlength=len(batch))
        known[batch] = pixels / np.maximum(2 * (heights + widths), 1)
    return known[index]


def _side_by_side(
    pool: MaskPool, positions: NDArray[np.int64]
) -> tuple[Pieces, NDArray[np.int64], NDArray[np.int64]]:
    """Lay masks beside one another in one wide image; return its pieces, whose each is, and its height."""
    heights, widths = pool.sizes_hw()[positions].astype(np.int64).T
    x, y0, y1, offsets = _runs.column_spans(*pool.toggles(positions, keep=False), heights)
    owner = np.repeat(np.arange(len(positions)), np.diff(offsets))
    lefts = np.cumsum(widths + _GAP) - (widths + _GAP)
    return (x + lefts[owner], y0, y1), owner, heights


def _measured(
    pieces: Pieces,
    owner: NDArray[np.int64],
    heights: NDArray[np.int64],
    n_masks: int,
    small_share: float,
    connectivity: int,
) -> NDArray[np.int64]:
    """Return the count, the number of small ones and the largest area of each mask's components, shape (n, 3)."""
    labels, n_components = label_pieces(pieces, int(heights.max()), connectivity=connectivity)
    lengths = pieces[2] - pieces[1]
    sizes = np.bincount(labels, weights=lengths, minlength=n_components)
    areas = np.bincount(owner, weights=lengths, minlength=n_masks)
    whose = np.zeros(n_components, dtype=np.int64)
    whose[labels] = owner
    largest = np.zeros(n_masks)
    np.maximum.at(largest, whose, sizes)
    is_small = sizes < small_share * areas[whose]
    count = np.bincount(whose, minlength=n_masks)
    small = np.bincount(whose, weights=is_small, minlength=n_masks)
    return np.stack([count, small, largest], axis=1).astype(np.int64)
