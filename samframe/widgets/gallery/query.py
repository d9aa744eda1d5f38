"""What is shown, as a pandas expression: the same text filters the gallery and, in df.query, the frame."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.widgets.gallery.marks import UNMARKED

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

__all__ = ["Filter", "Range", "expression_of", "rows_kept"]

Range = tuple[float | None, float | None]

#: Characters that stay as they are in a literal: none of them means anything to pandas' or Python's grammar.
_PLAIN = re.compile(r"[A-Za-z0-9 _.,-]")
#: As pandas and Python tell it.
_UNKNOWN_NAME = re.compile(r"name '([^']*)' is not defined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Conditions that hold together; the defaults keep every row.

    Attributes
    ----------
    statuses : tuple of str
        Any of these; none: whatever the status.
    text : str
        The prompt contains it, whatever the case.
    area : (float or None, float or None)
        Pixels of the mask, ends included.
    seconds : (float or None, float or None)
        Inference time, ends included.
    query : str
        A pandas query of the user's.
    marks : tuple of str
        Any of these, of which ``"unmarked"`` is one; none: whatever the mark.
    """

    statuses: tuple[str, ...] = ()
    text: str = ""
    area: Range = (None, None)
    seconds: Range = (None, None)
    query: str = ""
    marks: tuple[str, ...] = ()


def expression_of(
    wanted: Filter,
    *,
    status_col: Hashable | None = None,
    prompt_col: Hashable | None = None,
    mask_col: Hashable | None = None,
    seconds_col: Hashable | None = None,
    mark_col: Hashable | None = None,
) -> str:
    """Return the filter as an expression for :meth:`pandas.DataFrame.query`, ``""`` where every row is kept.

    Rows of which a value is missing are left out by a condition on it.

    Raises
    ------
    OptionError
        If a column that is asked about is missing, or has no name that an expression can have.
    """
    parts: list[str] = []
    if wanted.statuses:
        names = ", ".join(_literal(name) for name in wanted.statuses)
        parts.append(f"{_named(status_col, 'status')} in [{names}]")
    if wanted.marks:
        parts.append(_marked(_named(mark_col, "mark"), wanted.marks))
    if wanted.text:
        column = _named(prompt_col, "prompt")
        parts.append(
            f'{column}.astype("string").str.contains({_literal(wanted.text)}, case=False, regex=False, na=False)'
        )
    if wanted.area != (None, None):
        parts += _between(f"{_named(mask_col, 'mask')}.sam.area", wanted.area)
    if wanted.seconds != (None, None):
        parts += _between(_named(seconds_col, "inference_time"), wanted.seconds)
    own = " ".join(wanted.query.split())
    if own:
        parts.append(f"({own})")
    return " and ".join(parts)


def rows_kept(frame: pd.DataFrame, expression: str) -> NDArray[np.bool_]:
    """Return which rows an expression keeps, bool of shape (n,): those that ``frame.query(expression)`` returns.

    Raises
    ------
    OptionError
        If it is no expression of this frame, or gives something else than a truth a row.
    """
    if not expression:
        return np.ones(len(frame), dtype=bool)
    try:
        # Names are the frame's columns only: what is typed into a page sees no variables of the notebook.
        found = frame.eval(expression, engine="python", local_dict={}, global_dict={})
        truths = pd.array(np.asarray(found, dtype=object), dtype="boolean")
    except Exception as error:
        raise OptionError(
            f"The query is not understood: {_first_line(error)}{_near_column(error, frame)}"
        ) from error
    if len(truths) != len(frame):
        raise OptionError("The query gives one answer for the whole frame, not one for each row.")
    kept: NDArray[np.bool_] = truths.fillna(False).to_numpy(dtype=bool)
    return kept


def _marked(name: str, marks: tuple[str, ...]) -> str:
    asked = ", ".join(_literal(mark) for mark in marks if mark != UNMARKED)
    parts = [f"{name} in [{asked}]"] if asked else []
    parts += [f"{name}.isna()"] if UNMARKED in marks else []
    return f"({' or '.join(parts)})" if len(parts) > 1 else parts[0]


def _near_column(error: Exception, frame: pd.DataFrame) -> str:
    """Return the column that was meant by a name that is none, as a question; empty where none is near."""
    found = _UNKNOWN_NAME.search(str(error))
    if found is None:
        return ""
    names = [column for column in frame.columns if isinstance(column, str)]
    near = difflib.get_close_matches(found[1], names, n=1, cutoff=0.6)
    return f". Did you mean {near[0]!r}?" if near else f". Columns: {', '.join(map(repr, names[:12]))}"


def _between(name: str, ends: Range) -> list[str]:
    low, high = ends
    return [f"{name} {sign} {_number(end)}" for sign, end in ((">=", low), ("<=", high)) if end is not None]


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _named(column: Hashable | None, wanted: str) -> str:
    if column is None:
        raise OptionError(f"The frame has no column of {wanted}s to filter by.")
    if not isinstance(column, str) or "`" in column or "\n" in column:
        raise OptionError(
            f"Column {column!r} has no name that a pandas query can say: rename it to filter by it."
        )
    return f"`{column}`"


def _literal(text: str) -> str:
    """Return a text in quotes for an expression; what could end it or be read otherwise is written as its number."""
    return '"' + "".join(char if _PLAIN.match(char) else _escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the last of four digits


def _first_line(error: Exception) -> Any:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
