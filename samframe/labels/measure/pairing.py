"""One prediction for one true object, by greatest overlap: what was hit, missed, added, or given the wrong label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.labels.measure.objects import Objects, Overlaps

__all__ = ["EXTRA", "HIT", "IGNORED", "KINDS", "MISSED", "WRONG_LABEL", "Pairing", "pair_objects"]

KINDS = ("hit", "missed", "extra", "wrong label", "ignored")
HIT, MISSED, EXTRA, WRONG_LABEL, IGNORED = range(len(KINDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """What became of each prediction and each true object.

    Attributes
    ----------
    partner : ndarray of int64, shape (n_predictions,)
        The true object of the same label that a prediction overlaps, one to one, whatever the overlap; -1 where none.
    iou, dice : ndarray of float64, shape (n_predictions,)
        With the partner; 0 where there is none.
    of_truth : ndarray of int64, shape (n_truth,)
        The same from the other side.
    prediction, truth, kind : ndarray of int64, shape (n_rows,)
        A row a pair, or a prediction or true object without one (-1 for the other); an index into :data:`KINDS`.
    overlap : ndarray of float64, shape (n_rows,)
        IoU of the pair; of what has none, with whatever it overlaps most in its image.
    """

    partner: NDArray[np.int64]
    iou: NDArray[np.float64]
    dice: NDArray[np.float64]
    of_truth: NDArray[np.int64]
    prediction: NDArray[np.int64]
    truth: NDArray[np.int64]
    kind: NDArray[np.int64]
    overlap: NDArray[np.float64]


def pair_objects(predictions: Objects, truth: Objects, overlaps: Overlaps, *, least_iou: float) -> Pairing:
    """Pair predictions with true objects.

    Pairs are made by falling IoU, within a label. Crowds take part in none: what lies in one by `least_iou` of itself,
    and hit nothing, is ignored. What is left over is paired across labels from `least_iou` on.

    Parameters
    ----------
    predictions, truth : Objects
    overlaps : Overlaps
        All pairs that share a pixel.
    least_iou : float
        From here on a pair is a hit.
    """
    crowd = truth.crowd[overlaps.truth]
    alike = predictions.label[overlaps.prediction] == truth.label[overlaps.truth]
    partner, of_truth, iou, dice = _greedy(predictions, truth, overlaps, np.flatnonzero(alike & ~crowd))
    hit = (partner >= 0) & (iou >= least_iou)
    free = ~hit
    open_truth = ~truth.crowd.copy()
    open_truth[partner[hit]] = False
    ignored = np.zeros(len(predictions), dtype=bool)
    ignored[overlaps.prediction[crowd & alike & (overlaps.iou >= least_iou)]] = True
    ignored &= free
    left = ~crowd & ~alike & (overlaps.iou >= least_iou)
    left &= (free & ~ignored)[overlaps.prediction] & open_truth[overlaps.truth]
    wrong, _, wrong_iou, _ = _greedy(predictions, truth, overlaps, np.flatnonzero(left))
    open_truth[wrong[wrong >= 0]] = False
    best_prediction, best_truth = _best(len(predictions), len(truth), overlaps, ~crowd)
    groups = [
        (np.flatnonzero(hit), partner[hit], HIT, iou[hit]),
        (np.full(int(open_truth.sum()), -1), np.flatnonzero(open_truth), MISSED, best_truth[open_truth]),
        (wrong_rows := np.flatnonzero(wrong >= 0), wrong[wrong_rows], WRONG_LABEL, wrong_iou[wrong_rows]),
        _alone(np.flatnonzero(ignored), IGNORED, best_prediction),
        _alone(np.flatnonzero(free & ~ignored & (wrong < 0)), EXTRA, best_prediction),
    ]
    prediction, true, overlap = (np.concatenate([group[at] for group in groups]) for at in (0, 1, 3))
    kind = np.repeat([group[2] for group in groups], [len(group[0]) for group in groups])
    return Pairing(
        partner=partner,
        iou=iou,
        dice=dice,
        of_truth=of_truth,
        prediction=prediction,
        truth=true,
        kind=kind,
        overlap=overlap,
    )


def _alone(
    rows: NDArray[np.int64], kind: int, best: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int, NDArray[np.float64]]:
    return rows, np.full(len(rows), -1), kind, best[rows]


def _greedy(
    predictions: Objects, truth: Objects, overlaps: Overlaps, some: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Pair by falling IoU; of equals the earlier rows."""
    partner = np.full(len(predictions), -1, dtype=np.int64)
    of_truth = np.full(len(truth), -1, dtype=np.int64)
    iou, dice = np.zeros(len(predictions)), np.zeros(len(predictions))
    while len(some):
        # A pair that is the best of both its sides is made; all such pairs at once, then again among what is left.
        order = some[np.lexsort((overlaps.truth[some], overlaps.prediction[some], -overlaps.iou[some]))]
        first_of_prediction = _firsts(overlaps.prediction[order], len(predictions))
        first_of_truth = _firsts(overlaps.truth[order], len(truth))
        made = order[first_of_prediction & first_of_truth]
        left, right = overlaps.prediction[made], overlaps.truth[made]
        partner[left], of_truth[right] = right, left
        iou[left], dice[left] = overlaps.iou[made], overlaps.dice[made]
        some = some[(partner[overlaps.prediction[some]] < 0) & (of_truth[overlaps.truth[some]] < 0)]
    return partner, of_truth, iou, dice


def _firsts(values: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """Say where a value stands for the first time."""
    place = np.full(size, len(values), dtype=np.int64)
    np.minimum.at(place, values, np.arange(len(values)))
    first: NDArray[np.bool_] = place[values] == np.arange(len(values))
    return first


def _best(
    n_predictions: int, n_truth: int, overlaps: Overlaps, some: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the greatest IoU of each prediction and of each true object with anything."""
    of_prediction, of_truth = np.zeros(n_predictions), np.zeros(n_truth)
    np.maximum.at(of_prediction, overlaps.prediction[some], overlaps.iou[some])
    np.maximum.at(of_truth, overlaps.truth[some], overlaps.iou[some])
    return of_prediction, of_truth
