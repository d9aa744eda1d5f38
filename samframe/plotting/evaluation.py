"""A measurement in one figure: precision over recall, the IoU of true objects, and what was taken for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samframe.ground.figure import new_figure
from samframe.plotting.palette import ACCENTS, line_colour

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["plot_evaluation"]

_PANEL_INCHES = (3.9, 3.4)
_BINS = 20
_MOST_LABELS = 12
_LABEL_LETTERS = 14
_HALF = 0.5


def plot_evaluation(
    *,
    ious: NDArray[np.float64],
    confusion: pd.DataFrame,
    thresholds: pd.DataFrame,
    curves: Mapping[str, NDArray[np.float64]] | None,
    recalls: NDArray[np.float64],
    figure: Figure | None = None,
) -> NDArray[np.object_]:
    """Draw what :meth:`samframe.Evaluation.plot` shows.

    Parameters
    ----------
    ious : ndarray of float64, shape (n_truth,)
        IoU of each true object with its prediction, 0 where it has none.
    confusion : DataFrame
        True labels down, predicted ones across, counts.
    thresholds : DataFrame
        ``precision`` and ``recall`` by IoU; drawn where there are no curves.
    curves : mapping of str to ndarray, or None
        Precision at each of `recalls`, by what it is called.
    recalls : ndarray of float64
    figure : matplotlib Figure, optional

    Returns
    -------
    ndarray of matplotlib.axes.Axes, shape (3,)
    """
    if figure is None:
        figure = new_figure((3 * _PANEL_INCHES[0], _PANEL_INCHES[1]))
    axes: NDArray[np.object_] = np.atleast_1d(np.asarray(figure.subplots(1, 3), dtype=object))
    if curves is not None:
        _draw_curves(axes[0], curves, recalls)
    else:
        _draw_thresholds(axes[0], thresholds)
    _draw_ious(axes[1], ious)
    _draw_confusion(axes[2], confusion)
    for one in axes[:2]:
        one.spines[["top", "right"]].set_visible(False)
    return axes


def _draw_curves(axes: Axes, curves: Mapping[str, NDArray[np.float64]], recalls: NDArray[np.float64]) -> None:
    for colour, (name, values) in zip((line_colour(axes), ACCENTS[2]), curves.items(), strict=False):
        axes.plot(recalls, values, color=colour, label=name)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title="precision over recall")
    axes.legend(frameon=False, fontsize="small")


def _draw_thresholds(axes: Axes, thresholds: pd.DataFrame) -> None:
    for colour, name in ((line_colour(axes), "precision"), (ACCENTS[2], "recall")):
        axes.plot(thresholds.index, thresholds[name], color=colour, label=name)
    axes.set(xlabel="IoU of a hit", ylim=(0, 1.02), title="precision and recall")
    axes.legend(frameon=False, fontsize="small")


def _draw_ious(axes: Axes, ious: NDArray[np.float64]) -> None:
    axes.hist(ious, bins=_BINS, range=(0, 1), color=line_colour(axes))
    mean = f", mean {ious.mean():.2f}" if len(ious) else ""
    axes.set(xlabel="IoU (0: missed)", ylabel="true objects", xlim=(0, 1), title=f"overlap{mean}")


def _draw_confusion(axes: Axes, confusion: pd.DataFrame) -> None:
    kept = _largest(confusion)
    values = kept.to_numpy(dtype=np.float64)
    share = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    names = [_short(str(name)) for name in kept.columns]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize="small")
    axes.set_yticks(range(len(kept.index)), [_short(str(name)) for name in kept.index], fontsize="small")
    for (down, across), value in np.ndenumerate(values):
        if value:
            colour = "white" if share[down, across] > _HALF else "black"
            axes.text(
                across, down, f"{int(value):,}", ha="center", va="center", color=colour, fontsize="small"
            )
    axes.set(xlabel="prediction", ylabel="truth", title="what was taken for what")


def _largest(confusion: pd.DataFrame) -> pd.DataFrame:
    """Return the table of the most frequent labels, and the last one, which is nothing."""
    labels = list(confusion.index[:-1])
    if len(labels) <= _MOST_LABELS:
        return confusion
    counts = confusion.sum(axis=1).iloc[:-1] + confusion.sum(axis=0).iloc[:-1]
    kept = set(counts.nlargest(_MOST_LABELS).index)
    chosen = [label for label in labels if label in kept] + [confusion.index[-1]]
    return confusion.loc[chosen, chosen]


def _short(text: str) -> str:
    clean = text.replace("$", r"\$")
    return clean if len(clean) <= _LABEL_LETTERS else f"{clean[: _LABEL_LETTERS - 1]}…"
