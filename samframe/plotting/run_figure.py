"""A run in one figure: rows by status, requests by kind, and how long jobs waited and ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.ground.figure import new_figure
from samframe.ground.status import status_colour
from samframe.plotting.lettering import letter
from samframe.plotting.palette import ACCENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["plot_run"]

_BINS = 30


def plot_run(
    *,
    by_status: Mapping[str, int],
    calls: Mapping[str, int],
    times: Mapping[str, Sequence[float]],
    title: str,
    figure: Figure | None = None,
) -> NDArray[Any]:
    """Draw what a run did, and return the three Axes. Nothing is shown, unless by a notebook that draws inline.

    Parameters
    ----------
    by_status : mapping of str to int
        Rows by status.
    calls : mapping of str to int
        Requests by kind of call.
    times : mapping of str to sequence of float
        Seconds of server time, by name.
    title : str
        A line above the figure.
    figure : matplotlib Figure, optional
        Where to draw; None makes one of 11 x 3.4 inches.

    Returns
    -------
    ndarray of matplotlib Axes, shape (3,)
    """
    if figure is None:
        figure = new_figure((11, 3.4))
    axes: NDArray[Any] = np.asarray(figure.subplots(1, 3))
    letter(figure.suptitle("", fontsize="medium"), title)
    _bars(axes[0], by_status, "rows", [status_colour(name) for name in by_status])
    _bars(axes[1], calls, "requests", [ACCENTS[1]] * len(calls))
    _histograms(axes[2], times)
    return axes


def _bars(axes: Axes, counts: Mapping[str, int], label: str, colours: Sequence[str]) -> None:
    names = [name.replace("_", " ") for name in counts]
    bars = axes.barh(names, list(counts.values()), color=list(colours))
    axes.bar_label(bars, labels=[f"{count:,}" for count in counts.values()], padding=3, fontsize="small")
    axes.margins(x=0.18)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)


def _histograms(axes: Axes, times: Mapping[str, Sequence[float]]) -> None:
    known = {name: values for name, values in times.items() if len(values)}
    longest = max((max(values) for values in known.values()), default=1.0)
    edges = np.linspace(0.0, longest * 1.02 or 1.0, _BINS + 1)
    for (name, values), colour in zip(known.items(), ACCENTS, strict=False):
        middle, high = np.quantile(values, (0.5, 0.95))
        label = f"{name}: p50 {middle:.2f}, p95 {high:.2f}"
        axes.hist(values, bins=edges.tolist(), label=label, color=colour, alpha=0.75)
    if known:
        axes.legend(frameon=False, fontsize="small")
    axes.set_xlabel("seconds on the server")
    axes.set_ylabel("jobs")
    axes.spines[["top", "right"]].set_visible(False)
