"""Operators of mask columns: equality as data (nullable), and the boolean algebra of masks, element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from samframe.masks import runs as _runs
from samframe.masks.columns.base import MaskColumn
from samframe.masks.columns.coerce import is_missing
from samframe.masks.columns.sets import combined_pool, difference_runs, inverted_pool
from samframe.masks.mask import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray
    from pandas.arrays import BooleanArray


__all__ = ["MaskOps"]


class MaskOps(MaskColumn):
    """Base of :class:`MaskArray`: ``==``, ``!=``, ``&``, ``|``, ``-``, ``^`` and ``~``.

    Comparisons give a nullable boolean array, NA where either side is missing. The others give a mask array, NA where
    either side is missing; both masks of a pair must have one size.
    """

    def __eq__(self, other: object) -> Any:
        if isinstance(other, (pd.Series, pd.DataFrame, pd.Index)):
            return NotImplemented
        return _equal(self, other)

    def __ne__(self, other: object) -> Any:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else ~equal

    __hash__ = None  # type: ignore[assignment]  # arrays change in place

    def __and__(self, other: Any) -> Any:
        return _pairwise(self, other, _runs.intersection_runs)

    def __or__(self, other: Any) -> Any:
        return _pairwise(self, other, _runs.union_runs)

    def __xor__(self, other: Any) -> Any:
        return _pairwise(self, other, _runs.xor_runs)

    def __sub__(self, other: Any) -> Any:
        return _pairwise(self, other, difference_runs)

    def __rand__(self, other: Any) -> Any:
        return _pairwise(self, other, _runs.intersection_runs)

    def __ror__(self, other: Any) -> Any:
        return _pairwise(self, other, _runs.union_runs)

    def __rxor__(self, other: Any) -> Any:
        return _pairwise(self, other, _runs.xor_runs)

    def __rsub__(self, other: Any) -> Any:
        return _pairwise(self, other, lambda toggles: difference_runs(toggles[::-1]))

    def __invert__(self) -> Any:
        return _inverted(self)


def _masks(array: Any) -> Iterable[Any]:
    masks: Iterable[Any] = array
    return masks


def _inverted(array: Any) -> MaskColumn:
    present = ~array.isna()
    made: MaskColumn = type(array).from_pool(inverted_pool(array.pool, array.positions[present]), present)
    return made


def _pairwise(array: Any, other: Any, operation: Callable[[list[NDArray[Any]]], NDArray[Any]]) -> Any:
    """Apply an operation to each pair of masks; NotImplemented where the other side has no masks."""
    if isinstance(other, (pd.Series, pd.DataFrame, pd.Index)):
        return NotImplemented
    if isinstance(other, Mask) or is_missing(other):
        one = type(array).from_masks([None if is_missing(other) else other])
        others = one[np.zeros(len(array), dtype=np.int64)]
    elif isinstance(other, type(array)):
        others = other
    elif _holds_masks(other):
        others = type(array).from_masks([None if is_missing(mask) else mask for mask in other])
    else:
        return NotImplemented
    _check_length(array, others)
    present = ~(array.isna() | others.isna())
    own, theirs = (array.pool, array.positions[present]), (others.pool, others.positions[present])
    return type(array).from_pool(combined_pool(own, theirs, operation), present)


def _holds_masks(other: Any) -> bool:
    """Say whether a list or an array of objects holds nothing but masks and missing values."""
    listed = isinstance(other, list) or (
        isinstance(other, np.ndarray) and other.dtype == object and other.ndim == 1
    )
    return listed and all(isinstance(value, Mask) or is_missing(value) for value in other)


def _equal(array: Any, other: Any) -> BooleanArray:
    """Compare with a mask, a missing value, an array or a list of them, or anything else (never equal)."""
    missing = array.isna()
    if is_missing(other):
        return pd.arrays.BooleanArray(np.zeros(len(array), dtype=bool), np.ones(len(array), dtype=bool))
    if isinstance(other, Mask):
        other = type(array).from_masks([other])[np.zeros(len(array), dtype=np.int64)]
    if isinstance(other, type(array)):
        _check_length(array, other)
        missing = missing | other.isna()
        return pd.arrays.BooleanArray(_same_content(array, other, ~missing), missing)
    if pd.api.types.is_list_like(other) and not isinstance(other, dict):
        _check_length(array, other)
        pairs = [(a, b, is_missing(a) or is_missing(b)) for a, b in zip(_masks(array), other, strict=True)]
        equal = [not skip and isinstance(b, Mask) and a == b for a, b, skip in pairs]
        return pd.arrays.BooleanArray(
            np.array(equal, dtype=bool), np.array([skip for *_, skip in pairs], dtype=bool)
        )
    return pd.arrays.BooleanArray(np.zeros(len(array), dtype=bool), missing)


def _same_content(array: MaskColumn, other: MaskColumn, present: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say where two arrays hold the same mask; COCO's bytes of a mask are unique, so bytes and sizes decide."""
    same = np.zeros(len(array), dtype=bool)
    own, theirs = array.positions[present], other.positions[present]
    if array.pool is other.pool and np.array_equal(own, theirs):
        same[present] = True
        return same
    equal = (array.pool.sizes_hw()[own] == other.pool.sizes_hw()[theirs]).all(axis=1)
    at = np.flatnonzero(equal)
    bytes_equal = pc.equal(array.pool.counts().take(own[at]), other.pool.counts().take(theirs[at]))
    equal[at] = bytes_equal.to_numpy(zero_copy_only=False)
    same[present] = equal
    return same


def _check_length(array: Any, other: Any) -> None:
    if len(array) != len(other):
        raise ValueError(f"Lengths must match to compare: {len(array)} and {len(other)}.")
