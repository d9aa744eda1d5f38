"""COCO's matching: predictions by falling score take the true object that they overlap most; all images at once.

The rules are those of pycocotools' ``COCOeval.evaluateImg``. A prediction takes, of the objects of its image and label
that are free or a crowd and that it overlaps enough, the one of highest IoU (the later one of two alike), and one
that is ignored only where no other is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.labels.measure.objects import Objects, Overlaps

__all__ = ["MOST_DETECTIONS", "Queue", "match", "queue_of"]

#: COCO looks at so many predictions of an image and label.
MOST_DETECTIONS = 100
#: An overlap of 1 is enough for a threshold of 1, whatever rounding did.
_NEARLY_ONE = 1 - 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """In which turn predictions choose, and among which objects.

    Attributes
    ----------
    rank : ndarray of int64, shape (n_predictions,)
        Place among the predictions of its image and label by falling score, from 0.
    prediction, truth : ndarray of int64, shape (n_pairs,)
        Pairs of one label with an IoU of the least threshold or more, by rank, prediction, and the objects' order.
    iou : ndarray of float64, shape (n_pairs,)
    turns : ndarray of int64, shape (n_turns + 1,)
        Turn i owns the pairs ``turns[i]`` to ``turns[i + 1]``.
    """

    rank: NDArray[np.int64]
    prediction: NDArray[np.int64]
    truth: NDArray[np.int64]
    iou: NDArray[np.float64]
    turns: NDArray[np.int64]


def queue_of(predictions: Objects, truth: Objects, overlaps: Overlaps, *, least_iou: float) -> Queue:
    """Return the turns of predictions."""
    rank = _ranks(predictions)
    of_label = predictions.label[overlaps.prediction] == truth.label[overlaps.truth]
    keep = (
        of_label
        & (overlaps.iou >= min(least_iou, _NEARLY_ONE))
        & (rank[overlaps.prediction] < MOST_DETECTIONS)
    )
    prediction, true, iou = overlaps.prediction[keep], overlaps.truth[keep], overlaps.iou[keep]
    order = np.lexsort((true, prediction, rank[prediction]))
    ranks = rank[prediction[order]]
    turns = np.append(np.flatnonzero(np.diff(ranks, prepend=-1)), len(ranks))
    return Queue(rank=rank, prediction=prediction[order], truth=true[order], iou=iou[order], turns=turns)


def _ranks(predictions: Objects) -> NDArray[np.int64]:
    """Return each prediction's place among those of its image and label; of equal scores the earlier row is first."""
    n = len(predictions)
    order = np.lexsort((np.arange(n), -predictions.score, predictions.label, predictions.image))
    image, label = predictions.image[order], predictions.label[order]
    new = np.ones(n, dtype=bool)
    new[1:] = (image[1:] != image[:-1]) | (label[1:] != label[:-1])
    heads = np.maximum.accumulate(np.where(new, np.arange(n), 0))
    ranks = np.empty(n, dtype=np.int64)
    ranks[order] = np.arange(n) - heads
    return ranks


def match(
    queue: Queue, thresholds: NDArray[np.float64], *, ignored: NDArray[np.bool_], crowd: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Return which true object each prediction takes, -1 where none.

    Parameters
    ----------
    queue : Queue
        The turns.
    thresholds : ndarray of float64, shape (T,)
        Least IoU.
    ignored, crowd : ndarray of bool, shape (n_truth,)
        Objects that count neither way; those that may be taken more than once.

    Returns
    -------
    ndarray of int32, shape (T, n_predictions)
    """
    enough = np.minimum(thresholds, _NEARLY_ONE)[:, None]
    taken = np.zeros((len(thresholds), len(ignored)), dtype=bool)
    matched = np.full((len(thresholds), len(queue.rank)), -1, dtype=np.int32)
    for start, stop in zip(queue.turns[:-1].tolist(), queue.turns[1:].tolist(), strict=True):
        prediction, truth, iou = queue.prediction[start:stop], queue.truth[start:stop], queue.iou[start:stop]
        heads = np.flatnonzero(np.diff(prediction, prepend=-1))
        segment = np.repeat(np.arange(len(heads)), np.diff(heads, append=len(prediction)))
        free = (iou >= enough) & (~taken[:, truth] | crowd[truth])
        second = ignored[truth]
        winner = _last_best(np.where(free & ~second, iou, -1.0), heads, segment)
        if second.any():
            other = _last_best(np.where(free & second, iou, -1.0), heads, segment)
            winner = np.where(winner < 0, other, winner)
        at, which = np.nonzero(winner >= 0)
        chosen = truth[winner[at, which]]
        taken[at, chosen] = True
        matched[at, prediction[heads[which]]] = chosen
    return matched


def _last_best(
    values: NDArray[np.float64], heads: NDArray[np.int64], segment: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return, of each segment, the position of its greatest value (the last of equals), -1 where all are negative."""
    best = np.maximum.reduceat(values, heads, axis=1)
    is_best = (values == best[:, segment]) & (values >= 0)
    found: NDArray[np.int64] = np.maximum.reduceat(
        np.where(is_best, np.arange(values.shape[1]), -1), heads, axis=1
    )
    return found
