"""Objects of the library supervision: detections of one image, and whole datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import LabelError, OptionError
from samframe.labels.frame import LabelRows
from samframe.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

__all__ = ["from_supervision"]


def from_supervision(
    detections: Any, image: Any = None, *, labels: Mapping[int, str] | Sequence[str] | None = None
) -> pd.DataFrame:
    """Make a frame of ``supervision.Detections``, of a mapping of images to them, or of a ``DetectionDataset``.

    Parameters
    ----------
    detections : supervision.Detections, mapping or supervision.DetectionDataset
        With masks; a mapping has images as keys, a dataset knows its own.
    image : object, optional
        What the column `image` holds where it is detections of one image.
    labels : mapping or sequence of str, optional
        Names by class number. None: ``data["class_name"]`` of the detections, the dataset's classes, else the number in
        text.

    Returns
    -------
    DataFrame
        A row a detection: ``image``, ``label``, ``mask``, ``category_id``, ``score``, ``tracker_id``, and ``error``.
        Detections without masks have NA there, and an error. An image without detections is a row with NA label whose
        mask is NA, as supervision keeps no size of it.

    Raises
    ------
    OptionError
        If it is none of these.
    """
    rows = LabelRows()
    if (
        hasattr(detections, "classes")
        and hasattr(detections, "__iter__")
        and hasattr(detections, "image_paths")
    ):
        names = labels if labels is not None else list(detections.classes)
        for path in detections.image_paths:
            _add(rows, detections.annotations[path], str(path), names)
    elif hasattr(detections, "xyxy") and hasattr(detections, "class_id"):
        _add(rows, detections, image, labels)
    elif isinstance(detections, dict):
        for key, value in detections.items():
            if not hasattr(value, "xyxy"):
                raise OptionError(
                    f"The image {key!r} has no supervision.Detections, but {type(value).__name__}."
                )
            _add(rows, value, key, labels)
    else:
        raise OptionError(
            "supervision.Detections are wanted, a mapping of images to them, or a DetectionDataset; "
            f"not {type(detections).__name__}."
        )
    return rows.frame("category_id", "score", "tracker_id")


def _add(rows: LabelRows, detections: Any, image: Any, labels: Any) -> None:
    """Add the rows of one image."""
    count = len(detections.xyxy)
    numbers, scores, trackers = (
        _listed(getattr(detections, name, None), count) for name in ("class_id", "confidence", "tracker_id")
    )
    given = (getattr(detections, "data", None) or {}).get("class_name")
    names = _listed(given, count)
    masks = getattr(detections, "mask", None)
    for at in range(count):
        number = None if numbers[at] is None else int(numbers[at])
        mask, error = None, None
        try:
            mask = None if masks is None else Mask.from_numpy(np.asarray(masks[at], dtype=bool))
            error = None if masks is not None else "the detection has a box and no mask"
        except (LabelError, ValueError, TypeError) as problem:
            error = f"detection {at}: {problem}"
        rows.add(
            image,
            _name(number, labels, names[at]),
            mask,
            error,
            category_id=number,
            score=None if scores[at] is None else float(scores[at]),
            tracker_id=None if trackers[at] is None else int(trackers[at]),
        )
    if not count:
        rows.add(image)


def _listed(values: Any, count: int) -> list[Any]:
    return [None] * count if values is None else list(values)


def _name(number: int | None, labels: Any, own: Any) -> str | None:
    if labels is None:
        return str(own) if own is not None else None if number is None else str(number)
    if number is None:
        return None
    if hasattr(labels, "get"):
        found = labels.get(number)
        return None if found is None else str(found)
    return str(labels[number]) if 0 <= number < len(labels) else str(number)
