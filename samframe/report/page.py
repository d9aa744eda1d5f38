"""One static page of a frame's rows: complete in itself, escaped, and unable to ask the network for anything."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from samframe._version import __version__
from samframe.errors import OptionError
from samframe.ground.engine import count_offline, offline_warning
from samframe.ground.files import atomic_write
from samframe.report.rows import ReportColumns, ReportData, report_data

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import pandas as pd

__all__ = ["write_html"]

_SIZES_PX = (32, 1024)


def write_html(
    df: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    columns: ReportColumns | None = None,
    suspicion: pd.DataFrame | None = None,
    title: str = "Masks",
    n: int | None = None,
    size_px: int = 200,
    image_root: str | os.PathLike[str] | None = None,
    fetch: Callable[[str], bytes] | None = None,
) -> None:
    """Write a frame as one HTML file; see :func:`samframe.to_html`.

    Parameters
    ----------
    columns : ReportColumns, optional
        Which columns are shown.
    suspicion : pandas.DataFrame, optional
        ``score`` and ``reasons`` of each row of ``df``, by position.
    fetch : callable, optional
        Takes a URL and returns the bytes behind it, or raises :class:`ImageError`. None: such images are not shown.
    """
    columns = columns or ReportColumns()
    if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 0):
        raise OptionError(f"n is a number of rows, or None for all; it is {n!r}.")
    if not _SIZES_PX[0] <= size_px <= _SIZES_PX[1]:
        raise OptionError(
            f"size_px is a number of pixels from {_SIZES_PX[0]} to {_SIZES_PX[1]}; it is {size_px!r}."
        )
    shown = df if n is None else df.iloc[:n]
    data = report_data(
        shown,
        columns,
        size_px=size_px,
        suspicion=None if suspicion is None else suspicion.iloc[: len(shown)],
        image_root=image_root,
        fetch=fetch,
    )
    page = _page(data, title=title, count=_count(len(shown), len(df)), notice=_notice(df, columns))
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


def _page(data: ReportData, *, title: str, count: str, notice: str) -> str:
    style, script = _static("report.css"), _static("report.js")
    # Nothing may be asked for, nothing runs but this one script: what a row's text holds cannot change that.
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    shown_title = html.escape(title.encode("utf-8", "replace").decode())
    banner = f'<p class="notice" role="note">{html.escape(notice)}</p>' if notice else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="samframe {__version__}">
<title>{shown_title}</title>
<style>{style}</style>
</head>
<body>
<header><h1 dir="auto">{shown_title}</h1><p>{html.escape(count)}</p></header>
{banner}
<noscript><p class="notice">The rows of this page are shown by a script of its own; scripts are off here.</p></noscript>
{_TOOLS}
<main></main>
<script type="application/json" id="data">{_json(data)}</script>
<script>{script}</script>
</body>
</html>
"""


_TOOLS = """<div class="tools" role="search" aria-label="filters">
<label>Find<input type="search" id="words" placeholder="prompt, file, reason"></label>
<label>Status<select id="status"><option value="*">all</option></select></label>
<label>Area, % of the image<span class="pair"><input type="number" id="least" min="0" max="100" step="any"
 placeholder="from" aria-label="least area in percent"><input type="number" id="most" min="0" max="100" step="any"
 placeholder="to" aria-label="greatest area in percent"></span></label>
<label>Suspicion, at least<input type="range" id="doubt" min="0" max="1" step="0.05" value="0"></label>
<label>Order<select id="order"><option value="frame">as in the frame</option>
<option value="doubt">most suspicious first</option><option value="small">smallest first</option>
<option value="large">largest first</option><option value="slow">slowest first</option>
<option value="prompt">by prompt</option></select></label>
<label>Mask<input type="range" id="overlay" min="0" max="1" step="0.05" value="1"></label>
<output class="count" id="count" aria-live="polite"></output>
</div>"""


def _json(data: ReportData) -> str:
    """Return data as JSON in ASCII that holds nothing an HTML parser looks for (``</script>``, ``<!--``)."""
    text = json.dumps(asdict(data), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _static(name: str) -> str:
    return files("samframe.report").joinpath("static", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _count(shown: int, rows: int) -> str:
    words = f"{rows:,} row{'' if rows == 1 else 's'}"
    return words if shown == rows else f"The first {shown:,} of {words}"


def _notice(df: pd.DataFrame, columns: ReportColumns) -> str:
    """Return a warning where rows come from the offline engine, which is not SAM 2."""
    count = count_offline(df, mask_col=columns.mask)
    return offline_warning(count) if count else ""
