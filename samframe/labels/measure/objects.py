"""What is measured: predicted or true objects as columns, and which of them overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import LabelError
from samframe.masks.columns import measures as columns
from samframe.masks.runs.overlap import boxes_meet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from samframe.masks import MaskArray

__all__ = ["Objects", "Overlaps", "find_overlaps"]

_PAIRS_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """Masks with their images and labels, sorted by image; rows of one image keep their order.

    Attributes
    ----------
    masks : MaskArray, length n
        None missing.
    row : ndarray of int64, shape (n,)
        Position in the frame.
    image, label : ndarray of int64, shape (n,)
        Numbers of the image and of the label; equal in predictions and truth.
    score : ndarray of float64, shape (n,)
        Confidence; of truth, and where there are none, 0.
    area : ndarray of float64, shape (n,)
        In pixels, by which an object is small, medium or large.
    crowd : ndarray of bool, shape (n,)
        Whether a true mask covers a group: what lies in it counts as neither right nor wrong.
    """

    masks: MaskArray
    row: NDArray[np.int64]
    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.float64]
    area: NDArray[np.float64]
    crowd: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlaps:
    """Pairs of a prediction and a true object of one image that share a pixel.

    Attributes
    ----------
    prediction, truth : ndarray of int64, shape (n,)
        Numbers of the objects; sorted by prediction, then truth.
    iou, dice : ndarray of float64, shape (n,)
        For crowds, `iou` is the share of the prediction that lies in the crowd, as in COCO.
    """

    prediction: NDArray[np.int64]
    truth: NDArray[np.int64]
    iou: NDArray[np.float64]
    dice: NDArray[np.float64]


def find_overlaps(predictions: Objects, truth: Objects, n_images: int) -> Overlaps:
    """Return all pairs of a prediction and a true object of one image that share a pixel, a million pairs at a time.

    Raises
    ------
    LabelError
        If masks of one image differ in size.
    """
    found = []
    for all_left, all_right in _pairs(predictions.image, truth.image, n_images):
        a, b = predictions.masks[all_left], truth.masks[all_right]
        _check_sizes(a, b, predictions, all_left)
        meet = boxes_meet(columns.bboxes(a.pool, a.positions), columns.bboxes(b.pool, b.positions))
        _, shared, own, theirs = columns.paired_pixels(a[meet], b[meet])
        left, right, some = all_left[meet], all_right[meet], shared > 0
        whole = np.where(truth.crowd[right], own, own + theirs - shared)[some]
        both = shared[some]
        found.append((left[some], right[some], both / whole, 2 * both / (own + theirs)[some]))
    if not found:
        none = np.empty(0, dtype=np.int64)
        return Overlaps(prediction=none, truth=none, iou=np.empty(0), dice=np.empty(0))
    prediction, true, iou, dice = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Overlaps(prediction=prediction, truth=true, iou=iou, dice=dice)


def _pairs(
    a: NDArray[np.int64], b: NDArray[np.int64], n_images: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the positions of all pairs of one image: `a` and `b` are the images' numbers, sorted."""
    starts = np.searchsorted(b, np.arange(n_images + 1))
    n_partners = np.diff(starts)[a]
    ends = np.zeros(len(a) + 1, dtype=np.int64)
    np.cumsum(n_partners, out=ends[1:])
    first = 0
    while first < len(a):
        last = max(int(np.searchsorted(ends, ends[first] + _PAIRS_AT_ONCE, side="right")) - 1, first + 1)
        n_each = n_partners[first:last]
        left = np.repeat(np.arange(first, last), n_each)
        right = np.arange(len(left)) + np.repeat(
            starts[a[first:last]] - (ends[first:last] - ends[first]), n_each
        )
        yield left, right
        first = last


def _check_sizes(a: MaskArray, b: MaskArray, predictions: Objects, left: NDArray[np.int64]) -> None:
    own, theirs = a.pool.sizes_hw()[a.positions], b.pool.sizes_hw()[b.positions]
    wrong = np.flatnonzero((own != theirs).any(axis=1))
    if len(wrong):
        at = wrong[0]
        raise LabelError(
            f"Masks of one image have one size: the prediction in row {predictions.row[left[at]]} has "
            f"{tuple(own[at].tolist())}, the truth of its image {tuple(theirs[at].tolist())} (height, width). "
            "Bring them to one size with .sam.resize."
        )
