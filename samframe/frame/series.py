"""``Series.sam``: measures, comparisons and conversions of a whole column of masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import MaskError
from samframe.frame.forms import SeriesForms
from samframe.frame.groups import combine_groups
from samframe.masks import Mask, MaskArray, MaskDtype
from samframe.masks.columns import measures as columns
from samframe.masks.columns import parts as shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["SeriesSam"]


class SeriesSam(SeriesForms):
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

    def __repr__(self) -> str:
        """Return how many masks there are, and what can be asked of them, for who types ``masks.sam``."""
        missing = int(self._series.isna().sum())
        return (
            f"<Series.sam: {len(self._series) - missing:,} masks, {missing:,} missing; area, bbox, to_numpy(), "
            "to_coco(), ...; help(masks.sam) tells all>"
        )

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
    def holes(self) -> pd.Series:
        """Number of holes, Int64: background that the foreground closes off from the edge of the image."""
        return self._integers(shape.hole_counts(self._array.pool, self._array.positions))

    @property
    def n_holes(self) -> pd.Series:
        """Number of holes, Int64; the same as `holes`."""
        return self.holes

    @property
    def perimeter(self) -> pd.Series:
        """Number of pixel edges between foreground and background, Int64, the image's own edge included."""
        return self._integers(columns.perimeters(self._array.pool, self._array.positions))

    @property
    def size_hw(self) -> pd.DataFrame:
        """Size of each mask's image as columns ``height, width``, Int64, pixels."""
        present = self._array.positions >= 0
        sizes = np.zeros((len(present), 2), dtype=np.int64)
        sizes[present] = self._array.pool.sizes_hw()[self._array.positions[present]]
        sides = {name: self._integers(sizes[:, at]) for at, name in enumerate(("height", "width"))}
        return pd.DataFrame(sides, index=self._series.index)

    @property
    def counts(self) -> pd.Series:
        """COCO's compressed run lengths, bytes, None where missing."""
        return self._objects(lambda mask: mask.counts)

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
        return self._compared(other, columns.paired_iou)

    def dice(self, other: pd.Series | MaskArray | Mask) -> pd.Series:
        """Return twice the intersection over the sum of the areas of each mask and its counterpart.

        Parameters and errors are those of :meth:`iou`.

        Returns
        -------
        Series of Float64
            NA where either is missing, 0.0 where both are empty.
        """
        return self._compared(other, columns.paired_dice)

    def boundary_iou(self, other: pd.Series | MaskArray | Mask, *, dilation_ratio: float = 0.02) -> pd.Series:
        """Return the IoU of the inner boundaries of each mask and its counterpart (see :meth:`Mask.boundary_iou`).

        Parameters
        ----------
        other : Series, MaskArray or Mask
            As for :meth:`iou`.
        dilation_ratio : float
            Width of the boundary as a share of the image's diagonal; at least one pixel.

        Returns
        -------
        Series of Float64
            NA where either is missing.
        """

        def measure(own: MaskArray, theirs: MaskArray) -> NDArray[np.float64]:
            values = [
                np.nan if a is pd.NA or b is pd.NA else a.boundary_iou(b, dilation_ratio=dilation_ratio)
                for a, b in zip(own, theirs, strict=True)
            ]
            return np.array(values, dtype=np.float64)

        return self._compared(other, measure)

    def _compared(
        self,
        other: pd.Series | MaskArray | Mask,
        measure: Callable[[MaskArray, MaskArray], NDArray[np.float64]],
    ) -> pd.Series:
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
        return pd.Series(_nullable(measure(own.array, right)), index=own.index, name=self._series.name)

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

    # -- inside --------------------------------------------------------------------------------------------------------

    def _integers(self, values: NDArray[np.int64]) -> pd.Series:
        whole = np.ascontiguousarray(values, dtype=np.int64)
        return self._wrapped(pd.arrays.IntegerArray(whole, self._array.isna()))

    def _floats(self, values: NDArray[np.float64]) -> pd.Series:
        return self._wrapped(_nullable(values))

    def _booleans(self, values: NDArray[np.bool_]) -> pd.Series:
        return self._wrapped(pd.arrays.BooleanArray(values, self._array.isna()))


def _nullable(values: NDArray[np.float64]) -> pd.api.extensions.ExtensionArray:
    """Return Float64 with NA where the values are NaN."""
    return pd.arrays.FloatingArray(np.ascontiguousarray(values), np.isnan(values))
