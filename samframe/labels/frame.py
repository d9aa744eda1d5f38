"""The frame that every reader gives: image, label, mask, the source's ids, and what is wrong with a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.masks import MaskArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from samframe.masks import Mask

__all__ = ["LabelRows", "in_order", "label_frame", "typed"]

_WHOLE = frozenset({"annotation_id", "image_id", "category_id"})


def label_frame(
    images: Any, labels: Any, masks: MaskArray, ids: Mapping[str, Any], errors: Sequence[str | None]
) -> pd.DataFrame:
    """Return the frame of labels.

    Parameters
    ----------
    images : sequence, length n
        Paths or other cells.
    labels : sequence of str or None, length n
    masks : MaskArray, length n
    ids : mapping of str to list or extension array, each of length n
        What the source calls its things; columns of nothing but None are left out.
    errors : sequence of str or None, length n
        What is wrong with a row.
    """
    columns: dict[str, Any] = {
        "image": _cells(images),
        "label": pd.array(labels, dtype="string"),
        "mask": masks,
    }
    for name, values in ids.items():
        array = typed(name, values) if isinstance(values, list) else values
        if array is not None and name not in columns:
            columns[name] = array
    columns["error"] = pd.array(errors, dtype="string")
    return pd.DataFrame(columns)


def _cells(images: Any) -> Any:
    """Return images as a column: text where all are paths, else objects."""
    if all(type(image) is str for image in images):
        return pd.array(
            images, dtype="str" if pd.__version__ >= "3" else "object"
        )  # as pandas makes of text by itself
    cells = np.empty(len(images), dtype=object)
    for at, image in enumerate(images):
        cells[at] = image
    return cells


def typed(name: str, values: Sequence[Any]) -> Any:  # noqa: PLR0911 - one return a type
    """Return a column in the narrowest nullable type that keeps every value, None where all are None."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return None
    try:
        if name == "iscrowd":
            return pd.array([None if value is None else bool(value) for value in values], dtype="boolean")
        if kinds == {bool}:
            return pd.array(values, dtype="boolean")
        if kinds == {int}:
            return pd.array(values, dtype="Int64")
        if kinds <= {int, float} and name not in _WHOLE:
            return pd.array(values, dtype="Float64")
    except (OverflowError, TypeError, ValueError):  # numbers past int64
        pass
    if kinds == {str}:
        return pd.array(values, dtype="string")
    cells = np.empty(len(values), dtype=object)
    cells[:] = [pd.NA if value is None else value for value in values]
    return cells


def in_order(name: str, values: list[Any] | NDArray[Any], order: NDArray[np.int64]) -> Any:
    """Return values at positions, missing where a position is -1: a list of a list, a nullable array of numbers."""
    if isinstance(values, list):
        return [None if at < 0 else values[at] for at in order.tolist()]
    numbers: NDArray[Any] = np.not_equal(values, 0) if name == "iscrowd" else values
    kinds = {"b": "boolean", "i": "Int64", "u": "Int64", "f": "Float64"}
    return pd.array(numbers, dtype=kinds[numbers.dtype.kind]).take(order, allow_fill=True)


class LabelRows:
    """Collects rows one at a time, for readers whose files are small."""

    def __init__(self) -> None:
        self._images: list[Any] = []
        self._labels: list[str | None] = []
        self._masks: list[Mask | None] = []
        self._errors: list[str | None] = []
        self._ids: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return len(self._images)

    @property
    def images(self) -> list[Any]:
        """What stands for the image of each row."""
        return self._images

    def add(
        self,
        image: Any,
        label: str | None = None,
        mask: Mask | None = None,
        error: str | None = None,
        **ids: Any,
    ) -> None:
        """Add a row; what is None of `ids` the source does not say."""
        for name, value in ids.items():
            column = self._ids.setdefault(name, [])
            column.extend([None] * (len(self) - len(column)))
            column.append(value)
        self._images.append(image)
        self._labels.append(label)
        self._masks.append(mask.packed() if mask is not None else None)
        self._errors.append(error)

    def count_ids(self, name: str) -> None:
        """Make whole numbers of ids that are texts of digits, all of them: samframe's own come back as they were."""
        values = self._ids.get(name, [])
        texts = [value for value in values if value is not None]
        if texts and all(isinstance(text, str) and text.isascii() and text.isdecimal() for text in texts):
            self._ids[name] = [None if value is None else int(value) for value in values]

    def frame(self, *names: str) -> pd.DataFrame:
        """Return the frame; `names` are the ids that come first, in this order."""
        ids = {name: self._ids[name] for name in [*names, *self._ids] if name in self._ids}
        for column in ids.values():
            column.extend([None] * (len(self) - len(column)))
        return label_frame(self._images, self._labels, MaskArray.from_masks(self._masks), ids, self._errors)
