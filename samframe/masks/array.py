"""The pandas dtype of mask columns and its array: an index into a shared pool of COCO bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionArray, ExtensionDtype, no_default
from pandas.api.extensions import take as take_from
from pandas.api.indexers import check_array_indexer

from samframe.masks.arrow import masks_from_arrow, masks_to_arrow
from samframe.masks.columns import (
    MaskOps,
    MaskPool,
    areas,
    checked_pool,
    distinct,
    is_missing,
    parse_key,
    pixel_stack,
    pool_keys,
    pool_ranks,
    rle_columns,
    strict_mask,
    to_mask,
    to_masks,
)
from samframe.masks.kernels import encode_batch
from samframe.masks.mask import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import DTypeLike, NDArray
    from pandas._libs.missing import NAType

__all__ = ["MaskArray", "MaskDtype"]


class MaskDtype(ExtensionDtype):
    """dtype of a column of binary masks, held as COCO run-length bytes.

    The dtype has no parameters: masks of any size live in one column. The missing value is ``pandas.NA``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from samframe.masks import Mask
    >>> s = pd.Series([Mask.from_numpy(np.eye(3, dtype=bool)), None], dtype="mask")
    >>> s.dtype
    MaskDtype
    >>> int(s.isna().sum())
    1
    """

    name = "mask"
    type = Mask
    kind = "O"
    _metadata = ()

    @property
    def na_value(self) -> NAType:
        """The missing value, ``pandas.NA``."""
        return pd.NA

    @classmethod
    def construct_array_type(cls) -> type[MaskArray]:  # type: ignore[valid-type]  # pandas asks for an attribute "type"
        """Return :class:`MaskArray`."""
        return MaskArray

    def __repr__(self) -> str:
        return "MaskDtype"

    def __from_arrow__(self, array: pa.Array | pa.ChunkedArray) -> MaskArray:
        """Take a column of ``struct<h, w, counts>``, the extension type over it, or PNG bytes.

        Raises
        ------
        MaskError
            If the column's type is no mask's or its bytes are no masks.
        """
        return masks_from_arrow(array, MaskArray)


class MaskArray(MaskOps, ExtensionArray):
    """A one-dimensional array of masks and NA.

    Masks are held as COCO's compressed run lengths in a pool that views, filters and copies share; the array itself is
    an index of int64 into it, -1 where missing. Areas and boxes are worked out once per pool.

    Parameters
    ----------
    pool : MaskPool
        The masks.
    index : ndarray of int64, shape (n,)
        Position of each element in the pool, -1 for NA. Not copied.
    """

    # pandas 3.0 brought read-only arrays; its 2.x has no such attribute.
    _readonly = False
    # ahead of numpy arrays in binary operations, as pandas' own arrays are
    __array_priority__ = 1000

    # -- making ------------------------------------------------------------------------------------------------------

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> Self:
        """Make an array of masks, COCO dicts, PNG bytes, (H, W) arrays, structs and missing values."""
        del dtype
        if isinstance(scalars, cls):
            return scalars.copy() if copy else scalars
        if isinstance(getattr(scalars, "dtype", None), pd.ArrowDtype):
            return cls._from_arrow(scalars.__arrow_array__())
        stack = pixel_stack(scalars)
        if stack is not None:
            pool = MaskPool.from_masks(encode_batch(stack), [stack.shape[1:]] * len(stack))
            return cls.from_pool(pool, np.ones(len(stack), dtype=bool))
        values = list(scalars)
        rle = rle_columns(values)
        if rle is not None and rle[0]:
            return cls._from_rle(*rle)
        return cls.from_masks(to_masks(values, to_mask))

    @classmethod
    def _from_rle(cls, counts: list[bytes], sizes_hw: list[list[int]], present: list[bool]) -> Self:
        """Make an array of COCO bytes from anywhere, checked; `present` says where they stand among missing ones."""
        there, sizes = np.array(present, dtype=bool), np.array(sizes_hw, dtype=np.int64)
        column = pa.array(counts, type=pa.large_binary())
        return cls.from_pool(checked_pool(column, sizes, np.flatnonzero(there)), there)

    @classmethod
    def _from_scalars(cls, scalars: Any, *, dtype: Any) -> Self:
        """Make an array of masks and missing values only; pandas asks for it to give results of its own their dtype."""
        del dtype
        masks = to_masks(scalars, strict_mask)
        if masks and not any(masks_present := [mask is not None for mask in masks]):
            raise TypeError(f"None of the {len(masks_present)} values is a mask.")
        return cls.from_masks(masks)

    @classmethod
    def _from_sequence_of_strings(cls, strings: Any, *, dtype: Any = None, copy: bool = False) -> Self:
        """Make an array of COCO dicts written as JSON, as a CSV file keeps them."""
        return cls._from_sequence(strings, dtype=dtype, copy=copy)

    @classmethod
    def _from_factorized(cls, values: NDArray[np.object_], original: Self) -> Self:
        """Make an array of the keys that `_values_for_factorize` gave."""
        del original
        entries = [parse_key(key) for key in values if key is not None]
        pool = MaskPool.from_masks([counts for counts, _ in entries], [size for _, size in entries])
        return cls.from_pool(pool, np.array([key is not None for key in values], dtype=bool))

    @classmethod
    def _from_arrow(cls, array: pa.Array | pa.ChunkedArray) -> MaskArray:
        return MaskDtype().__from_arrow__(array)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[Self]) -> Self:
        return cls.joined(to_concat)

    # -- what pandas asks of every array -----------------------------------------------------------------------------

    @property
    def dtype(self) -> MaskDtype:
        """The mask dtype."""
        return MaskDtype()

    @property
    def nbytes(self) -> int:
        """Bytes of the index and of the masks it reaches, each counted once; caches are not counted."""
        present = distinct(self.positions, len(self.pool))
        return int(self.positions.nbytes + self.pool.lengths(present).sum() + 16 * len(present))

    def __getitem__(self, item: Any) -> Any:
        item = check_array_indexer(self, item)
        found = self.positions[item]
        if isinstance(found, np.ndarray):
            part = type(self)(self.pool, found)
            if isinstance(item, slice):
                part._readonly = self._readonly  # noqa: SLF001  # of its own class
            return part
        return self.scalar(int(found))

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._readonly:
            raise ValueError("Cannot modify read-only array")
        key = check_array_indexer(self, key)
        if is_missing(value):
            self.positions[key] = -1
        elif isinstance(value, Mask):
            self.positions[key] = self._adopt_masks([value])[0]
        elif pd.api.types.is_list_like(value):
            self.positions[key] = self._adopt(value)
        else:
            strict_mask(value)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, Mask):
            return bool((self == item).any())
        return item is pd.NA and bool(self.isna().any())

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Self:
        """Return the elements at `indices`; see :meth:`pandas.api.extensions.ExtensionArray.take`."""
        fill = -1
        if allow_fill and not is_missing(fill_value):
            fill = int(self._adopt_masks([strict_mask(fill_value)])[0])
        index = take_from(
            self.positions, np.asarray(indices, np.intp), allow_fill=allow_fill, fill_value=fill
        )
        return type(self)(self.pool, index)

    def copy(self) -> Self:
        """Return a copy. It shares the pool, unless it would keep alive more than twice what it needs."""
        present = distinct(self.positions, len(self.pool))
        if 2 * len(present) < len(self.pool):
            return type(self)(*self.compacted())
        return type(self)(self.pool, self.positions.copy())

    def view(self, dtype: Any = None) -> Any:
        """Return a view on the same data, or its conversion to another dtype."""
        if dtype is not None and dtype != self.dtype:
            return self.astype(dtype)
        return self[:]

    def astype(self, dtype: Any, copy: bool = True) -> Any:  # noqa: FBT001, FBT002  # pandas' signature
        """Convert to another dtype: object (masks and NA), string (COCO in JSON), or an Arrow struct."""
        if isinstance(dtype, pd.ArrowDtype):
            return pd.array(self.__arrow_array__(dtype.pyarrow_dtype), dtype=dtype)
        return super().astype(dtype, copy=copy)

    # -- order and identity --------------------------------------------------------------------------------------------

    def _values_for_factorize(self) -> tuple[NDArray[np.object_], None]:
        return pool_keys(self.pool, self.positions), None

    def _values_for_argsort(self) -> NDArray[np.int64]:
        return pool_ranks(areas(self.pool, self.positions), pool_keys(self.pool, self.positions))

    def _hash_pandas_object(self, *, encoding: str, hash_key: str, categorize: bool) -> NDArray[np.uint64]:
        keys = pool_keys(self.pool, self.positions)
        hashes: NDArray[np.uint64] = pd.util.hash_array(
            keys, encoding=encoding, hash_key=hash_key, categorize=categorize
        )
        return hashes

    def duplicated(self, keep: Any = "first") -> NDArray[np.bool_]:
        """Say which elements repeat an earlier one, bool of shape (n,)."""
        keys = pd.Series(pool_keys(self.pool, self.positions), dtype=object)
        repeats: NDArray[np.bool_] = keys.duplicated(keep).to_numpy()
        return repeats

    def unique(self) -> Self:
        """Return the distinct elements in the order of their first appearance."""
        return type(self)(self.pool, self.positions[~self.duplicated()])

    def value_counts(self, dropna: bool = True) -> pd.Series:  # noqa: FBT001, FBT002  # pandas' signature
        """Count each distinct mask: Int64, most frequent first, the masks as index."""
        codes, uniques = self.factorize(use_na_sentinel=dropna)
        counts = np.bincount(codes[codes >= 0], minlength=len(uniques))
        order = np.argsort(-counts, kind="stable")
        index = pd.Index(uniques.take(order))
        return pd.Series(pd.array(counts[order], dtype="Int64"), index=index, name="count")

    def _reduce(self, name: str, *, skipna: bool = True, keepdims: bool = False, **kwargs: Any) -> Any:
        if name == "count":
            count = int((~self.isna()).sum())
            return pd.array([count], dtype="Int64") if keepdims else count
        return super()._reduce(name, skipna=skipna, keepdims=keepdims, **kwargs)

    # -- leaving pandas ------------------------------------------------------------------------------------------------

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001  # numpy's
        if copy is False:
            raise ValueError("Unable to avoid copy: a mask column holds no array of objects.")
        objects = np.empty(len(self), dtype=object)
        objects[:] = list(self)
        return objects if dtype is None else objects.astype(dtype)

    def to_numpy(self, dtype: Any = None, copy: bool = False, na_value: Any = no_default) -> NDArray[Any]:  # noqa: FBT001, FBT002  # pandas' signature
        """Return an array of :class:`Mask` objects, `na_value` where missing, shape (n,)."""
        del copy
        objects = self.__array__()
        if na_value is not no_default:  # pandas' own word for "as it is", which some of its calls pass on
            objects[self.isna()] = na_value
        return objects if dtype is None else objects.astype(dtype)

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.Array:  # noqa: A002  # Arrow's signature
        return masks_to_arrow(self, type)

    def _values_for_json(self) -> NDArray[np.object_]:
        return np.array([None if is_missing(mask) else mask.to_coco() for mask in self], dtype=object)

    def _formatter(self, boxed: bool = False) -> Callable[[Any], str]:  # noqa: FBT001, FBT002  # pandas' signature
        del boxed
        return lambda value: "<NA>" if is_missing(value) else repr(value)

    def __reduce__(self) -> tuple[Any, ...]:
        pool, index = self.compacted()
        return _rebuild, (type(self), pool.counts(), pool.sizes_hw(), index)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _adopt(self, values: Any) -> NDArray[np.int64]:
        """Return pool positions for masks from elsewhere, -1 for missing ones; they are added where they are new."""
        other = (
            values if isinstance(values, MaskArray) else type(self).from_masks(to_masks(values, strict_mask))
        )
        if other.pool is self.pool:
            return other.positions
        pool, index = other.compacted()
        return np.where(index < 0, -1, index + self.pool.absorb(pool))

    def _adopt_masks(self, masks: Iterable[Mask]) -> NDArray[np.int64]:
        kept = list(masks)
        first = self.pool.append([mask.counts for mask in kept], [mask.size_hw for mask in kept])
        return np.arange(first, first + len(kept))


def _rebuild(
    kind: type[MaskArray], counts: pa.LargeBinaryArray, sizes_hw: NDArray[np.int32], index: NDArray[np.int64]
) -> MaskArray:
    """Undo :meth:`MaskArray.__reduce__`."""
    return kind(MaskPool([counts], sizes_hw), index)
