"""What became of a comparison of prompts: masks by image and variant, how far they agree, and what they cost."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.ground.engine import is_offline
from samframe.ground.html import NOT_MATHS, html_text
from samframe.jobs import format_usd
from samframe.masks import MaskArray
from samframe.masks.columns import measures as columns
from samframe.plotting import plot_masks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from samframe.frame.call import RunReport

__all__ = ["Comparison", "iou_column", "make_comparison"]

_COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Prompts compared on a sample of images.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row an image, on its label in the frame: ``image``, and for each variant ``NAME`` the columns ``mask_NAME``
        (dtype ``mask``; of several prompts the union of the masks that came), ``status_NAME`` (completed where all its
        prompts are), ``area_NAME`` (Int64, pixels), ``cost_NAME`` (Float64, US dollars its jobs cost, whenever they
        were paid); for each two variants ``iou_A_B`` (Float64, NA where either has no mask). With truth: ``truth``
        (dtype ``mask``), and ``truth_iou_NAME`` (Float64).
    summary : pandas.DataFrame
        One row a variant: ``images``, ``failure_rate``, ``area_share`` (mean share of the image), ``cost_usd`` (of its
        jobs, shared ones included), ``inference_time`` (mean seconds a job), and ``iou_NAME``, the mean IoU with each
        variant, NA where no image has both. With truth: ``truth_iou`` ahead of all, the mean IoU with it, 0 where there
        is no mask; the best variant comes first.
    variants : mapping of str to tuple of str
        The prompts of each name, as they were sent.
    report : RunReport
        What this run did; its spending counts every job once.
    is_offline : bool
        Whether the masks are the offline engine's, which is not SAM 2.
    """

    frame: pd.DataFrame
    summary: pd.DataFrame
    variants: Mapping[str, tuple[str, ...]]
    report: RunReport
    is_offline: bool = False
    _image_root: Any = field(default=None, repr=False)

    def plot(self, *, n: int = 6, **options: Any) -> Any:
        """Draw images side by side, a line an image, a tile a variant; those that differ most come first.

        Parameters
        ----------
        n : int
            How many images at most.
        **options
            As for :func:`samframe.plotting.plot_masks`.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, shape (images drawn * variants,)
        """
        if n < 1:
            raise OptionError(f"n is a number of images, 1 or more; it is {n!r}.")
        names = list(self.variants)
        ious = self.frame[[iou_column(a, b) for a, b in itertools.combinations(names, 2)]]
        means = ious.astype("float64").mean(axis=1).fillna(-1.0).to_numpy()
        places = np.argsort(means, kind="stable")[:n].tolist()
        tiles = pd.DataFrame(
            {
                "image": pd.Series(
                    [self.frame["image"].iloc[at] for at in places for _ in names], dtype=object
                ),
                "mask": pd.array(
                    [self.frame[f"mask_{name}"].iloc[at] for at in places for name in names], dtype="mask"
                ),
            }
        )
        notes = [self._note(at, name) for at in places for name in names]
        chosen = {"cols": len(names), "image_root": self._image_root, **options}
        return plot_masks(tiles, n=max(len(tiles), 1), titles=names * len(places), notes=notes, **chosen)

    def _note(self, at: int, name: str) -> str:
        """Return what stands below a tile: the status where there is no mask, else the IoU with the first variant."""
        status, first = self.frame[f"status_{name}"].iloc[at], next(iter(self.variants))
        if self.frame[f"mask_{name}"].iloc[at] is pd.NA:
            return str(status)
        iou = self.frame[iou_column(first, name)].iloc[at] if name != first else pd.NA
        words = [] if iou is pd.NA else [f"IoU {iou:.2f} with {first}"]
        return ", ".join([*words, *([] if status == _COMPLETED else ["in part"])])

    def _headline(self) -> str:
        spent = format_usd(self.report.usd_low)
        if self.report.usd_high > self.report.usd_low:
            spent += f" to {format_usd(self.report.usd_high)}"
        words = f"{len(self.variants)} variants on {len(self.frame):,} images, {spent} spent by this run"
        return f"{words}; offline engine, not SAM 2" if self.is_offline else words

    def __str__(self) -> str:
        return f"{self._headline()}\n{self.summary.to_string(float_format=lambda value: f'{value:.3g}')}"

    def _repr_html_(self) -> str:
        """Return the summary as a table for notebooks, every text escaped."""
        head = ["variant", "prompts", *self.summary.columns]
        rows = [
            [name, ", ".join(prompts), *map(_figure, self.summary.loc[name])]
            for name, prompts in self.variants.items()
        ]
        head_cells = "".join(f"<th>{html_text(_printable(text))}</th>" for text in head)
        body = "".join(
            f"<tr>{''.join(f'<td>{html_text(_printable(text))}</td>' for text in row)}</tr>" for row in rows
        )
        return (
            f'<table class="{NOT_MATHS}">'
            f"<caption>{html_text(self._headline())}</caption>"
            f"<thead><tr>{head_cells}</tr></thead><tbody>{body}</tbody></table>"
        )


