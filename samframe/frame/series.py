"""``Series.sam``: measures, comparisons and conversions of a whole column of masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import MaskError
from samframe.frame.groups import combine_groups
from samframe.masks import Mask, MaskArray, MaskDtype
from samframe.masks.columns import measures as columns
from samframe.masks.columns import parts as shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["SeriesSam"]


class SeriesSam:
    """Everything that a column of dtype ``mask`` can say about its masks.

    Results keep the column's index; where a mask is missing they are NA. (``Series.mask`` is pandas' own method, so the
    accessor is ``Series.sam``.)

    Parameters
    ----------
    series : pandas.Series
        A column of dtype ``mask``.

    Raises
    ------
    AttributeError
        If the column has another dtype, as pandas asks of accessors.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from samframe.masks import Mask
    >>> masks = pd.Series([Mask.from_numpy(np.eye(3)), None], dtype="mask")
    >>> masks.sam.area.tolist()
    [3, <NA>]
    """

    def __init__(self, series: pd.Series) -> None:
        if not isinstance(series.dtype, MaskDtype):
            raise AttributeError(  # noqa: TRY004  # pandas asks for it: the attribute does not exist
                f"Series.sam is for columns of dtype 'mask', this one is {series.dtype}: convert with .astype('mask')."
            )
        self._series = series
        self._array: MaskArray = series.array

    # -- measures ------------------------------------------------------------------------------------------------------

    @property
    def area(self) -> pd.Series:
        """Number of foreground pixels, Int64."""
        return self._integers(columns.areas(self._array.pool, self._array.positions))

    @property
    def bbox_xywh(self) -> pd.DataFrame:
        """Tight box as columns ``x, y, width, height``, Int64, pixels; zeros for an empty mask."""
        boxes = columns.bboxes(self._array.pool, self._array.positions)
        sides = {name: self._integers(boxes[:, at]) for at, name in enumerate(("x", "y", "width", "height"))}
        return pd.DataFrame(sides, index=self._series.index)

    @property
    def centroid(self) -> pd.DataFrame:
        """Mean of the pixels' column and row numbers as columns ``x, y``, Float64; NA for an empty mask."""
        means = columns.centroids(self._array.pool, self._array.positions)
        return pd.DataFrame({name: self._floats(means[:, at]) for at, name in enumerate(("x", "y"))})

    @property
    def is_empty(self) -> pd.Series:
        """Whether the mask has no foreground, boolean."""
        return self._booleans(columns.areas(self._array.pool, self._array.positions) == 0)

    @property
    def border_touch(self) -> pd.Series:
        """Whether the mask reaches the edge of its image, boolean."""
        return self._booleans(columns.border_touch(self._array.pool, self._array.positions))

    @property
    def n_components(self) -> pd.Series:
        """Number of parts, Int64; pixels that touch by a corner are one part."""
        return self._integers(shape.parts(self._array.pool, self._array.positions).count)

    @property
    def n_holes(self) -> pd.Series:
        """Number of holes, Int64: background that the foreground closes off from the edge of the image."""
        return self._integers(shape.hole_counts(self._array.pool, self._array.positions))

    # -- comparisons ---------------------------------------------------------------------------------------------------

    def iou(self, other: pd.Series | MaskArray | Mask) -> pd.Series:
        """Return the intersection over union of each mask with its counterpart.

        Parameters
        ----------
        other : Series, MaskArray or Mask
            A column of masks (aligned on the index, as pandas does), an array of the same length, or one mask for all.

        Returns
        -------
        Series of Float64
            NA where either is missing, 0.0 where both are empty.

        Raises
        ------
        MaskError
            If the masks of a pair differ in size.
        """
        own = self._series
        if isinstance(other, pd.Series):
            theirs = other.astype("mask")
            if not own.index.equals(theirs.index):
                own, theirs = own.align(theirs)
            right = theirs.array
        elif isinstance(other, Mask):
            right = MaskArray.from_masks([other])[np.zeros(len(own), dtype=np.int64)]
        else:
            right = pd.array(other, dtype="mask")
        if len(right) != len(own):
            raise MaskError(f"Lengths must match to compare: {len(own)} and {len(right)}.")
        values = columns.paired_iou(own.array, right)
        return pd.Series(_nullable(values), index=own.index, name=self._series.name)

    def iou_matrix(self, other: pd.Series | None = None) -> pd.DataFrame:
        """Return the intersection over union of every mask with every mask of another column, or of this one.

        Parameters
        ----------
        other : Series of masks, optional
            The columns of the result; this column itself by default.

        Returns
        -------
        DataFrame of float64, shape (n, m)
            This column's index down, the other's across; NaN where either mask is missing.

        Raises
        ------
        MaskError
            If the masks are not all of one size.
        """
        across = self._series if other is None else other.astype("mask")
        values = columns.iou_matrix(self._array, across.array)
        return pd.DataFrame(values, index=self._series.index, columns=across.index)

    def union(self, *, by: Any = None) -> Any:
        """Return what any mask of the column covers: one Mask, missing ones passed over, NA where all are missing.

        Parameters
        ----------
        by : column, function, level or list of them, optional
            Groups, as :meth:`pandas.Series.groupby` takes them: ``df["mask"].sam.union(by=df["image"])``.

        Returns
        -------
        Mask or NA; with `by` a Series of dtype ``mask``, a row a group, in the groups' order

        Raises
        ------
        MaskError
            If the masks, or those of a group, are not all of one size.
        """
        if by is not None:
            return combine_groups(self._series.groupby(by, observed=True), of_all=False)
        return columns.union(self._array)

    def intersection(self, *, by: Any = None) -> Any:
        """Return what all masks of the column cover: one Mask, missing ones passed over, NA where all are missing.

        Parameters
        ----------
        by : column, function, level or list of them, optional
            Groups, as :meth:`pandas.Series.groupby` takes them: ``df["mask"].sam.intersection(by=df["image"])``.

        Returns
        -------
        Mask or NA; with `by` a Series of dtype ``mask``, a row a group, in the groups' order

        Raises
        ------
        MaskError
            If the masks, or those of a group, are not all of one size.
        """
        if by is not None:
            return combine_groups(self._series.groupby(by, observed=True), of_all=True)
        return columns.intersection(self._array)

    # -- other forms ---------------------------------------------------------------------------------------------------

    def to_numpy(self, size_hw: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """Return the pixels of all masks.

        Parameters
        ----------
        size_hw : (int, int), optional
            Resize all masks to this height and width; otherwise they must be of one size.

        Returns
        -------
        ndarray of bool, shape (n, H, W), C order
            All False where a mask is missing.

        Raises
        ------
        MaskError
            If the masks are not all of one size, or all are missing, and no size is given.
        """
        return columns.stack(self._array, size_hw)

    def to_coco(self) -> pd.Series:
        """Return COCO dicts ``{"size": [h, w], "counts": str}``, None where missing: what COCO's JSON files hold."""
        return self._objects(lambda mask: mask.to_coco())

    def to_png(self) -> pd.Series:
        """Return PNG bytes (8-bit gray, 0 and 255), None where missing."""
        return self._objects(lambda mask: mask.to_png())

    def polygons(self) -> pd.Series:
        """Return each mask's polygons as :meth:`Mask.polygons` gives them, None where missing."""
        return self._objects(lambda mask: mask.polygons())

    def resize(self, size_hw: tuple[int, int]) -> pd.Series:
        """Return the masks resized to a height and width in pixels, dtype ``mask``."""
        masks = [None if mask is pd.NA else mask.resize(size_hw) for mask in self._array]
        return self._wrapped(MaskArray.from_masks(masks))

    def components(self) -> pd.Series:
        """Return one row for each part of each mask, dtype ``mask``; the index repeats, as ``Series.explode`` does it.

        A missing or empty mask gives one row, NA. ``df.drop(columns="mask").join(df["mask"].sam.components())`` is the
        frame with one row for each part.
        """
        present = np.flatnonzero(~self._array.isna())
        pool, found = shape.component_pool(self._array.pool, self._array.positions[present])
        counts = np.zeros(len(self._array), dtype=np.int64)
        counts[present] = found
        rows = np.repeat(np.arange(len(counts)), np.maximum(counts, 1))
        parts = MaskArray.from_pool(pool, counts[rows] > 0)
        return pd.Series(parts, index=self._series.index[rows], name=self._series.name)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _wrapped(self, values: Any) -> pd.Series:
        return pd.Series(values, index=self._series.index, name=self._series.name)

    def _integers(self, values: NDArray[np.int64]) -> pd.Series:
        whole = np.ascontiguousarray(values, dtype=np.int64)
        return self._wrapped(pd.arrays.IntegerArray(whole, self._array.isna()))

    def _floats(self, values: NDArray[np.float64]) -> pd.Series:
        return self._wrapped(_nullable(values))

    def _booleans(self, values: NDArray[np.bool_]) -> pd.Series:
        return self._wrapped(pd.arrays.BooleanArray(values, self._array.isna()))

    def _objects(self, convert: Callable[[Mask], Any]) -> pd.Series:
        objects = np.empty(len(self._array), dtype=object)
        for row, mask in enumerate(self._array):
            objects[row] = None if mask is pd.NA else convert(mask)
        return self._wrapped(objects)


def _nullable(values: NDArray[np.float64]) -> pd.api.extensions.ExtensionArray:
    """Return Float64 with NA where the values are NaN."""
    return pd.arrays.FloatingArray(np.ascontiguousarray(values), np.isnan(values))
