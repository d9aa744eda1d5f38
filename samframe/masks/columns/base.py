"""What every part of the house may ask of a column of masks: a pool, and each element's place in it. No pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from samframe.masks.columns.pool import MaskPool, distinct
from samframe.masks.columns.sets import pool_of_runs
from samframe.masks.mask import Mask
from samframe.masks.rle import check_size
from samframe.masks.shapes import Rings, rasterise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from samframe.masks.shapes import Rule

__all__ = ["MaskColumn"]


class MaskColumn:
    """Masks and NA as an index into a pool of COCO bytes; :class:`MaskArray` makes a pandas array of it.

    Parameters
    ----------
    pool : MaskPool
        The masks.
    index : ndarray of int64, shape (n,)
        Position of each element in the pool, -1 for NA. Not copied.
    """

    def __init__(self, pool: MaskPool, index: NDArray[np.int64]) -> None:
        self.pool = pool
        self.positions = index

    @classmethod
    def from_masks(cls, masks: Sequence[Mask | None]) -> Self:
        """Make a column of masks and missing values."""
        present = [mask for mask in masks if mask is not None]
        pool = MaskPool.from_masks([mask.counts for mask in present], [mask.size_hw for mask in present])
        return cls.from_pool(pool, np.array([mask is not None for mask in masks], dtype=bool))

    @classmethod
    def from_pool(cls, pool: MaskPool, present: NDArray[np.bool_]) -> Self:
        """Make a column of a pool's entries in their order, with NA where `present` is False."""
        index = np.full(len(present), -1, dtype=np.int64)
        index[present] = np.arange(len(pool))
        return cls(pool, index)

    @classmethod
    def from_polygons(
        cls, polygons: Iterable[Iterable[Any] | None], sizes_hw: ArrayLike, *, rule: Rule = "edges"
    ) -> Self:
        """Make a column of polygons, thousands at a time.

        Parameters
        ----------
        polygons : iterable, length n
            Of each mask its polygons, as :meth:`Mask.from_polygons` takes them; None where it is missing.
        sizes_hw : array_like of int, shape (n, 2) or (2,)
            Height and width in pixels; one pair where all masks share it.
        rule : {"edges", "coco"}
            How they are drawn, as in :meth:`Mask.from_polygons`. COCO files want "coco".

        Raises
        ------
        MaskError
            If polygons are malformed, or a size is none.
        """
        masks = list(polygons)
        present = np.array([mask is not None for mask in masks], dtype=bool)
        sizes = np.broadcast_to(np.asarray(sizes_hw), (len(masks), 2))[present]
        for size in np.unique(sizes, axis=0).tolist():
            check_size(size)
        rings = Rings.from_lists(
            [mask for mask in masks if mask is not None], np.flatnonzero(present).tolist()
        )
        drawn = rasterise(rings, sizes, rule=rule)
        chunks = [pool_of_runs(toggles, offsets, sizes[part]) for part, toggles, offsets in drawn]
        return cls.from_pool(MaskPool(chunks, sizes.astype(np.int32)), present)

    @classmethod
    def joined(cls, columns: Sequence[Self]) -> Self:
        """Join columns: those that share a pool share it on, other pools are taken over without copying bytes."""
        first, *others = columns
        if all(other.pool is first.pool for other in others):
            return cls(first.pool, np.concatenate([column.positions for column in columns]))
        pool, offsets, parts = MaskPool([], np.empty((0, 2), np.int32)), {}, []
        for column in columns:
            if id(column.pool) not in offsets:
                offsets[id(column.pool)] = pool.absorb(column.pool)
            parts.append(np.where(column.positions < 0, -1, column.positions + offsets[id(column.pool)]))
        return cls(pool, np.concatenate(parts))

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, item: Any) -> Any:
        found = self.positions[item]
        return type(self)(self.pool, found) if isinstance(found, np.ndarray) else self.scalar(int(found))

    def __iter__(self) -> Iterator[Any]:
        return (self.scalar(position) for position in self.positions.tolist())

    def isna(self) -> NDArray[np.bool_]:
        """Say which elements are missing, bool of shape (n,)."""
        missing: NDArray[np.bool_] = self.positions < 0
        return missing

    def scalar(self, position: int) -> Any:
        """Return the mask at a position of the pool, NA where it is negative."""
        if position < 0:
            return pd.NA
        return Mask._trusted(self.pool.counts_at(position), self.pool.size_at(position))  # noqa: SLF001  # checked when it came in

    def compacted(self) -> tuple[MaskPool, NDArray[np.int64]]:
        """Return a pool of just the masks in use, and the index into it."""
        present = distinct(self.positions, len(self.pool))
        pool = self.pool.take(present)
        if len(present) * 64 < len(self.pool):
            return pool, np.where(self.positions < 0, -1, np.searchsorted(present, self.positions))
        place = np.full(len(self.pool) + 1, -1)  # the last is where -1 looks
        place[present] = np.arange(len(present))
        return pool, place[self.positions]
