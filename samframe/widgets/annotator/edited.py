"""From a log of edits to a frame: accepted masks with their provenance, and the whole log repeated on a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.masks import MaskArray, MaskDtype
from samframe.widgets.annotator.edits import Edits, RowState
from samframe.widgets.annotator.events import Event, Point, event_from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from samframe.masks import Mask

__all__ = ["edits_of_frame", "mask_column", "replay", "write_edits"]

COMPLETED = "completed"

_POINTS = ("edited_points", "edited_remove_points")
_COLUMNS = ("review", "edited", "edited_prompt", *_POINTS, "edited_request_id", "review_note")


def mask_column(df: pd.DataFrame, mask_col: Hashable) -> MaskArray:
    """Return the masks of a frame; all missing where it has no such column.

    Raises
    ------
    OptionError
        If the column is of another dtype, or there are several of that name.
    """
    if mask_col not in df.columns:
        return MaskArray.from_masks([None] * len(df))
    column = df[mask_col]
    if not isinstance(column, pd.Series) or not isinstance(column.dtype, MaskDtype):
        found = column.dtype if isinstance(column, pd.Series) else f"{column.shape[1]} columns"
        raise OptionError(f"Column {mask_col!r} is {found}, not of dtype 'mask': use .astype('mask').")
    masks: MaskArray = column.array
    return masks


def edits_of_frame(
    df: pd.DataFrame,
    *,
    mask_col: Hashable,
    prompt: Callable[[int], str | None] = lambda _: None,
    points: Callable[[int], tuple[Point, ...]] = lambda _: (),
) -> Edits:
    """Return an empty log over the rows of a frame, which begin with their mask, prompt and points."""
    masks = mask_column(df, mask_col)

    def given(row: int) -> RowState:
        mask = masks[row]
        return RowState(mask=None if mask is pd.NA else mask, prompt=prompt(row), points=points(row))

    return Edits(len(df), given)


def replay(
    df: pd.DataFrame,
    events: Iterable[Event | Mapping[str, Any]],
    *,
    mask_col: Hashable = "mask",
    points: Callable[[int], tuple[Point, ...]] = lambda _: (),
) -> pd.DataFrame:
    """Repeat a log of edits on a frame; see :func:`samframe.replay`."""
    if not isinstance(df, pd.DataFrame):
        raise OptionError(f"replay takes a pandas DataFrame, not a {type(df).__name__}.")
    edits = edits_of_frame(df, mask_col=mask_col, points=points)
    for at, event in enumerate(events):
        try:
            edits.apply(event if isinstance(event, Event) else event_from_json(event))
        except OptionError as error:
            raise OptionError(f"Event {at}: {error}") from None
    return write_edits(df, edits, mask_col=mask_col)


def write_edits(df: pd.DataFrame, edits: Edits, *, mask_col: Hashable) -> pd.DataFrame:
    """Return a new frame with the accepted masks, what was decided, and how each mask came about.

    Rows that were accepted get their mask, the status ``completed`` and no error where the frame has such columns.
    Columns that are added: ``review`` (``accepted``, ``rejected``), ``edited`` (``points``, ``prompt``, ``by hand`` or
    several), ``edited_prompt``, ``edited_points`` and ``edited_remove_points`` (lists of ``(x, y)``),
    ``edited_request_id`` and ``review_note``; they are NA, or None, where nothing was done, and keep what an earlier
    round wrote.
    """
    touched = sorted(edits.touched)
    masks: dict[int, Mask] = {}
    values: dict[str, dict[int, Any]] = {name: {} for name in _COLUMNS}
    for row in touched:
        state = edits.state(row)
        if state.note != edits.given(row).note:
            values["review_note"][row] = state.note
        if state.decision is None:
            continue
        values["review"][row] = state.decision.word
        if state.decision.mask is None:
            continue
        masks[row] = state.decision.mask
        provenance = state.decision.provenance
        if provenance.words is None:
            continue
        values["edited"][row] = provenance.words
        values["edited_prompt"][row] = provenance.prompt
        values["edited_points"][row] = list(provenance.points) or None
        values["edited_remove_points"][row] = list(provenance.remove_points) or None
        values["edited_request_id"][row] = provenance.request_id
    new: dict[Hashable, Any] = {mask_col: _with_masks(mask_column(df, mask_col), masks)}
    new |= _settled(df, list(masks))
    new |= {name: _column(df, name, values[name]) for name in _COLUMNS}
    out = df.copy(deep=False)
    for name, column in new.items():
        out[name] = column
    return out


def _with_masks(column: MaskArray, masks: Mapping[int, Mask]) -> MaskArray:
    """Return a column with other masks at some positions."""
    if not masks:
        return column.copy()
    both = MaskArray._concat_same_type([column, MaskArray.from_masks(list(masks.values()))])  # noqa: SLF001 - pandas' own
    order = np.arange(len(column))
    order[list(masks)] = np.arange(len(column), len(both))
    return both.take(order)


def _settled(df: pd.DataFrame, rows: list[int]) -> dict[Hashable, Any]:
    """Return the columns ``status`` and ``error`` for rows that have got a mask after all."""
    new: dict[Hashable, Any] = {}
    for name, value in (("status", COMPLETED), ("error", pd.NA)):
        column = df[name] if name in df.columns else None
        if rows and isinstance(column, pd.Series) and _takes(column.dtype, value):
            new[name] = _put(column.array.copy(), dict.fromkeys(rows, value))
    return new


def _takes(dtype: Any, value: object) -> bool:
    """Return whether a column is of the kind that samframe writes: what is the user's own stays as it is."""
    if isinstance(dtype, pd.CategoricalDtype):
        return value in dtype.categories
    return isinstance(dtype, pd.StringDtype)


def _column(df: pd.DataFrame, name: str, values: Mapping[int, Any]) -> Any:
    """Return a column that the edits write: text, or lists of points; what it held before stays in the other rows."""
    if name in df.columns:
        before = df[name].array.copy()
        return _put(before if isinstance(before.dtype, pd.StringDtype) else before.astype(object), values)
    if name in _POINTS:
        return _put(np.full(len(df), None, dtype=object), values)
    return _put(pd.array([None] * len(df), dtype="string"), values)


def _put(array: Any, values: Mapping[int, Any]) -> Any:
    for row, value in values.items():
        array[row] = pd.NA if value is None and array.dtype != object else value
    return array