def make_comparison(
    sample: pd.Series,
    variants: Mapping[str, tuple[str, ...]],
    result: pd.DataFrame,
    *,
    places: NDArray[np.int64],
    names: NDArray[np.object_],
    report: RunReport,
    image_root: Any = None,
    truth: MaskArray | None = None,
) -> Comparison:
    """Gather the rows of a run, one an image, variant and prompt, into one row an image.

    Parameters
    ----------
    sample : pandas.Series
        The images, on their labels.
    result : pandas.DataFrame
        What the run gave.
    places, names : ndarray, shape (rows of ``result``,)
        Which image of the sample, and which variant, each row is of.
    """
    found: dict[str, Any] = {"image": sample.to_numpy(dtype=object)}
    for name in variants:
        found |= _of_variant(result[names == name], places[names == name], name, len(sample))
    for a, b in itertools.combinations(variants, 2):
        found[iou_column(a, b)] = _nullable(_paired_iou(found[f"mask_{a}"], found[f"mask_{b}"]))
    if truth is not None:
        found["truth"] = truth
        for name in variants:
            found[f"truth_iou_{name}"] = _nullable(_paired_iou(found[f"mask_{name}"], truth))
    frame = pd.DataFrame(found, index=sample.index)
    engines = result["engine"].astype(object)
    return Comparison(
        frame=frame,
        summary=_summary(frame, list(variants), {name: result[names == name] for name in variants}),
        variants=dict(variants),
        report=report,
        is_offline=any(map(is_offline, engines)),
        _image_root=image_root,
    )


def _of_variant(rows: pd.DataFrame, places: NDArray[np.int64], name: str, n_images: int) -> dict[str, Any]:
    """Return a variant's columns: masks united, statuses and costs gathered by image."""
    masks: list[Any] = [None] * n_images
    statuses: list[Any] = [_COMPLETED] * n_images
    costs = np.full(n_images, np.nan)
    for at, mask, status, cost in zip(places, rows["mask"], rows["status"], rows["cost"], strict=True):
        if mask is not pd.NA:
            fits = masks[at] is not None and masks[at].size_hw == mask.size_hw
            masks[at] = masks[at] | mask if fits else masks[at] or mask
        if status != _COMPLETED:
            statuses[at] = str(status)
        if cost is not pd.NA:
            costs[at] = np.nansum([costs[at], cost])
    column = MaskArray.from_masks(masks)
    areas = columns.areas(column.pool, column.positions)
    return {
        f"mask_{name}": column,
        f"status_{name}": pd.Categorical(statuses, dtype=rows["status"].dtype),
        f"area_{name}": pd.arrays.IntegerArray(areas.astype(np.int64), column.isna()),
        f"cost_{name}": _nullable(costs),
    }


def _paired_iou(a: MaskArray, b: MaskArray) -> NDArray[np.float64]:
    """Return the IoU image by image; NaN where one is missing or they differ in size, 1.0 where both are empty."""
    result = np.full(len(a), np.nan)
    both = np.flatnonzero(~a.isna() & ~b.isna())
    same = (a.pool.sizes_hw()[a.positions[both]] == b.pool.sizes_hw()[b.positions[both]]).all(axis=1)
    rows = both[same]
    result[rows] = columns.paired_iou(a[rows], b[rows])
    # Two prompts that both find nothing agree.
    empty = (columns.areas(a.pool, a.positions[rows]) == 0) & (columns.areas(b.pool, b.positions[rows]) == 0)
    result[rows[empty]] = 1.0
    return result


def _summary(frame: pd.DataFrame, names: list[str], rows: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    table: dict[str, list[Any]] = {
        "images": [len(frame)] * len(names),
        "failure_rate": [_mean(frame[f"status_{name}"] != _COMPLETED) for name in names],
        "area_share": [_mean(_area_shares(frame[f"mask_{name}"])) for name in names],
        "cost_usd": [float(frame[f"cost_{name}"].sum()) for name in names],
        "inference_time": [_mean(rows[name]["inference_time"].dropna()) for name in names],
    }
    for other in names:
        table[f"iou_{other}"] = [
            1.0 if name == other else _mean(_ious_of(frame, names, name, other).dropna()) for name in names
        ]
    if "truth" in frame.columns:
        # What failed found nothing: a prompt is not better for having failed where it is hard.
        means = [_mean(frame[f"truth_iou_{name}"].fillna(0.0)) for name in names]
        table = {"truth_iou": means, **table}
    floats = dict.fromkeys([column for column in table if column != "images"], "Float64")
    summary = pd.DataFrame(table, index=pd.Index(names, dtype=object, name="variant")).astype(floats)
    return (
        summary.sort_values("truth_iou", ascending=False, kind="stable") if "truth_iou" in table else summary
    )


def _area_shares(masks: pd.Series) -> list[float]:
    return [mask.area / max(mask.size_hw[0] * mask.size_hw[1], 1) for mask in masks.dropna()]


def _ious_of(frame: pd.DataFrame, names: list[str], a: str, b: str) -> pd.Series:
    first, second = sorted((a, b), key=names.index)
    return frame[iou_column(first, second)]


def iou_column(a: str, b: str) -> str:
    """Return the name of the column with the IoU of two variants."""
    return f"iou_{a}_{b}"


def _mean(values: Any) -> float:
    numbers = np.asarray(values, dtype=np.float64)
    return float(numbers.mean()) if numbers.size else float("nan")


def _nullable(values: NDArray[np.float64]) -> Any:
    return pd.arrays.FloatingArray(np.ascontiguousarray(values), np.isnan(values))


def _figure(value: Any) -> str:
    return "" if value is pd.NA else f"{value:.3g}"


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
