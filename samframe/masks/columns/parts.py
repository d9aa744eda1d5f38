"""Shape of the masks of whole columns: how many parts they have, and how much of the image's edge they cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.masks import runs as _runs
from samframe.masks.columns.measures import bboxes
from samframe.masks.columns.pool import MaskPool, distinct, in_parts
from samframe.masks.columns.sets import cut_runs, pool_of_runs
from samframe.masks.kernels import one_by_one
from samframe.masks.runs import bases_of, whole_runs
from samframe.masks.shapes import dilate, erode, label_pieces, resize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.masks.shapes import Pieces

__all__ = ["Parts", "border_share", "component_pool", "grown_pool", "hole_counts", "parts", "resized_pool"]

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
    areas = None
    if connectivity in (4, 8):
        areas = one_by_one("component_areas", pool, present, pool.sizes_hw()[present], connectivity)
    if areas is not None:
        facts = [(own.size, (own < small_share * own.sum()).sum(), own.max(initial=0)) for own in areas]
        known[present] = np.array(facts, dtype=np.int64).reshape(-1, 3)
        present = present[:0]
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


def component_pool(pool: MaskPool, positions: NDArray[np.int64]) -> tuple[MaskPool, NDArray[np.int64]]:
    """Return the components of masks, given by their positions in a pool, as a pool, and how many each mask has.

    Components are 8-connected, as masks of the whole size, in the column-major order of their first pixels.
    """
    found = one_by_one("components", pool, positions, pool.sizes_hw()[positions], 8)
    if found is not None:
        n_parts = np.array([len(parts) for parts in found], dtype=np.int64)
        flat = [part for parts in found for part in parts]
        return MaskPool.from_masks(flat, np.repeat(pool.sizes_hw()[positions], n_parts, axis=0)), n_parts
    chunks, sizes, counts = [], [np.empty((0, 2), dtype=np.int32)], [np.empty(0, dtype=np.int64)]
    for part in in_parts(pool.lengths(positions)):
        pieces, owner, heights = _side_by_side(pool, positions[part])
        labels, n_components = label_pieces(pieces, int(heights.max()), connectivity=8)
        whose = np.zeros(n_components, dtype=np.int64)
        whose[labels] = owner
        sizes.append(pool.sizes_hw()[positions[part]][whose])
        counts.append(np.bincount(whose, minlength=len(heights)))
        order = np.argsort(labels, kind="stable")
        owner, labels = owner[order], labels[order]
        x, y0, y1 = (piece[order] for piece in pieces)
        bases = bases_of(sizes[-1])
        widths = pool.sizes_hw()[positions[part], 1].astype(np.int64)
        columns = bases[labels] + (x - _lefts(widths)[owner]) * heights[owner]
        runs = np.stack([columns + y0, columns + y1], axis=1).ravel()
        chunks.append(cut_runs(_runs.xor_runs([runs]), bases, sizes[-1]))
    return MaskPool(chunks, np.concatenate(sizes)), np.concatenate(counts)


def grown_pool(
    pool: MaskPool, positions: NDArray[np.int64], radius: int, *, shape: str, shrink: bool = False
) -> MaskPool:
    """Return masks, given by their positions in a pool, dilated or eroded; see `dilate` and `erode` of `shapes`.

    Raises
    ------
    MaskError
        If the radius is negative or the shape unknown.
    """
    sizes, chunks = pool.sizes_hw()[positions].astype(np.int64), []
    made = one_by_one("shrunk" if shrink else "grown", pool, positions, sizes, radius, shape)
    if made is not None:
        return MaskPool.from_masks(made, sizes)
    reshape = erode if shrink else dilate
    for part in in_parts(pool.lengths(positions), (1 << 15) // (2 * radius + 1)):
        runs = pool.toggles(positions[part], keep=False)
        chunks.append(pool_of_runs(*reshape(*runs, sizes[part], radius, shape=shape), sizes[part]))
    return MaskPool(chunks, sizes.astype(np.int32))


def resized_pool(pool: MaskPool, positions: NDArray[np.int64], size_hw: tuple[int, int]) -> MaskPool:
    """Return masks, given by their positions in a pool, scaled to one size by nearest neighbour."""
    sizes, group = np.unique(pool.sizes_hw()[positions], axis=0, return_inverse=True)
    order, chunks = np.argsort(group.reshape(-1), kind="stable"), []
    for nth, old in enumerate(sizes.tolist()):
        members = positions[np.flatnonzero(group.reshape(-1) == nth)]
        for part in in_parts(pool.lengths(members)):
            runs = pool.toggles(members[part], keep=False)
            new = np.broadcast_to(np.array(size_hw), (len(members[part]), 2))
            chunks.append(pool_of_runs(*resize(*runs, (old[0], old[1]), size_hw), new))
    made = MaskPool(chunks, np.broadcast_to(np.array(size_hw, dtype=np.int32), (len(positions), 2)))
    return made if len(sizes) <= 1 else made.take(np.argsort(order))


def hole_counts(pool: MaskPool, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of holes of each mask, int64 of shape (n,), 0 for missing ones.

    A hole is 4-connected background that does not reach the edge of the image.
    """
    known = np.zeros(len(pool) + 1, dtype=np.int64)
    present = distinct(index, len(pool))
    boxes = bboxes(pool, present)
    for part in in_parts(pool.lengths(present)):
        known[present[part]] = _holes_of(pool, present[part], boxes[part])
    return known[index]


def _holes_of(pool: MaskPool, positions: NDArray[np.int64], boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count holes within the masks' boxes: background there that reaches the box's edge reaches the image's."""
    x, y0, y1, offsets = _runs.column_spans(
        *pool.toggles(positions, keep=False), pool.sizes_hw()[positions, 0]
    )
    left, top, width, height = boxes.T
    owner = np.repeat(np.arange(len(positions)), np.diff(offsets))
    bases = bases_of(boxes[:, [3, 2]])
    columns = bases[owner] + (x - left[owner]) * height[owner] - top[owner]
    runs = np.stack([columns + y0, columns + y1], axis=1).ravel()
    background = _runs.xor_runs([runs, whole_runs(bases)])
    offsets = np.searchsorted(background, bases)
    background -= np.repeat(bases[:-1], np.diff(offsets))
    x, y0, y1, offsets = _runs.column_spans(background, offsets, height)
    owner = np.repeat(np.arange(len(positions)), np.diff(offsets))
    wide = (x + _lefts(width)[owner], y0, y1)
    labels, n_labels = label_pieces(wide, int(height.max(initial=0)), connectivity=4)
    is_open, whose = np.zeros(n_labels, dtype=bool), np.zeros(n_labels, dtype=np.int64)
    is_open[labels[(x == 0) | (x == width[owner] - 1) | (y0 == 0) | (y1 == height[owner])]] = True
    whose[labels] = owner
    return np.bincount(whose[~is_open], minlength=len(positions))


def _lefts(widths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first column of each mask where masks are laid side by side."""
    lefts: NDArray[np.int64] = np.cumsum(widths + _GAP) - (widths + _GAP)
    return lefts


def _side_by_side(
    pool: MaskPool, positions: NDArray[np.int64]
) -> tuple[Pieces, NDArray[np.int64], NDArray[np.int64]]:
    """Lay masks beside one another in one wide image; return its pieces, whose each is, and its height."""
    heights, widths = pool.sizes_hw()[positions].astype(np.int64).T
    x, y0, y1, offsets = _runs.column_spans(*pool.toggles(positions, keep=False), heights)
    owner = np.repeat(np.arange(len(positions)), np.diff(offsets))
    return (x + _lefts(widths)[owner], y0, y1), owner, heights


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
