"""Text as HTML for notebooks: markup is escaped, and no program for mathematics finds a formula in it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NOT_MATHS", "facts_table", "html_text"]

#: Classes that MathJax 2 (nbconvert's pages) and MathJax 3 and 4 (JupyterLab) pass over with all they hold.
NOT_MATHS = "tex2jax_ignore mathjax_ignore"

# MathJax looks for delimiters in text that no tag breaks: one alone in an element never finds its partner. That holds
# also where the classes are not asked for, or where a host's sanitizer drops them.
_DELIMITERS = {"$": "<span>&#36;</span>", "\\": "<span>&#92;</span>"}


def html_text(text: str) -> str:
    r"""Return text as HTML in which ``$`` and ``\`` begin no formula.

    Examples
    --------
    >>> html_text("<b> $1")
    '&lt;b&gt; <span>&#36;</span>1'
    """
    escaped = html.escape(text)
    for mark, alone in _DELIMITERS.items():
        escaped = escaped.replace(mark, alone)
    return escaped


def facts_table(lines: Iterable[tuple[str, str]], *, caption: str = "") -> str:
    """Return names and values as a table of two columns.

    Parameters
    ----------
    lines : iterable of (str, str)
        Name and value; spaces before a name stay.
    caption : str
        A line above it; empty: none.
    """
    head = f"<caption>{html_text(caption)}</caption>" if caption else ""
    cells = "".join(
        f"<tr><th style='text-align:left;white-space:pre'>{html_text(name)}</th>"
        f"<td style='text-align:right'>{html_text(value)}</td></tr>"
        for name, value in lines
    )
    return f'<table class="{NOT_MATHS}">{head}<tbody>{cells}</tbody></table>'
