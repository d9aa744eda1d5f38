"""A frame in one figure: rows by status, times, spending, and how large the masks are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.ground.cells import as_text
from samframe.ground.figure import new_figure
from samframe.ground.frame import has_column, only_column, remembered
from samframe.ground.status import status_colour
from samframe.masks import MaskDtype
from samframe.plotting.lettering import label_rows, letter
from samframe.plotting.palette import ACCENTS, line_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["plot_summary"]

_PANEL_INCHES = (3.7, 3.2)
_BINS = 24
_MOST_STATUSES = 10
_MOST_PROMPTS = 8
_LABEL_LETTERS = 18
_DIME = 0.1
#: A mask of fewer than these many parts of its image is drawn at the edge of the panel.
_LEAST_SHARE = 1e-4
#: From this share on there is room for three marks in each power of ten.
_FEW_SHARE = 0.03


def plot_summary(
    frame: pd.DataFrame,
    *,
    mask_col: Hashable = "mask",
    prompt_col: Hashable = "prompt",
    status_col: Hashable = "status",
    figure: Figure | None = None,
) -> NDArray[np.object_]:
    """Draw what a frame of masks holds: a panel each for status, times, spending and areas, if its columns are there.

    ``inference_time`` and ``queue_time`` make the times, ``cost`` the spending (``details=True`` adds the last two;
    rows that share a request are counted once), the masks the areas: as a share of their image, by prompt.

    Parameters
    ----------
    frame : pandas.DataFrame
        What :func:`samframe.segment` returned.
    mask_col, prompt_col, status_col : column name
        Where masks, prompts and statuses are.
    figure : matplotlib Figure, optional
        Where to draw; None makes one, 3.7 inches a panel.

    Returns
    -------
    ndarray of matplotlib.axes.Axes, shape (panels,)
        Nothing is shown, and pyplot does not know the figure unless the notebook draws inline.

    Raises
    ------
    OptionError
        If there is no column to sum up, or two of one name.
    """
    mask_col, prompt_col, status_col = (
        remembered(frame, role, name)
        for role, name in (("mask", mask_col), ("prompt", prompt_col), ("status", status_col))
    )
    panels = _panels(frame, mask_col, prompt_col, status_col)
    if not panels:
        raise OptionError(
            "There is nothing to sum up: the frame has none of the columns "
            f"{status_col!r}, 'inference_time', 'queue_time', 'cost', and no masks in {mask_col!r}."
        )
    if figure is None:
        figure = new_figure((_PANEL_INCHES[0] * len(panels), _PANEL_INCHES[1]))
    axes: NDArray[np.object_] = np.atleast_1d(np.asarray(figure.subplots(1, len(panels)), dtype=object))
    for one, draw in zip(axes, panels, strict=True):
        draw(one)
        one.spines[["top", "right"]].set_visible(False)
    return axes


def _panels(
    frame: pd.DataFrame, mask_col: Hashable, prompt_col: Hashable, status_col: Hashable
) -> list[Callable[[Axes], None]]:
    panels: list[Callable[[Axes], None]] = []
    if has_column(frame, status_col):
        status = only_column(frame, status_col)
        panels.append(lambda axes: _draw_statuses(axes, status))
    jobs = _one_row_a_request(frame)
    times = {
        words: _numbers(only_column(jobs, name))
        for name, words in (("queue_time", "in the queue"), ("inference_time", "inference"))
        if has_column(jobs, name)
    }
    if times:
        panels.append(lambda axes: _draw_times(axes, times))
    if has_column(jobs, "cost"):
        costs = _numbers(only_column(jobs, "cost"), missing=0.0)
        panels.append(lambda axes: _draw_costs(axes, costs))
    if has_column(frame, mask_col) and isinstance(only_column(frame, mask_col).dtype, MaskDtype):
        groups = _areas_by_prompt(frame, mask_col, prompt_col)
        panels.append(lambda axes: _draw_areas(axes, groups))
    return panels


def _draw_statuses(axes: Axes, status: pd.Series) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - matplotlib is heavy

    counts = dict(Counter(map(as_text, status)).most_common(_MOST_STATUSES))
    bars = axes.barh(
        range(len(counts)), list(counts.values()), color=[status_colour(name) for name in counts]
    )
    axes.bar_label(bars, labels=[f"{count:,}" for count in counts.values()], padding=3, fontsize="small")
    label_rows(axes, [name.replace("_", " ") or "none" for name in counts], limit=_LABEL_LETTERS)
    axes.margins(x=0.2)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    if not counts:
        _say(axes, "no rows")
        axes.set(xticks=[], yticks=[])
    axes.set_xlabel("rows")
    axes.set_title(f"{len(status):,} row{'' if len(status) == 1 else 's'}", fontsize="medium")


def _draw_times(axes: Axes, times: dict[str, NDArray[np.float64]]) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - matplotlib is heavy

    known = {words: values for words, values in times.items() if len(values)}
    longest = max((float(values.max()) for values in known.values()), default=0.0)
    edges = np.linspace(0.0, longest * 1.02 or 1.0, _BINS + 1)
    for (words, values), colour in zip(known.items(), ACCENTS, strict=False):
        middle = float(np.median(values))
        axes.hist(
            values, bins=edges.tolist(), color=colour, alpha=0.75, label=f"{words}, median {middle:.2g} s"
        )
    if known:
        axes.set_ylim(top=axes.get_ylim()[1] * 1.35)  # room for the legend
        axes.legend(frameon=False, fontsize="small")
    else:
        _say(axes, "no times")
    axes.set_xlabel("seconds on the server")
    axes.set_ylabel("jobs")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_title("times", fontsize="medium")


def _draw_costs(axes: Axes, costs: NDArray[np.float64]) -> None:
    total, colour = np.concatenate([[0.0], np.cumsum(costs)]), line_colour(axes)
    sum_text = f"{total[-1]:.4f}".rstrip("0") if 0 < total[-1] < _DIME else f"{total[-1]:,.2f}"
    if not total[-1]:
        _say(axes, "nothing was billed")
        axes.set_yticks([0.0])
    axes.fill_between(np.arange(len(total)), total, step="post", color=colour, alpha=0.25, linewidth=0)
    axes.step(np.arange(len(total)), total, where="post", color=colour)
    axes.set_xlim(0, max(len(costs), 1))
    axes.set_ylim(0, float(total[-1]) * 1.1 or 1.0)
    axes.set_xlabel("jobs, in the order of the frame")
    axes.set_ylabel("US dollars")
    # A dollar sign alone is no mathtext; with a second one it would be.
    letter(axes.set_title("", fontsize="medium"), f"${sum_text} spent")


def _draw_areas(axes: Axes, groups: dict[str, NDArray[np.float64]]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415 - matplotlib is heavy

    shares = [np.clip(values, _LEAST_SHARE, 1.0) for values in groups.values()]
    if not shares:
        _say(axes, "no masks")
        axes.set_yticks([])
    for at, values in enumerate(shares):
        _draw_spread(axes, at, values)
    label_rows(axes, [name or "no prompt" for name in groups], limit=_LABEL_LETTERS)
    axes.set_xscale("log")
    least = min((float(values.min()) for values in shares), default=0.01) * 0.6
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if least < _FEW_SHARE else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(least, 1.3)
    axes.set_xlabel("area, share of the image")
    axes.set_title("masks", fontsize="medium")


def _draw_spread(axes: Axes, at: int, values: NDArray[np.float64]) -> None:
    """Draw every value as a dot, the middle half as a bar, and the median as a line."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    axes.barh(at, high - low, left=low, height=0.56, color="#888888", alpha=0.35)
    # Dots lie apart by a fixed pattern, so that the same frame gives the same picture.
    heights = at + 0.5 * ((np.arange(len(values)) * 0.618) % 1.0 - 0.5)
    axes.scatter(values, heights, s=7, color=line_colour(axes), alpha=0.6, linewidths=0)
    axes.plot([middle, middle], [at - 0.34, at + 0.34], color=ACCENTS[2], linewidth=2.2)


