"""What a cell of a frame holds: nothing, text, a line of it; and messages without this machine's folders."""

from __future__ import annotations

import decimal
import re

import numpy as np

__all__ = ["as_text", "is_missing", "one_line", "text_or_none", "without_folders"]

#: pandas' own, by name: this module does not import pandas.
_MISSING_TYPES = frozenset({"NAType", "NaTType"})
_START = r"(?:~?/|~?\\\\|[A-Za-z]:[\\/])"
#: The folders of an absolute path: to the end of its quotes, else of the word. A URL is none.
_FOLDERS = re.compile(
    rf"(?<=')(?:file://)?{_START}[^'\n]*[\\/](?=[^'\n]*')"
    rf'|(?<=")(?:file://)?{_START}[^"\n]*[\\/](?=[^"\n]*")'
    rf"|(?:file://|(?<![\w.:/\\~]))(?={_START})\S*[\\/](?=[^\s/])"
)


def is_missing(cell: object) -> bool:
    """Return whether a cell holds nothing: None, NA, NaT, NaN (of any kind of float, and of Decimal).

    Examples
    --------
    >>> [is_missing(cell) for cell in (None, float("nan"), "", 0, [])]
    [True, True, False, False, False]
    """
    if cell is None or type(cell).__name__ in _MISSING_TYPES:
        return True
    if isinstance(cell, float | np.floating):
        return bool(np.isnan(cell))
    if isinstance(cell, np.datetime64 | np.timedelta64):
        return bool(np.isnat(cell))
    return isinstance(cell, decimal.Decimal) and cell.is_nan()


def as_text(cell: object) -> str:
    """Return a cell as text, empty where it holds nothing; an object that cannot tell itself is named by its type."""
    if is_missing(cell):
        return ""
    try:
        return str(cell)
    except Exception:  # noqa: BLE001 - a user's own object may fail to tell itself
        return f"<{type(cell).__name__}>"


def text_or_none(cell: object) -> str | None:
    """Return a cell as text, None where it holds nothing."""
    return None if is_missing(cell) else as_text(cell)


def one_line(text: str, width: int | None = None) -> str:
    """Return text on one line, cut to a width, without what a terminal would obey (escapes, direction marks)."""
    # Only what can be shown is looked at: a cell may hold a million characters.
    seen = text if width is None else text[: 20 * width]
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in seen).split())
    return line if width is None or len(line) <= width else f"{line[: width - 1]}…"


def without_folders(text: str, *, prefixes: tuple[str, ...] | None = None) -> str:
    """Return a message with absolute paths cut to the file's name: its reader is on another machine.

    Parameters
    ----------
    text : str
        The message.
    prefixes : tuple of str, optional
        Folders, each with its separator, shortest first: these alone are cut out.

    Examples
    --------
    >>> without_folders("'a.png': no such file; '/home/anna/data/a.png' was looked for")
    "'a.png': no such file; 'a.png' was looked for"
    """
    if prefixes is None:
        return _FOLDERS.sub("", text)
    for prefix in reversed(prefixes):
        text = text.replace(prefix, "")
    return text
