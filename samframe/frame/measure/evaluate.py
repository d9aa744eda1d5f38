"""``df.sam.evaluate``: a frame of predicted masks measured against a frame of true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import MaskError, OptionError
from samframe.frame.measure.evaluation import Evaluation
from samframe.frame.measure.images import Shared, share_images
from samframe.frame.measure.parts import Measured
from samframe.ground.cells import is_missing
from samframe.ground.frame import has_column, only_column
from samframe.labels.measure import (
    THRESHOLDS,
    Objects,
    curves_of,
    find_overlaps,
    pair_objects,
    queue_of,
    summarise,
)
from samframe.masks import MaskArray
from samframe.masks.columns import measures as columns

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

__all__ = ["evaluate", "mask_column"]

_LABELS = ("label", "prompt")
_ONE = "object"
_SCORE = "score"


def evaluate(
    df: pd.DataFrame,
    truth: pd.DataFrame,
    *,
    label_col: Hashable | None = "auto",
    score_col: Hashable | None = "score",
    by: Hashable | list[Hashable] | None = "image",
    mask_col: Hashable = "mask",
    truth_label_col: Hashable | None = "auto",
    truth_mask_col: Hashable = "mask",
    area_col: Hashable | None = "area",
    crowd_col: Hashable | None = "iscrowd",
    iou: float = 0.5,
) -> Evaluation:
    """Measure predicted masks against true ones.

    With scores, the twelve numbers are those of pycocotools' ``COCOeval("segm")``, crowds, ignored areas and ties
    included. With or without, predictions are paired with true objects one to one, by greatest overlap within a label:
    mean IoU, Dice and boundary IoU, precision and recall come of that.

    Parameters
    ----------
    df : pandas.DataFrame
        Predictions, a row an object. Rows whose mask is NA are none; without scores, neither are empty masks.
    truth : pandas.DataFrame
        True masks, such as :func:`samframe.read_coco` gives. Only its images are measured. A row without a label, or
        with an empty mask and no ``annotation_id``, says that there is nothing to find in its image.
    label_col, truth_label_col : column name, optional
        Labels; "auto" is the first there is of ``label`` and ``prompt``, in the truth the same name as in `df`, if it
        is there. None: all objects are of one label.
    score_col : column name, optional
        Confidence, the higher the surer; where there is no column ``score`` there are none. Rows without one are left
        out.
    by : column name, list of them, or None
        Which rows are of one image. Paths are compared as text, then as files, then by name. None: the index.
    mask_col, truth_mask_col : column name
        Columns of masks.
    area_col : column name, optional
        Pixels of true objects, by which they are small (to 32**2), medium (to 96**2) or large: COCO files have areas of
        their own. Where it is missing or NA, the mask's.
    crowd_col : column name, optional
        Truth: whether a mask covers a group; what lies in it counts neither way.
    iou : float
        Overlap from which on a pair is a hit.

    Returns
    -------
    Evaluation

    Raises
    ------
    OptionError
        If a column is missing or holds no masks, no image is in both frames, no label is, or `iou` is none.
    LabelError
        If masks of one image differ in size.

    Examples
    --------
    >>> import numpy as np, pandas as pd, samframe
    >>> square = samframe.Mask.from_numpy(np.pad(np.ones((4, 4)), 2))
    >>> truth = pd.DataFrame({"image": ["a.png"], "mask": pd.array([square], dtype="mask")})
    >>> found = truth.assign(mask=truth["mask"].map(lambda mask: mask.translate(1, 0)).astype("mask"))
    >>> result = samframe.evaluate(found, truth)
    >>> result.mean_iou, result.recall
    (0.6, 1.0)
    """
    if isinstance(iou, bool) or not isinstance(iou, int | float) or not 0 < iou <= 1:
        raise OptionError(f"iou is a number above 0, at most 1; not {iou!r}.")
    shared = share_images(df, truth, by)
    own_labels, true_labels = _labels(df, truth, label_col, truth_label_col)
    names = _names(own_labels, true_labels)
    if score_col is not None and score_col != _SCORE:
        only_column(df, score_col)
    has_scores = score_col is not None and has_column(df, score_col)
    true = _truth(truth, shared.truth, true_labels, names, truth_mask_col, area_col, crowd_col)
    scores = _floats(only_column(df, score_col), np.nan) if has_scores and score_col is not None else None
    predicted = _predictions(df, shared.predictions, own_labels, names, mask_col, scores)
    overlaps = find_overlaps(predicted, true, len(shared))
    pairing = pair_objects(predicted, true, overlaps, least_iou=float(iou))
    curves = queue = None
    if has_scores:
        queue = queue_of(predicted, true, overlaps, least_iou=float(THRESHOLDS[0]))
        curves = curves_of(predicted, true, queue, len(names))
    return Evaluation(
        numbers=summarise(curves) if curves is not None else {},
        _measured=Measured(
            predictions=predicted,
            truth=true,
            pairing=pairing,
            queue=queue,
            curves=curves,
            names=list(names),
            cells=shared.cells,
            rows=df.index,
            truth_rows=truth.index,
            least_iou=float(iou),
        ),
        notes=tuple(_notes(shared, predicted, has_scores=has_scores)),
    )


def _notes(shared: Shared, predicted: Objects, *, has_scores: bool) -> list[str]:
    notes = []
    if shared.n_elsewhere:
        notes.append(
            f"{shared.n_elsewhere:,} predictions are of images that the truth does not have: left out"
        )
    if not has_scores:
        notes.append("no scores: average precision is not measured")
    if not len(predicted):
        notes.append("there is no prediction of these images")
    return notes


def _labels(
    df: pd.DataFrame, truth: pd.DataFrame, label_col: Any, truth_label_col: Any
) -> tuple[list[Any], list[Any]]:
    """Return the labels of both frames, None where a row has none."""
    if label_col is None:
        return [_ONE] * len(df), [_ONE] * len(truth)
    own = _first(df, _LABELS) if label_col == "auto" else label_col
    theirs = truth_label_col
    if truth_label_col == "auto":
        theirs = own if own is not None and has_column(truth, own) else _first(truth, _LABELS)
    if label_col == "auto" and (own is None or theirs is None):
        return [_ONE] * len(df), [_ONE] * len(truth)
    if theirs is None:
        raise OptionError(
            "The truth has no column of labels: name it with truth_label_col, or label_col=None."
        )
    return tuple(  # type: ignore[return-value]  # two of them
        [None if is_missing(cell) else str(cell) for cell in only_column(frame, name).tolist()]
        for frame, name in ((df, own), (truth, theirs))
    )


def _first(frame: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if has_column(frame, name)), None)


def _names(own: list[Any], true: list[Any]) -> dict[str, int]:
    """Return the labels of the truth, then those of predictions alone, by number."""
    known = dict.fromkeys(label for label in true if label is not None)
    others = dict.fromkeys(label for label in own if label is not None)
    if known and others and not set(known) & set(others):
        raise OptionError(
            f"No label is in both frames. Predictions: {_some(others)}; truth: {_some(known)}. "
            "Bring them to the same names, or pass label_col=None to measure masks alone."
        )
    return {label: at for at, label in enumerate([*known, *(name for name in others if name not in known)])}


def _some(labels: dict[Any, None]) -> str:
    return ", ".join(repr(label)[:40] for label in list(labels)[:3])


def mask_column(frame: pd.DataFrame, name: Hashable) -> MaskArray:
    """Return a column of masks, of any form that ``astype("mask")`` takes.

    Raises
    ------
    OptionError
        If there is no such column, or it holds no masks.
    """
    column = only_column(frame, name)
    try:
        array = column.array if isinstance(column.array, MaskArray) else column.astype("mask").array
    except (MaskError, TypeError, ValueError) as error:
        raise OptionError(f"The column {name!r} holds no masks: {error}") from error
    found: MaskArray = array
    return found


def _floats(column: pd.Series, missing: float) -> NDArray[np.float64]:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(numbers), missing, numbers)


def _truth(
    truth: pd.DataFrame,
    images: NDArray[np.int64],
    labels: list[Any],
    names: dict[str, int],
    mask_col: Hashable,
    area_col: Hashable | None,
    crowd_col: Hashable | None,
) -> Objects:
    masks = mask_column(truth, mask_col)
    own = columns.areas(masks.pool, masks.positions)
    keep = ~masks.isna() & (images >= 0) & np.array([label is not None for label in labels], dtype=bool)
    has_id = (
        truth["annotation_id"].notna().to_numpy()
        if has_column(truth, "annotation_id")
        else np.zeros(len(truth), bool)
    )
    keep &= (own > 0) | has_id
    given = (
        _floats(only_column(truth, area_col), np.nan)
        if _has(truth, area_col)
        else np.full(len(truth), np.nan)
    )
    area = np.where(np.isnan(given), own, given)
    crowd = np.zeros(len(truth), dtype=bool)
    if _has(truth, crowd_col) and crowd_col is not None:
        crowd = only_column(truth, crowd_col).fillna(value=False).astype(bool).to_numpy()
    return _objects(masks, images, labels, names, keep, np.zeros(len(truth)), area, crowd)


def _has(frame: pd.DataFrame, name: Hashable | None) -> bool:
    return name is not None and has_column(frame, name)


def _predictions(
    df: pd.DataFrame,
    images: NDArray[np.int64],
    labels: list[Any],
    names: dict[str, int],
    mask_col: Hashable,
    scores: NDArray[np.float64] | None,
) -> Objects:
    masks = mask_column(df, mask_col)
    area = columns.areas(masks.pool, masks.positions)
    keep = ~masks.isna() & (images >= 0) & np.array([label is not None for label in labels], dtype=bool)
    keep &= area > 0 if scores is None else ~np.isnan(scores)
    found = np.zeros(len(df)) if scores is None else scores
    return _objects(
        masks, images, labels, names, keep, found, area.astype(np.float64), np.zeros(len(df), dtype=bool)
    )


def _objects(
    masks: MaskArray,
    images: NDArray[np.int64],
    labels: list[Any],
    names: dict[str, int],
    keep: NDArray[np.bool_],
    score: NDArray[np.float64],
    area: NDArray[np.float64],
    crowd: NDArray[np.bool_],
) -> Objects:
    kept = np.flatnonzero(keep)
    rows = kept[np.argsort(images[kept], kind="stable")]
    numbers = np.array([-1 if label is None else names[label] for label in labels], dtype=np.int64)
    return Objects(
        masks=masks[rows],
        row=rows,
        image=images[rows],
        label=numbers[rows],
        score=score[rows].astype(np.float64),
        area=area[rows].astype(np.float64),
        crowd=crowd[rows],
    )
