"""A frame's rows as a gallery sees them: words, status, colours and orders, whatever the index and the columns."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.ground.cells import as_text, is_missing, one_line
from samframe.ground.engine import count_offline
from samframe.ground.frame import image_cells
from samframe.ground.status import RowStatus, words_of
from samframe.masks import MaskDtype
from samframe.widgets.gallery.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from numpy.typing import NDArray

__all__ = ["AREA", "BASE_COLOUR", "ROW_ORDER", "SUSPICION", "GalleryRows", "text_of"]

ROW_ORDER, AREA, SUSPICION = "row order", "mask area", "suspicion"
#: The mask's colour where none is told by a column: seen on most photographs.
BASE_COLOUR = "#009eff"
# Okabe and Ito (2008), which people with any common form of colour blindness tell apart; grey is "other".
_CLASSES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
_OTHER = "#8c8c8c"
# Five steps of viridis, dark to light.
_STEPS = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")
_TITLE_CHARACTERS = 160
_TEXT_CHARACTERS = 10_000


class GalleryRows:
    """What a gallery reads of a frame. Rows are named by their position, as an index may repeat.

    Parameters
    ----------
    frame : pandas.DataFrame
    image_col, mask_col : column name
    prompt_col, status_col, seconds_col, engine_col : column name or None
        None, or a column that is missing: there is none.
    suspicion : callable, optional
        Takes the frame and returns one with the columns ``score`` and ``reasons``, row for row.

    Attributes
    ----------
    marks : Marks
        As they are now; their name is a column of :meth:`queried`, and rows are sorted by it.

    Raises
    ------
    OptionError
        If it is no frame, or the columns of images or masks are missing or no such columns.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        image_col: Hashable,
        mask_col: Hashable,
        prompt_col: Hashable | None = None,
        status_col: Hashable | None = None,
        seconds_col: Hashable | None = None,
        engine_col: Hashable | None = None,
        suspicion: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    ) -> None:
        if not isinstance(frame, pd.DataFrame):
            raise OptionError(f"view takes a pandas DataFrame, not a {type(frame).__name__}.")
        for column in (image_col, mask_col):
            count = _count_of(frame, column)
            if count != 1:
                raise OptionError(f"The frame has {count or 'no'} columns {column!r}; one is needed.")
        if not isinstance(frame[mask_col].dtype, MaskDtype):
            raise OptionError(
                f"Column {mask_col!r} is of dtype {frame[mask_col].dtype}, not 'mask': convert with .astype('mask')."
            )
        self.frame = frame.copy(deep=False)  # rows as they are now, whatever the user does meanwhile
        self.image_col, self.mask_col = image_col, mask_col
        self.prompt_col = self._there(prompt_col)
        self.status_col = self._there(status_col)
        self.seconds_col = self._there(seconds_col)
        self._engine_col = self._there(engine_col)
        self._suspicion = suspicion
        self.marks = Marks(len(frame))
        self._images = image_cells(frame, image_col)
        self._masks = frame[mask_col].array
        self._prompts = None if self.prompt_col is None else frame[self.prompt_col].array
        self._statuses = None if self.status_col is None else frame[self.status_col].array
        self._orders: dict[tuple[str, bool], NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def _there(self, column: Hashable | None) -> Hashable | None:
        return column if _count_of(self.frame, column) == 1 else None

    def cells(self, row: int) -> tuple[Any, Any]:
        """Return the image cell and the mask (NA where missing) of a row."""
        return self._images[row], self._masks[row]

    def queried(self, expression: str) -> pd.DataFrame:
        """Return the frame for an expression: with the marks as they are now, where it may ask for them."""
        if self.marks.name not in expression:
            return self.frame
        frame = self.frame.copy(deep=False)
        frame[self.marks.name] = self.marks.column()
        return frame

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """Pixels of each mask, NaN where there is none, shape (n,)."""
        return np.asarray(self.frame[self.mask_col].sam.area.to_numpy(np.float64, na_value=np.nan))

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """Inference time of each row, NaN where unknown, shape (n,)."""
        if self.seconds_col is None:
            return np.full(len(self), np.nan)
        numbers = pd.to_numeric(self.frame[self.seconds_col], errors="coerce")
        return np.asarray(numbers.to_numpy(np.float64, na_value=np.nan))

    @cached_property
    def statuses(self) -> dict[str, int]:
        """How many rows have each status, in the order of its categories or of its first row."""
        if self.status_col is None:
            return {}
        counts = self.frame[self.status_col].value_counts(sort=False)
        return {str(name): int(count) for name, count in counts.items() if count}

    @cached_property
    def offline_rows(self) -> int:
        """How many masks the offline engine made, as far as a column or the frame's attributes tell."""
        return count_offline(self.frame, engine_col=self._engine_col, mask_col=self.mask_col)

    @cached_property
    def doubts(self) -> pd.DataFrame | None:
        """Score and reasons of each row, None where nobody scores."""
        return self._suspicion(self.frame) if self._suspicion is not None else None

    # -- words ---------------------------------------------------------------------------------------------------------

    def label(self, row: int) -> str:
        """Return the row's index label as text."""
        label = self.frame.index[row]
        return ", ".join(map(text_of, label)) if isinstance(label, tuple) else text_of(label)

    def title(self, row: int) -> str:
        """Return the prompt, or the label where there is none, on one line."""
        prompt = "" if self._prompts is None else text_of(self._prompts[row])
        return one_line(prompt or f"row {self.label(row)}", _TITLE_CHARACTERS)

    def note(self, row: int, by: str | None = None) -> str:
        """Return a few words: what rows are sorted by, else the status if it is not completed, else the area."""
        if by == SUSPICION and self.doubts is not None:
            return one_line(text_of(self.doubts["reasons"].iloc[row]) or "nothing odd", _TITLE_CHARACTERS)
        if by in self.sortable and by not in (ROW_ORDER, AREA):
            return one_line(f"{by}: {text_of(self._column(str(by)).iloc[row])}", _TITLE_CHARACTERS)
        if self._statuses is not None:
            status = text_of(self._statuses[row])
            if status and status != RowStatus.COMPLETED.value:
                return one_line(words_of(status), _TITLE_CHARACTERS)
        return self._area_text(row)

    def _area_text(self, row: int) -> str:
        # Of this mask alone, unless those of all rows, which take a while where there are many, are known already.
        if "areas" in vars(self):
            area = self.areas[row]
            return "" if np.isnan(area) else f"{int(area):,} px"
        mask = self._masks[row]
        return "" if mask is pd.NA else f"{mask.area:,} px"

    def lines(self, row: int) -> list[tuple[str, str]]:
        """Return name and text of all that is told of a row beside its large picture."""
        lines = [("row", self.label(row)), ("position", f"{row:,} of {len(self):,}")]
        area = self._area_text(row)
        if area:
            lines.append((AREA, area))
        if self.doubts is not None:
            score, reasons = self.doubts["score"].iloc[row], self.doubts["reasons"].iloc[row]
            lines.append((SUSPICION, f"{score:.2f} {text_of(reasons)}"))
        mark = text_of(self._column(self.marks.name).iloc[row])
        if mark:
            lines.append((self.marks.name, mark))
        for name, column in self._plain_columns.items():
            if name == self.marks.name:
                continue
            text = text_of(self.frame.iloc[row, column])
            if text:
                lines.append((name[:200], text[:_TEXT_CHARACTERS]))
        return lines

    # -- orders and colours --------------------------------------------------------------------------------------------

    @cached_property
    def _plain_columns(self) -> dict[str, int]:
        """Columns that can be told as text, by a name of their own: no images, arrays or masks."""
        found: dict[str, int] = {}
        for at, column in enumerate(self.frame.columns):
            values = self.frame.iloc[:, at]
            if isinstance(values.dtype, MaskDtype) or _holds_pictures(values):
                continue
            name = text_of(column)
            found[name if name not in found else f"{name} ({at})"] = at
        return found

    @cached_property
    def sortable(self) -> list[str]:
        """What rows can be sorted by."""
        first = [ROW_ORDER, AREA] + ([SUSPICION] if self._suspicion is not None else []) + [self.marks.name]
        return first + [name for name in self._plain_columns if name not in first]

    @cached_property
    def colourable(self) -> list[str]:
        """What masks can be coloured by."""
        return list(self._plain_columns)

    def order(self, by: str = ROW_ORDER, *, descending: bool = False) -> NDArray[np.int64]:
        """Return all positions in the order of a column, rows without a value last; ties keep their order.

        Raises
        ------
        OptionError
            If it is not one of :attr:`sortable`.
        """
        if by not in self.sortable:
            raise OptionError(f"There is nothing to sort by named {by!r}.")
        if by == self.marks.name:  # changes while one looks
            return self._order(by, descending=descending)
        if (by, descending) not in self._orders:
            self._orders[by, descending] = self._order(by, descending=descending)
        return self._orders[by, descending]

    def _order(self, by: str, *, descending: bool) -> NDArray[np.int64]:
        if by == ROW_ORDER:
            forward = np.arange(len(self), dtype=np.int64)
            return np.flip(forward) if descending else forward
        values = self._column(by).reset_index(drop=True)
        try:
            ordered = values.sort_values(ascending=not descending, kind="stable", na_position="last")
        except TypeError:  # values of kinds that have no order
            texts = values.map(text_of).astype(object)
            ordered = texts.sort_values(ascending=not descending, kind="stable")
        return np.asarray(ordered.index, dtype=np.int64)

    def _column(self, name: str) -> pd.Series:
        if name == AREA:
            return pd.Series(self.areas)
        if name == SUSPICION and self.doubts is not None:
            return self.doubts["score"]
        if name == self.marks.name:
            return pd.Series(self.marks.column())
        return self.frame.iloc[:, self._plain_columns[name]]

    def colours(self, by: str | None) -> tuple[NDArray[np.uint8], list[str], list[tuple[str, str]]]:
        """Return a colour a row: codes (shape (n,)) into a palette, and the legend as colour and text.

        Numbers become five steps of equal counts; anything else its seven most frequent values and "other".
        """
        if by is None or by not in self.colourable:
            return np.zeros(len(self), dtype=np.uint8), [BASE_COLOUR], []
        values = self._column(by)
        is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        return _steps(values) if is_number and values.nunique() > len(_CLASSES) else _classes(values)


def text_of(value: object) -> str:
    """Return a cell or label as text, empty where it is missing; a float to four figures."""
    return f"{value:.4g}" if isinstance(value, float) and not is_missing(value) else as_text(value)


def _count_of(frame: pd.DataFrame, column: Hashable | None) -> int:
    return 0 if column is None else int(sum(name == column for name in frame.columns.tolist()))


def _holds_pictures(values: pd.Series) -> bool:
    if values.dtype != object:
        return False
    first = next((value for value in values.array if text_of(value) or isinstance(value, np.ndarray)), None)
    return not isinstance(first, str | int | float | bool | tuple | list | dict | type(None)) and not hasattr(
        first, "__fspath__"
    )


def _classes(values: pd.Series) -> tuple[NDArray[np.uint8], list[str], list[tuple[str, str]]]:
    texts = pd.Series([text_of(value) for value in values], dtype=object)
    frequent = [text for text in texts.value_counts().index if text][: len(_CLASSES)]
    place = {text: at for at, text in enumerate(frequent)}
    codes = np.array([place.get(text, len(frequent)) for text in texts], dtype=np.uint8)
    legend = [(_CLASSES[at], one_line(text, _TITLE_CHARACTERS)) for at, text in enumerate(frequent)]
    if (codes == len(frequent)).any():
        legend.append((_OTHER, "other"))
    return codes, [*_CLASSES[: len(frequent)], _OTHER], legend


def _steps(values: pd.Series) -> tuple[NDArray[np.uint8], list[str], list[tuple[str, str]]]:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    known = numbers[np.isfinite(numbers)]
    edges = (
        np.unique(np.quantile(known, np.linspace(0, 1, len(_STEPS) + 1)[1:-1])) if len(known) else np.empty(0)
    )
    codes = np.searchsorted(edges, numbers, side="left").astype(np.uint8)
    codes[~np.isfinite(numbers)] = len(edges) + 1
    ends = [known.min(), *edges, known.max()] if len(known) else [0.0, 0.0]
    legend = [(_STEPS[at], f"{ends[at]:.4g} to {ends[at + 1]:.4g}") for at in range(len(edges) + 1)]
    if not np.isfinite(numbers).all():
        legend.append((_OTHER, "other"))
    return codes, [*_STEPS[: len(edges) + 1], _OTHER], legend
