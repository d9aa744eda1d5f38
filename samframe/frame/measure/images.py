"""Which rows of two frames are of one image: by text, by file, or by the bytes of a cell."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import OptionError
from samframe.ground.cells import is_missing
from samframe.ground.frame import only_column

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Shared", "cell_keys", "share_images"]

_SHOWN = 3


class Shared:
    """The images of the truth, and which rows are of each.

    Attributes
    ----------
    cells : list
        An image's cell, as the truth has it.
    truth, predictions : ndarray of int64, shape (rows of either frame,)
        Number of the image; -1 where the row is of none of these.
    n_elsewhere : int
        Rows of predictions of other images.
    """

    def __init__(self, cells: list[Any], truth: NDArray[np.int64], predictions: NDArray[np.int64]) -> None:
        self.cells = cells
        self.truth = truth
        self.predictions = predictions
        self.n_elsewhere = int((predictions < 0).sum())

    def __len__(self) -> int:
        return len(self.cells)


def share_images(predictions: pd.DataFrame, truth: pd.DataFrame, by: Any) -> Shared:
    """Return the images of the truth in the order of their ids, where it has them, else of their rows.

    Cells are compared as text, bytes and pixels; where no two are equal, paths are compared as files, and then by name.

    Raises
    ------
    OptionError
        If a column is missing, or no image is in both.
    """
    ours, theirs = _keys(predictions, by), _keys(truth, by)
    if not set(ours) & set(theirs) - {None}:
        ours, theirs = _by_file(ours, theirs)
    if not set(ours) & set(theirs) - {None} and len(predictions) and len(truth):
        raise OptionError(
            f"No image is in both frames. Predictions: {_some(ours)}; truth: {_some(theirs)}. "
            "by= names the column that says which rows are of one image."
        )
    order = _in_order(truth, theirs)
    numbers = {key: at for at, key in enumerate(order)}
    first = {key: at for at, key in reversed(list(enumerate(theirs)))}
    cells = truth[by] if _is_name(truth, by) else truth["image"] if "image" in truth.columns else None
    held = [cells.iloc[first[key]] if cells is not None else key for key in order]
    truth_numbers, our_numbers = (
        np.array([numbers.get(key, -1) for key in keys], dtype=np.int64) for keys in (theirs, ours)
    )
    return Shared(held, truth_numbers, our_numbers)


def _is_name(frame: pd.DataFrame, by: Any) -> bool:
    return by is not None and not isinstance(by, list) and by in frame.columns


def _keys(frame: pd.DataFrame, by: Any) -> list[Hashable]:
    """Return what tells each row's image, None where nothing does."""
    if by is None:
        return list(frame.index)
    columns = [cell_keys(only_column(frame, name)) for name in (by if isinstance(by, list) else [by])]
    if len(columns) == 1:
        return columns[0]
    return [None if None in parts else parts for parts in zip(*columns, strict=True)]


def cell_keys(column: pd.Series) -> list[Hashable]:
    """Return what tells the image of each cell, None where it is missing."""
    known: dict[int, Hashable] = {}
    keys: list[Hashable] = []
    for cell in column.tolist():
        if isinstance(cell, str):
            keys.append(cell)
            continue
        if id(cell) not in known:  # the same picture may stand in many rows
            known[id(cell)] = _key(cell)
        keys.append(known[id(cell)])
    return keys


def _key(cell: Any) -> Hashable:  # noqa: PLR0911 - one return a form
    if is_missing(cell):
        return None
    if isinstance(cell, PurePath):
        return str(cell)
    if isinstance(cell, dict):
        return _key(cell["bytes"]) if cell.get("bytes") is not None else _key(cell.get("path"))
    if isinstance(cell, bytes | bytearray | memoryview):
        return hashlib.sha256(cell).digest()
    if isinstance(cell, np.ndarray):
        return (cell.shape, cell.dtype.str, hashlib.sha256(cell.tobytes()).digest())
    if hasattr(cell, "tobytes") and hasattr(cell, "size"):  # a Pillow image
        return (cell.size, cell.mode, hashlib.sha256(cell.tobytes()).digest())
    try:
        hash(cell)
    except TypeError:
        raise OptionError(f"A cell of type {type(cell).__name__} tells no image.") from None
    return cell  # type: ignore[no-any-return]  # hashable, as was just tried


def _by_file(ours: list[Hashable], theirs: list[Hashable]) -> tuple[list[Hashable], list[Hashable]]:
    """Return keys that compare paths as files, or by their names where these are unique in both frames."""
    for form in (os.path.realpath, lambda text: PurePath(text.replace("\\", "/")).name):
        made = [[form(key) if isinstance(key, str) else key for key in keys] for keys in (ours, theirs)]
        unique = all(
            len(set(keys)) == len(set(given)) for keys, given in zip(made, (ours, theirs), strict=True)
        )
        if unique and set(made[0]) & set(made[1]) - {None}:
            return made[0], made[1]
    return ours, theirs


def _in_order(truth: pd.DataFrame, keys: Sequence[Hashable]) -> list[Hashable]:
    """Return the images, by ``image_id`` where each has one of its own: COCO's order, which decides between ties."""
    order = list(dict.fromkeys(key for key in keys if key is not None))
    if "image_id" not in truth.columns:
        return order
    ids = truth["image_id"].tolist()
    pairs = {key: one for key, one in zip(keys, ids, strict=True) if key is not None and not is_missing(one)}
    sortable = len(pairs) == len(order) and len({type(one) for one in pairs.values()}) == 1
    if not sortable or max(Counter(pairs.values()).values(), default=1) > 1:
        return order
    return sorted(order, key=lambda key: pairs[key])


def _some(keys: Sequence[Hashable]) -> str:
    shown = [repr(key)[:60] for key in dict.fromkeys(keys)][:_SHOWN]
    return ", ".join(shown) or "none"
