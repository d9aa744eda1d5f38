"""Unions and intersections of many groups of masks: the runs of thousands of groups are merged in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from samframe.errors import MaskError
from samframe.masks import runs as _runs
from samframe.masks.columns.base import MaskColumn
from samframe.masks.columns.pool import MaskPool, in_parts
from samframe.masks.columns.sets import cut_runs
from samframe.masks.runs import bases_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["combined_groups"]

Masks = TypeVar("Masks", bound=MaskColumn)


def combined_groups(array: Masks, groups: NDArray[np.int64], n_groups: int, *, of_all: bool) -> Masks:
    """Return what any mask, or what all masks of each group cover; missing ones are passed over.

    Parameters
    ----------
    array : MaskColumn, length n
    groups : ndarray of int64, shape (n,)
        The group of each element, from 0 on; negative where it belongs to none.
    n_groups : int
        How many groups there are.
    of_all : bool
        The intersection; else the union.

    Returns
    -------
    MaskColumn, length n_groups
        NA where all masks of a group are missing, or it has none.

    Raises
    ------
    MaskError
        If the masks of a group are not of one size.
    """
    rows = np.flatnonzero((array.positions >= 0) & (groups >= 0))
    rows = rows[np.argsort(groups[rows], kind="stable")]
    found, first, n_masks = np.unique(groups[rows], return_index=True, return_counts=True)
    positions = array.positions[rows]
    sizes = _sizes_of_groups(array.pool.sizes_hw()[positions], rows, first, n_masks)
    present = np.zeros(n_groups, dtype=bool)
    present[found] = True
    bounds = np.append(first, len(rows))
    chunks = []
    lengths = np.add.reduceat(array.pool.lengths(positions), first) if len(first) else first
    for part in in_parts(lengths):
        members = positions[bounds[part.start] : bounds[part.stop]]
        bases = bases_of(sizes[part])
        toggles, offsets = array.pool.toggles(members, keep=False)
        n_toggles = np.diff(offsets)
        own = np.repeat(np.arange(len(bases) - 1), n_masks[part])
        n_covers: Any = np.repeat(n_masks[part][own], n_toggles) if of_all else 1
        merged = _runs.covered_runs(toggles + np.repeat(bases[own], n_toggles), n_covers)
        chunks.append(cut_runs(merged, bases, sizes[part]))
    return type(array).from_pool(MaskPool(chunks, sizes), present)


def _sizes_of_groups(
    sizes: NDArray[np.int32], rows: NDArray[np.int64], first: NDArray[np.int64], n_masks: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Return each group's size in pixels, of shape (n_groups, 2); `rows` are the elements' places, for the message."""
    of_groups = sizes[first]
    wrong = np.flatnonzero((sizes != np.repeat(of_groups, n_masks, axis=0)).any(axis=1))
    if len(wrong):
        at = int(wrong[0])
        start = int(first[np.searchsorted(first, at, side="right") - 1])
        raise MaskError(
            f"The masks of a group must be of one size: element {rows[at]} has {tuple(sizes[at].tolist())}, "
            f"element {rows[start]} of its group {tuple(sizes[start].tolist())} (height, width). Bring them to one "
            "size with .sam.resize."
        )
    return of_groups
