"""Precision over recall, and COCO's twelve numbers, from what was matched; the rules are ``COCOeval.accumulate``'s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.labels.measure.matching import MOST_DETECTIONS, Queue, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.labels.measure.objects import Objects

__all__ = ["AREAS", "COCO_NAMES", "RECALLS", "THRESHOLDS", "Curves", "curves_of", "summarise"]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
#: Pixels from, to; both ends belong to the range.
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
COCO_NAMES = (
    "ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large",
    "ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large",
)  # fmt: skip
_FEW, _SOME = 1, 10
_AT_75 = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Precision and recall by label.

    Attributes
    ----------
    precision : ndarray of float64, shape (10 thresholds, 101 recalls, n_labels, 4 areas)
        Of at most 100 predictions an image; -1 where a label has no true object of the area.
    recall : ndarray of float64, shape (10, n_labels, 4)
        The highest reached; -1 likewise.
    recall_of_few : ndarray of float64, shape (10, n_labels, 2)
        Of at most 1 and 10 predictions an image and label, all areas.
    matched : ndarray of int32, shape (10, n_predictions)
        The object that each prediction took, all areas; -1 where none.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    recall_of_few: NDArray[np.float64]
    matched: NDArray[np.int32]


def curves_of(
    predictions: Objects,
    truth: Objects,
    queue: Queue,
    n_labels: int,
    weights: NDArray[np.float64] | None = None,
) -> Curves:
    """Return precision and recall.

    Parameters
    ----------
    predictions, truth : Objects
    queue : Queue
        The turns in which predictions choose.
    n_labels : int
    weights : ndarray of float64, shape (n_images,), optional
        How often each image counts, for a bootstrap.
    """
    precision = np.full((len(THRESHOLDS), len(RECALLS), n_labels, len(AREAS)), -1.0)
    recall = np.full((len(THRESHOLDS), n_labels, len(AREAS)), -1.0)
    of_few = np.full((len(THRESHOLDS), n_labels, 2), -1.0)
    order, bounds = _by_label_and_score(predictions, queue.rank, n_labels)
    everyone = np.empty((len(THRESHOLDS), 0), dtype=np.int32)
    for at, (least, most) in enumerate(AREAS.values()):
        ignored = truth.crowd | (truth.area < least) | (truth.area > most)
        matched = match(queue, THRESHOLDS, ignored=ignored, crowd=truth.crowd)
        if at == 0:
            everyone = matched
        ordered = matched[:, order]
        hit = ordered >= 0
        outside = (predictions.area[order] < least) | (predictions.area[order] > most)
        left_out = np.where(hit, np.append(ignored, False)[ordered], outside)
        counted = ~ignored if weights is None else np.where(ignored, 0.0, weights[truth.image])
        n_true = np.bincount(truth.label, weights=counted, minlength=n_labels)
        share = None if weights is None else weights[predictions.image[order]]
        right, wrong = _weighted(hit & ~left_out, share), _weighted(~hit & ~left_out, share)
        for label in np.flatnonzero(n_true > 0).tolist():
            some = slice(bounds[label], bounds[label + 1])
            curve, reached = _curve(right[:, some], wrong[:, some], n_true[label])
            precision[:, :, label, at], recall[:, label, at] = curve, reached
            if at == 0:
                rank = queue.rank[order[some]]
                for which, most_ranks in enumerate((_FEW, _SOME)):
                    of_few[:, label, which] = right[:, some][:, rank < most_ranks].sum(axis=1) / n_true[label]
    return Curves(precision=precision, recall=recall, recall_of_few=of_few, matched=everyone)


def _by_label_and_score(
    predictions: Objects, rank: NDArray[np.int64], n_labels: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return predictions by label and falling score - of equals the earlier image, then rank - and labels' bounds."""
    some = np.flatnonzero(rank < MOST_DETECTIONS)
    order = some[
        np.lexsort((rank[some], predictions.image[some], -predictions.score[some], predictions.label[some]))
    ]
    return order, np.searchsorted(predictions.label[order], np.arange(n_labels + 1))


def _weighted(
    flags: NDArray[np.bool_], share: NDArray[np.float64] | None
) -> NDArray[np.float64] | NDArray[np.bool_]:
    return flags if share is None else flags * share


def _curve(
    right: NDArray[np.float64] | NDArray[np.bool_],
    wrong: NDArray[np.float64] | NDArray[np.bool_],
    n_true: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the precision at each of 101 recalls, and the recall reached, by threshold."""
    curve = np.zeros((len(THRESHOLDS), len(RECALLS)))
    if not right.shape[1]:
        return curve, np.zeros(len(THRESHOLDS))
    hits = np.cumsum(right, axis=1, dtype=np.float64)
    recall = hits / n_true
    # numpy's spacing keeps 0 / 0 from being asked for, as in COCOeval.
    precision = hits / (np.cumsum(wrong, axis=1, dtype=np.float64) + hits + np.spacing(1))
    best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    for at in range(len(THRESHOLDS)):
        places = np.searchsorted(recall[at], RECALLS, side="left")
        reached = places < recall.shape[1]
        curve[at, reached] = best_from_here[at, places[reached]]
    return curve, recall[:, -1]


def summarise(curves: Curves) -> dict[str, float]:
    """Return COCO's twelve numbers by name, -1.0 where nothing could be measured."""
    areas = list(AREAS)
    numbers = [
        _mean(curves.precision[:, :, :, 0]),
        _mean(curves.precision[0, :, :, 0]),
        _mean(curves.precision[_AT_75, :, :, 0]),
        *(_mean(curves.precision[:, :, :, areas.index(area)]) for area in ("small", "medium", "large")),
        _mean(curves.recall_of_few[:, :, 0]),
        _mean(curves.recall_of_few[:, :, 1]),
        *(_mean(curves.recall[:, :, areas.index(area)]) for area in areas),
    ]
    return dict(zip(COCO_NAMES, numbers, strict=True))


def _mean(values: NDArray[np.float64]) -> float:
    measured = values[values > -1]
    return float(measured.mean()) if measured.size else -1.0
