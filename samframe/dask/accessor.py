"""``ddf.sam`` and ``ddf["mask"].sam``: they delegate, partition by partition, and do nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dask.dataframe.extensions import register_dataframe_accessor, register_series_accessor

from samframe.dask import bill as _plan
from samframe.dask import parquet as _parquet
from samframe.dask import partitions as _segment
from samframe.ground.signature import method_of
from samframe.masks import MaskDtype

if TYPE_CHECKING:
    import os


__all__ = ["DaskFrameSam", "DaskSeriesSam"]


@register_dataframe_accessor("sam")
class DaskFrameSam:
    """Segmentation of a Dask DataFrame; each method is the function of the same name in :mod:`samframe.dask`."""

    def __init__(self, ddf: Any) -> None:
        self._ddf = ddf

    segment = method_of(_segment.segment, frame="_ddf")
    plan = method_of(_plan.plan, frame="_ddf")

    def to_parquet(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, compute: bool = True, **options: Any
    ) -> Any:
        return _parquet.to_parquet(self._ddf, path, overwrite=overwrite, compute=compute, **options)

    segment.__doc__ = _segment.segment.__doc__
    plan.__doc__ = _plan.plan.__doc__
    to_parquet.__doc__ = _parquet.to_parquet.__doc__


@register_series_accessor("sam")
class DaskSeriesSam:
    """What can be said about each mask of a Dask column by itself, lazily; see :class:`samframe.frame.SeriesSam`.

    Per group: ``ddf.groupby("image")["mask"].agg(samframe.dask.union)``.

    Raises
    ------
    AttributeError
        If the column's dtype is not ``mask``.
    """

    def __init__(self, series: Any) -> None:
        if not isinstance(series.dtype, MaskDtype):
            raise AttributeError(  # noqa: TRY004 - as of an attribute that does not exist
                f"Series.sam is for columns of dtype 'mask', this one is {series.dtype}: convert with .astype('mask')."
            )
        self._series = series

    @property
    def area(self) -> Any:
        """Number of foreground pixels, Int64."""
        return self._map("area")

    @property
    def bbox_xywh(self) -> Any:
        """Tight box as columns ``x, y, width, height``, Int64, pixels."""
        return self._map("bbox_xywh")

    @property
    def centroid(self) -> Any:
        """Mean of the pixels' column and row numbers as columns ``x, y``, Float64."""
        return self._map("centroid")

    @property
    def is_empty(self) -> Any:
        """Whether the mask has no foreground, boolean."""
        return self._map("is_empty")

    @property
    def n_components(self) -> Any:
        """Number of parts, Int64."""
        return self._map("n_components")

    @property
    def n_holes(self) -> Any:
        """Number of holes, Int64."""
        return self._map("n_holes")

    def _map(self, name: str) -> Any:
        meta = getattr(self._series._meta.sam, name)  # noqa: SLF001 - Dask's own name for it
        return self._series.map_partitions(_measure, name, meta=meta)


def _measure(masks: Any, name: str) -> Any:
    """Return a measure of one partition's masks."""
    return getattr(masks.sam, name)
