"""``df.sam``: the functions of samframe as methods of every DataFrame. It delegates and does nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samframe import export
from samframe.export.formats import FORMATS
from samframe.frame.call import explode
from samframe.frame.call import functions as _segment
from samframe.frame.look import annotate, compare, preview, suspicion, to_html, view
from samframe.frame.measure import evaluate
from samframe.ground.signature import method_of
from samframe.masks import MaskDtype, to_arrow
from samframe.plotting import plot_masks, plot_summary

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["FrameSam"]


class FrameSam:
    """Segmentation with SAM 2, from a frame of images and prompts to a frame of masks.

    Each method is the function of the same name in :mod:`samframe`, with this frame as its first argument.
    """

    def __init__(self, df: pd.DataFrame) -> None:
        self._df = df

    def __repr__(self) -> str:
        """Return rows, columns of masks, and what can be done, for who types ``df.sam``."""
        masks = [
            name for name, dtype in zip(self._df.columns, self._df.dtypes, strict=True) if _is_mask(dtype)
        ]
        if masks:
            told = ", ".join(
                f"{int(self._df[name].notna().to_numpy().sum()):,} masks in {name!r}" for name in masks[:3]
            )
            verbs = "view(), preview(), annotate(), suspicion(), to_html(), to_coco(), to_yolo()"
        else:
            told, verbs = "no column of masks yet", "plan(), segment(), compare()"
        return f"<df.sam: {len(self._df):,} rows, {told}; {verbs}; help(df.sam) tells all>"

    segment = method_of(_segment.segment)
    asegment = method_of(_segment.asegment)
    start = method_of(_segment.start)
    plan = method_of(_segment.plan)
    plot = method_of(plot_masks, name="plot")
    plot_summary = method_of(plot_summary)
    explode = method_of(explode)
    compare = method_of(compare)
    evaluate = method_of(evaluate)
    suspicion = method_of(suspicion)
    annotate = method_of(annotate)
    view = method_of(view)
    preview = method_of(preview)
    to_html = method_of(to_html)
    to_parquet = method_of(export.to_parquet)  # type: ignore[arg-type]  # it may be given any keyword
    split = method_of(export.split)

    def to_arrow(self, *, preserve_index: bool | None = None) -> pa.Table:
        """Return the frame as an Arrow table, its masks as plain structs; see :func:`samframe.to_arrow`.

        DuckDB, polars and pyarrow take it as it is, without a copy of run lengths:
        ``rows = df.sam.to_arrow(); duckdb.sql("select prompt, sum(mask_area) from rows group by prompt")``.
        """
        return to_arrow(self._df, preserve_index=preserve_index)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give the frame to any program that speaks Arrow's PyCapsule interface: ``polars.DataFrame(df.sam)``."""
        return to_arrow(self._df).__arrow_c_stream__(requested_schema)


def _is_mask(dtype: object) -> bool:
    return isinstance(dtype, MaskDtype)


# to_coco, to_yolo, ...: a new format is a method without a word here.
for _format in FORMATS:
    setattr(FrameSam, _format.write.__name__, method_of(_format.write))