def _say(axes: Axes, words: str) -> None:
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", alpha=0.75)


def _areas_by_prompt(
    frame: pd.DataFrame, mask_col: Hashable, prompt_col: Hashable
) -> dict[str, NDArray[np.float64]]:
    """Return the masks' shares of their images, by prompt for the most frequent ones, the rest together."""
    masks = only_column(frame, mask_col)
    present = masks.notna().to_numpy()
    if not present.any():
        return {}
    kept = masks[present]
    pixels = np.array([mask.size_hw[0] * mask.size_hw[1] for mask in kept], dtype=np.float64)
    shares = kept.sam.area.to_numpy(dtype=np.float64) / np.maximum(pixels, 1.0)
    if not has_column(frame, prompt_col):
        return {"all": shares}
    texts = [as_text(cell).strip() for cell in only_column(frame, prompt_col)[present]]
    prompts = np.array([*texts, None], dtype=object)[:-1]  # None keeps numpy from padding texts to one length
    names = [name for name, _ in Counter(texts).most_common()]
    if len(names) > _MOST_PROMPTS:
        names = names[: _MOST_PROMPTS - 1]
    groups = {name: shares[prompts == name] for name in names}
    rest = np.array([text not in groups for text in texts], dtype=bool)
    return groups | ({"all others": shares[rest]} if rest.any() else {})


def _one_row_a_request(frame: pd.DataFrame) -> pd.DataFrame:
    if not has_column(frame, "request_id"):
        return frame
    ids = only_column(frame, "request_id")
    return frame[(~ids.duplicated() | ids.isna()).to_numpy()]


def _numbers(column: pd.Series, *, missing: float | None = None) -> NDArray[np.float64]:
    values: Any = pd.to_numeric(column.astype(object), errors="coerce")
    numbers = np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    is_known = np.isfinite(numbers) & (numbers >= 0)
    return numbers[is_known] if missing is None else np.where(is_known, numbers, missing)
