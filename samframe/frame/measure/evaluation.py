"""What became of a measurement: COCO's numbers, tables by label and image, pairs, intervals, pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.frame.measure.parts import Measured, cells_of, floats_of, mean_curve, one_label, share_of, taken
from samframe.ground.html import NOT_MATHS, html_text
from samframe.labels.measure import (
    COCO_NAMES,
    EXTRA,
    HIT,
    KINDS,
    MISSED,
    RECALLS,
    THRESHOLDS,
    WRONG_LABEL,
    curves_of,
    draw_interval,
    ratio_interval,
    summarise,
)
from samframe.plotting import plot_evaluation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["Evaluation"]

_NOTHING = "(nothing)"
_SHARES = ("mean_iou", "mean_dice", "precision", "recall", "f1")
_DRAWS = 1000
_FEW_DRAWS = 200


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Evaluation:
    """Predicted masks measured against true ones.

    The twelve numbers of COCO are attributes: ``ap, ap50, ap75, ap_small, ap_medium, ap_large, ar1, ar10, ar100,
    ar_small, ar_medium, ar_large``; -1.0 where there is no true object to measure by, as pycocotools has it, and NaN
    where there are no scores.

    Attributes
    ----------
    numbers : mapping of str to float
        The twelve by name; empty without scores.
    notes : tuple of str
        What the reader should know.
    """

    numbers: Mapping[str, float]
    notes: tuple[str, ...] = ()
    _measured: Measured = field(repr=False)

    def __getattr__(self, name: str) -> float:
        if name in COCO_NAMES:
            return self.numbers.get(name, float("nan"))
        raise AttributeError(f"An Evaluation has no attribute {name!r}.")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *COCO_NAMES})

    # -- numbers without scores ----------------------------------------------------------------------------------------

    @property
    def mean_iou(self) -> float:
        """Mean IoU of true objects with their predictions, 0 for those without; NaN where there are none."""
        return share_of(self._by_image["iou"].sum(), self._by_image["truth"].sum())

    @property
    def mean_dice(self) -> float:
        """The same of Dice, twice the intersection over the sum of the areas."""
        return share_of(self._by_image["dice"].sum(), self._by_image["truth"].sum())

    @property
    def boundary_iou(self) -> float:
        """Mean boundary IoU of the pairs that are hits (Cheng et al., CVPR 2021); NaN where there are none."""
        values = self.matched.loc[self.matched["kind"] == KINDS[HIT], "boundary_iou"]
        return float(values.mean()) if len(values) else float("nan")

    @property
    def precision(self) -> float:
        """Share of predictions that are hits; NaN where there are none."""
        return share_of(self._by_image["hits"].sum(), self._by_image["predictions"].sum())

    @property
    def recall(self) -> float:
        """Share of true objects that are hit; NaN where there are none."""
        return share_of(self._by_image["hits"].sum(), self._by_image["truth"].sum())

    @property
    def f1(self) -> float:
        """Twice the hits over predictions and true objects together; NaN where there are none."""
        table = self._by_image
        return share_of(2 * table["hits"].sum(), table["truth"].sum() + table["predictions"].sum())

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """Hits, precision, recall and F1 by the IoU from which on a pair is a hit, .5 to .95."""
        measured = self._measured
        n_truth = int((~measured.truth.crowd).sum())
        n_predictions = int(self._by_image["predictions"].sum())
        paired = measured.pairing.partner >= 0
        hits = np.array([int((paired & (measured.pairing.iou >= least)).sum()) for least in THRESHOLDS])
        return pd.DataFrame(
            {
                "hits": hits,
                "precision": hits / n_predictions if n_predictions else np.nan,
                "recall": hits / n_truth if n_truth else np.nan,
                "f1": 2 * hits / (n_truth + n_predictions) if n_truth + n_predictions else np.nan,
            },
            index=pd.Index(THRESHOLDS.round(2), name="iou"),
        )

    # -- tables --------------------------------------------------------------------------------------------------------

    @cached_property
    def matched(self) -> pd.DataFrame:
        """A row a pair, and a row each prediction and true object without one.

        ``image``, ``row`` and ``truth_row`` (labels of the frames' indices, NA where there is none), ``label`` and
        ``truth_label``, ``score``, ``iou`` (of what has no pair: with whatever it overlaps most), ``boundary_iou``
        (of pairs), ``kind``: hit, missed, extra, wrong label, or ignored (in a crowd).
        """
        measured, pairing = self._measured, self._measured.pairing
        own, theirs = measured.predictions, measured.truth
        image = np.where(
            pairing.prediction >= 0,
            taken(own.image, pairing.prediction),
            taken(theirs.image, pairing.truth),
        )
        order = np.lexsort((pairing.truth, pairing.prediction, image))
        prediction, truth = pairing.prediction[order], pairing.truth[order]
        return pd.DataFrame(
            {
                "image": cells_of([measured.cells[at] for at in image[order].tolist()]),
                "row": cells_of(
                    [measured.rows[own.row[at]] if at >= 0 else pd.NA for at in prediction.tolist()]
                ),
                "truth_row": cells_of(
                    [measured.truth_rows[theirs.row[at]] if at >= 0 else pd.NA for at in truth.tolist()]
                ),
                "label": self._label_column(own.label, prediction),
                "truth_label": self._label_column(theirs.label, truth),
                "score": floats_of(own.score, prediction, known=measured.curves is not None),
                "iou": pairing.overlap[order],
                "boundary_iou": self._boundaries(prediction, truth),
                "kind": pd.Categorical.from_codes(pairing.kind[order], categories=list(KINDS)),
            }
        )

    def _label_column(self, labels: NDArray[np.int64], at: NDArray[np.int64]) -> Any:
        names = self._measured.names
        return pd.array([names[labels[one]] if one >= 0 else None for one in at.tolist()], dtype="string")

    def _boundaries(self, prediction: NDArray[np.int64], truth: NDArray[np.int64]) -> Any:
        """Return boundary IoUs of pairs, NA of what has none."""
        own, theirs = self._measured.predictions.masks, self._measured.truth.masks
        values = [
            own[a].boundary_iou(theirs[b]) if a >= 0 and b >= 0 else None
            for a, b in zip(prediction.tolist(), truth.tolist(), strict=True)
        ]
        return pd.array(values, dtype="Float64")

    @cached_property
    def _by_image(self) -> dict[str, NDArray[np.float64]]:
        """Sums over the objects of each image."""
        measured, pairing = self._measured, self._measured.pairing
        own, theirs, n = measured.predictions, measured.truth, len(measured.cells)
        counted = ~theirs.crowd
        paired = np.flatnonzero(pairing.partner >= 0)
        sums = {
            "truth": np.bincount(theirs.image[counted], minlength=n),
            "iou": np.bincount(own.image[paired], weights=pairing.iou[paired], minlength=n),
            "dice": np.bincount(own.image[paired], weights=pairing.dice[paired], minlength=n),
        }
        for name, kind in (("hits", HIT), ("extra", EXTRA), ("wrong_label", WRONG_LABEL)):
            sums[name] = np.bincount(own.image[pairing.prediction[pairing.kind == kind]], minlength=n)
        sums["missed"] = np.bincount(theirs.image[pairing.truth[pairing.kind == MISSED]], minlength=n)
        sums["predictions"] = sums["hits"] + sums["extra"] + sums["wrong_label"]
        return {name: values.astype(np.float64) for name, values in sums.items()}

    @cached_property
    def per_image(self) -> pd.DataFrame:
        """A row an image: how many true objects, predictions, hits, missed, extra and wrong labels; its numbers."""
        sums = self._by_image
        counts = ("truth", "predictions", "hits", "missed", "extra", "wrong_label")
        with np.errstate(divide="ignore", invalid="ignore"):
            return pd.DataFrame(
                {
                    "image": cells_of(self._measured.cells),
                    **{name: sums[name].astype(np.int64) for name in counts},
                    "mean_iou": sums["iou"] / sums["truth"],
                    "precision": sums["hits"] / sums["predictions"],
                    "recall": sums["hits"] / sums["truth"],
                }
            )

    @cached_property
    def per_class(self) -> pd.DataFrame:
        """A row a label: true objects, predictions, hits, precision, recall, mean IoU; with scores ``ap`` and more."""
        measured, pairing = self._measured, self._measured.pairing
        own, theirs, n = measured.predictions, measured.truth, len(measured.names)
        paired = np.flatnonzero(pairing.partner >= 0)
        truth = np.bincount(theirs.label[~theirs.crowd], minlength=n)
        counted = np.isin(pairing.kind, [HIT, EXTRA, WRONG_LABEL])
        predictions = np.bincount(own.label[pairing.prediction[counted]], minlength=n)
        hits = np.bincount(own.label[pairing.prediction[pairing.kind == HIT]], minlength=n)
        overlap = np.bincount(own.label[paired], weights=pairing.iou[paired], minlength=n)
        with np.errstate(divide="ignore", invalid="ignore"):
            table = pd.DataFrame(
                {
                    "truth": truth,
                    "predictions": predictions,
                    "hits": hits,
                    "precision": hits / predictions,
                    "recall": hits / truth,
                    "mean_iou": overlap / truth,
                },
                index=pd.Index(measured.names, name="label"),
            )
        if measured.curves is not None:
            for at in range(n):
                of_label = summarise(one_label(measured.curves, at))
                for name in ("ap", "ap50", "ap75", "ar100"):
                    table.loc[measured.names[at], name] = of_label[name] if of_label[name] > -1 else np.nan
        return table

    @cached_property
    def confusion(self) -> pd.DataFrame:
        """How often a true object (down) was found as which label (across); "(nothing)" is missed, and extra."""
        measured, pairing = self._measured, self._measured.pairing
        n = len(measured.names)
        seen = np.isin(pairing.kind, [HIT, MISSED, EXTRA, WRONG_LABEL])
        prediction, truth = pairing.prediction[seen], pairing.truth[seen]
        down = np.where(truth >= 0, taken(measured.truth.label, truth), n)
        across = np.where(prediction >= 0, taken(measured.predictions.label, prediction), n)
        table = np.zeros((n + 1, n + 1), dtype=np.int64)
        np.add.at(table, (down, across), 1)
        names = [*measured.names, _NOTHING]
        return pd.DataFrame(
            table, index=pd.Index(names, name="truth"), columns=pd.Index(names, name="prediction")
        )

    # -- how sure it is ------------------------------------------------------------------------------------------------

    def intervals(self, *, level: float = 0.95, n_draws: int = _DRAWS, seed: int = 0) -> pd.DataFrame:
        """Return how far the numbers may be from those of all images that these were drawn from.

        A bootstrap: as many images as there are, drawn again and again with replacement. It knows of the images only
        that were measured: they should be a fair draw.

        Parameters
        ----------
        level : float
            Share of draws that lie in the interval.
        n_draws : int
            How many draws; of COCO's numbers, which take longer, at most 200.
        seed : int
            The same seed gives the same interval.

        Returns
        -------
        DataFrame
            A row a number (``mean_iou, mean_dice, precision, recall, f1``; with scores ``ap, ap50, ap75``): ``value``,
            ``low``, ``high``.
        """
        if not 0 < level < 1 or n_draws < 1:
            raise OptionError(
                f"level is a share between 0 and 1, n_draws 1 or more; not {level!r}, {n_draws!r}."
            )
        names = [*_SHARES, *(("ap", "ap50", "ap75") if self._measured.curves is not None else ())]
        rows = {name: (getattr(self, name), *self._interval(name, level, n_draws, seed)) for name in names}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])

    def _interval(self, name: str, level: float, n_draws: int, seed: int) -> tuple[float, float]:
        sums = self._by_image
        pairs = {
            "mean_iou": (sums["iou"], sums["truth"]),
            "mean_dice": (sums["dice"], sums["truth"]),
            "precision": (sums["hits"], sums["predictions"]),
            "recall": (sums["hits"], sums["truth"]),
            "f1": (2 * sums["hits"], sums["truth"] + sums["predictions"]),
        }
        if name in pairs:
            return ratio_interval(*pairs[name], n_draws=n_draws, seed=seed, level=level)
        return draw_interval(
            self._drawn(name),
            len(self._measured.cells),
            n_draws=min(n_draws, _FEW_DRAWS),
            seed=seed,
            level=level,
        )

    def _drawn(self, name: str) -> Callable[[NDArray[np.float64]], float]:
        measured = self._measured

        def measure(weights: NDArray[np.float64]) -> float:
            if measured.queue is None:
                return -1.0
            own, theirs = measured.predictions, measured.truth
            return summarise(curves_of(own, theirs, measured.queue, len(measured.names), weights))[name]

        return measure

    # -- looking at it -------------------------------------------------------------------------------------------------

    def worst(self, n: int = 12) -> pd.DataFrame:
        """Return the worst of it as a frame to look through: ``evaluation.worst().sam.view()``.

        What was missed, added or got the wrong label comes first, by how little it overlaps; then hits by falling
        error. ``mask`` is the prediction and ``truth`` the true mask, which the gallery shows in two colours.

        Parameters
        ----------
        n : int
            How many rows at most.

        Returns
        -------
        DataFrame
            ``image, prompt`` (the label), ``mask, truth, iou, kind, row, truth_row``; a mask is NA where there is none.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise OptionError(f"n is a number of rows, 1 or more; not {n!r}.")
        measured, pairing = self._measured, self._measured.pairing
        seen = np.flatnonzero(np.isin(pairing.kind, [HIT, MISSED, EXTRA, WRONG_LABEL]))
        order = seen[np.lexsort((pairing.overlap[seen], pairing.kind[seen] == HIT))][:n]
        prediction, truth = pairing.prediction[order], pairing.truth[order]
        own, theirs = measured.predictions, measured.truth
        image = np.where(prediction >= 0, taken(own.image, prediction), taken(theirs.image, truth))
        labels = [
            measured.names[theirs.label[b]] if b >= 0 else measured.names[own.label[a]]
            for a, b in zip(prediction.tolist(), truth.tolist(), strict=True)
        ]
        return pd.DataFrame(
            {
                "image": cells_of([measured.cells[at] for at in image.tolist()]),
                "prompt": pd.array(labels, dtype="string"),
                "mask": own.masks.take(prediction, allow_fill=True),
                "truth": theirs.masks.take(truth, allow_fill=True),
                "iou": pairing.overlap[order],
                "kind": pd.Categorical.from_codes(pairing.kind[order], categories=list(KINDS)),
                "row": cells_of(
                    [measured.rows[own.row[at]] if at >= 0 else pd.NA for at in prediction.tolist()]
                ),
                "truth_row": cells_of(
                    [measured.truth_rows[theirs.row[at]] if at >= 0 else pd.NA for at in truth.tolist()]
                ),
            }
        )

    def plot(self, *, figure: Figure | None = None) -> NDArray[np.object_]:
        """Draw precision over recall, how many objects have which IoU, and what was taken for what.

        Parameters
        ----------
        figure : matplotlib Figure, optional
            Where to draw; None makes one.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, shape (3,)
        """
        measured = self._measured
        ious = np.where(
            measured.pairing.of_truth >= 0, taken(measured.pairing.iou, measured.pairing.of_truth), 0.0
        )
        curve = None
        if measured.curves is not None:
            curve = {f"IoU {THRESHOLDS[at]:.2f}": mean_curve(measured.curves, at) for at in (0, 5)}
        return plot_evaluation(
            ious=ious[~measured.truth.crowd],
            confusion=self.confusion,
            thresholds=self.thresholds,
            curves=curve,
            recalls=RECALLS,
            figure=figure,
        )

    # -- in words ------------------------------------------------------------------------------------------------------

    def _table(self) -> pd.DataFrame:
        values = {name: getattr(self, name) for name in _SHARES}
        values |= {name: value for name, value in self.numbers.items() if value > -1}
        return pd.DataFrame({"value": values})

    def _headline(self) -> str:
        counts = {name: int(values.sum()) for name, values in self._by_image.items()}
        return (
            f"{counts['predictions']:,} predictions against {counts['truth']:,} true objects of "
            f"{len(self._measured.cells):,} images: {counts['hits']:,} hits, {counts['missed']:,} missed, "
            f"{counts['extra']:,} extra, {counts['wrong_label']:,} of the wrong label "
            f"(IoU {self._measured.least_iou:g})"
        )

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} {value:.3f}" for name, value in self._table()["value"].head(8).items())
        return "\n".join([self._headline(), numbers, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        """Return the numbers as a table for notebooks, every text escaped."""
        notes = "".join(f"<div>{html_text(note)}</div>" for note in self.notes)
        table = self._table().T.to_html(float_format=lambda value: f"{value:.3f}", index=False)
        return f'<div class="{NOT_MATHS}"><div>{html_text(self._headline())}</div>{notes}{table}</div>'
