"""``df.sam``: the functions of samframe as methods of every DataFrame. It delegates and does nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from samframe import export
from samframe.frame.call import SegmentOptions, mirrors, signed
from samframe.frame.call import functions as _segment
from samframe.frame.look import annotate, compare, suspicion, to_html, view
from samframe.frame.measure import evaluate
from samframe.masks import to_arrow
from samframe.plotting import plot_masks, plot_summary

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

    from samframe.export import ExportReport
    from samframe.frame.call import Run
    from samframe.frame.look import Comparison
    from samframe.frame.measure import Evaluation
    from samframe.jobs import Plan
    from samframe.widgets import Viewer
    from samframe.widgets.annotator.widget import Annotator

__all__ = ["FrameSam"]


class FrameSam:
    """Segmentation with SAM 2, from a frame of images and prompts to a frame of masks.

    Each method is the function of the same name in :mod:`samframe`, with this frame as its first argument.
    """

    def __init__(self, df: pd.DataFrame) -> None:
        self._df = df

    @signed(leading=("self",))
    def segment(
        self,
        image_col: Hashable = "image",
        prompt_col: Hashable | None = "prompt",
        **options: Unpack[SegmentOptions],
    ) -> pd.DataFrame:
        return _segment.segment(self._df, image_col, prompt_col, **options)

    @signed(leading=("self",))
    async def asegment(
        self,
        image_col: Hashable = "image",
        prompt_col: Hashable | None = "prompt",
        **options: Unpack[SegmentOptions],
    ) -> pd.DataFrame:
        return await _segment.asegment(self._df, image_col, prompt_col, **options)

    @signed(leading=("self",))
    def start(
        self,
        image_col: Hashable = "image",
        prompt_col: Hashable | None = "prompt",
        **options: Unpack[SegmentOptions],
    ) -> Run:
        return _segment.start(self._df, image_col, prompt_col, **options)

    @signed(leading=("self",))
    def plan(
        self,
        image_col: Hashable = "image",
        prompt_col: Hashable | None = "prompt",
        **options: Unpack[SegmentOptions],
    ) -> Plan:
        return _segment.plan(self._df, image_col, prompt_col, **options)

    def plot(self, *, image_col: Hashable = "image", mask_col: Hashable = "mask", **options: Any) -> Any:
        """Draw the first rows as a grid of images with their masks; see :func:`samframe.plotting.plot_masks`."""
        return plot_masks(self._df, image_col=image_col, mask_col=mask_col, **options)

    def plot_summary(self, **options: Any) -> Any:
        """Draw rows by status, times, spending and areas in one figure; see :func:`samframe.plotting.plot_summary`."""
        return plot_summary(self._df, **options)

    def compare(self, variants: Mapping[str, str | Sequence[str]], **options: Any) -> Comparison | Plan:
        """Try prompts on a sample of the frame's images; see :func:`samframe.compare`."""
        return compare(self._df, variants, **options)

    def to_arrow(self, *, preserve_index: bool | None = None) -> pa.Table:
        """Return the frame as an Arrow table, its masks as plain structs; see :func:`samframe.to_arrow`.

        DuckDB, polars and pyarrow take it as it is, without a copy of run lengths:
        ``rows = df.sam.to_arrow(); duckdb.sql("select prompt, sum(mask_area) from rows group by prompt")``.
        """
        return to_arrow(self._df, preserve_index=preserve_index)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give the frame to any program that speaks Arrow's PyCapsule interface: ``polars.DataFrame(df.sam)``."""
        return to_arrow(self._df).__arrow_c_stream__(requested_schema)

    @mirrors(evaluate)
    def evaluate(self, truth: pd.DataFrame, **options: Any) -> Evaluation:
        return evaluate(self._df, truth, **options)

    def suspicion(self, **options: Any) -> pd.DataFrame:
        """Score how doubtful each row's mask is, and say why; see :func:`samframe.suspicion`."""
        return suspicion(self._df, **options)

    def annotate(
        self, image_col: Hashable = "image", prompt_col: Hashable | None = "prompt", **options: Any
    ) -> Annotator:
        """Open rows one at a time in the notebook, to correct their masks; see :func:`samframe.annotate`."""
        return annotate(self._df, image_col, prompt_col, **options)

    def to_html(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write a static page with thumbnails, masks and filters; see :func:`samframe.to_html`."""
        to_html(self._df, path, **options)

    def to_parquet(self, path: str | os.PathLike[str], **options: Any) -> ExportReport | None:
        """Write the frame, masks and all, to Parquet; see :func:`samframe.to_parquet`."""
        return export.to_parquet(self._df, path, **options)

    def view(
        self,
        image_col: Hashable = "image",
        prompt_col: Hashable | None = "prompt",
        mask_col: Hashable = "mask",
        **options: Any,
    ) -> Viewer:
        """Look through the rows in a notebook: filter, sort, mark; see :func:`samframe.view`."""
        return view(self._df, image_col, prompt_col, mask_col, **options)

    @mirrors(export.split)
    def split(self, fractions: Mapping[str, float], **options: Any) -> pd.Series:
        return export.split(self._df, fractions, **options)

    @mirrors(export.to_coco)
    def to_coco(self, folder: str | os.PathLike[str], **options: Any) -> ExportReport:
        return export.to_coco(self._df, folder, **options)

    @mirrors(export.to_yolo)
    def to_yolo(self, folder: str | os.PathLike[str], **options: Any) -> ExportReport:
        return export.to_yolo(self._df, folder, **options)

    @mirrors(export.to_huggingface)
    def to_huggingface(self, path: str | os.PathLike[str] | None = None, **options: Any) -> Any:
        return export.to_huggingface(self._df, path, **options)

    @mirrors(export.to_semantic)
    def to_semantic(self, folder: str | os.PathLike[str], **options: Any) -> ExportReport:
        return export.to_semantic(self._df, folder, **options)

    segment.__doc__ = _segment.segment.__doc__
    asegment.__doc__ = _segment.asegment.__doc__
    start.__doc__ = _segment.start.__doc__
    plan.__doc__ = _segment.plan.__doc__
