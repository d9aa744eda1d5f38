"""Text that a spreadsheet would take for a formula, with an apostrophe before it: in cells, frames and JSON."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["quote_formula", "quote_formulas", "quote_json"]

# Characters that begin a formula, in full and small width too; the tab and line ends that spreadsheets drop before one;
# and the separators and quotes after which a reader with other settings begins a new cell
# (https://owasp.org/www-community/attacks/CSV_Injection).
_STARTS = "[=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212]"
_UNSEEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060\ufeff"
_BLANK = f"(?:[^\\S\t\r\n]|[{_UNSEEN}])"
# Within a text a plain number is no formula: "[834,-74]" stays what it is.
_NO_NUMBER = r"(?![+\-]?\d+(?:\.\d+)?(?:[eE][+\-]?\d+)?\s*(?:[,;|\]\)}]|$))"
_FORMULA = re.compile(
    f"\\A'*(?:{_BLANK}*{_STARTS}|[\t\r\n])"
    f"|(?<=[,;|\t\r\n])'*{_BLANK}*{_NO_NUMBER}{_STARTS}"
    f"|(?<=[\"']){_NO_NUMBER}{_STARTS}"
)


def quote_formula(text: str) -> str:
    """Return a text with an apostrophe wherever a spreadsheet could begin to calculate.

    At the beginning, blanks before it aside, and after a separator or a quote, where a spreadsheet with other settings
    begins a cell. Two texts never become one, and only apostrophes are added.

    Examples
    --------
    >>> quote_formula("=1+1")
    "'=1+1"
    >>> quote_formula("red car - left")
    'red car - left'
    """
    return _FORMULA.sub(lambda found: f"'{found[0]}", text)


def quote_json(value: Any) -> Any:
    """Return what JSON holds with :func:`quote_formula` on every text in it, keys too; numbers stay numbers."""
    if isinstance(value, str):
        return quote_formula(value)
    if isinstance(value, dict):
        return {quote_json(key): quote_json(item) for key, item in value.items()}
    return [quote_json(item) for item in value] if _is_list(value) else value


def _is_list(value: Any) -> bool:
    """Say whether a value is a list to JSON and spreadsheets: Parquet gives lists of texts back as arrays."""
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype.kind in "OUT")


def quote_formulas(df: pd.DataFrame) -> pd.DataFrame:
    """Return a frame that a spreadsheet shows and does not calculate, for ``to_csv`` and ``to_excel``.

    Texts that begin like a formula (``=HYPERLINK(...)``, ``+1+1``, ``@SUM``, a tab) get an apostrophe in front: cells,
    texts in lists, categories, index and column labels. Numbers, dates and masks stay as they are, negative ones too.

    Parameters
    ----------
    df : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        A new frame; the input is untouched.

    Examples
    --------
    >>> df = pd.DataFrame({"prompt": ["=1+1", "car"], "points": [-2, 3]})
    >>> quote_formulas(df).to_csv(index=False).splitlines()
    ['prompt,points', "'=1+1,-2", 'car,3']
    """
    found = df.copy(deep=False)
    for at in range(found.shape[1]):
        column = found.iloc[:, at]
        quoted = _quote_column(column)
        if quoted is not column:
            found.isetitem(at, quoted)
    return found.set_axis(_quote_labels(df.index), axis=0).set_axis(_quote_labels(df.columns), axis=1)


def _quote_column(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.rename_categories(_quote_label)
    if not isinstance(column.dtype, pd.StringDtype) and column.dtype != object:
        return column
    return pd.Series([quote_json(cell) for cell in column], index=column.index, dtype=column.dtype)


def _quote_labels(labels: pd.Index) -> pd.Index:
    names = [_quote_label(name) for name in labels.names]
    if isinstance(labels, pd.MultiIndex):
        levels = [_quote_labels(level) for level in labels.levels]
        return labels.set_levels(levels, verify_integrity=False).set_names(names)
    if isinstance(labels.dtype, pd.CategoricalDtype):
        return pd.CategoricalIndex(labels).rename_categories(_quote_label).set_names(names)
    if isinstance(labels.dtype, pd.StringDtype) or labels.dtype == object:
        quoted = [_quote_label(label) for label in labels]
        return pd.Index(quoted, dtype=labels.dtype, tupleize_cols=False).set_names(names)
    return labels.set_names(names)


def _quote_label(label: Any) -> Any:
    """Return a label or an index's name with its texts quoted; a tuple stays one, as labels are hashable."""
    return tuple(map(_quote_label, label)) if isinstance(label, tuple) else quote_json(label)
