"""What stays of a gallery in a saved notebook: one small picture and a line, which need no kernel and run nothing."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from samframe.ground.status import RowStatus, words_of
from samframe.widgets.sheet import contact_sheet

if TYPE_CHECKING:
    from samframe.widgets.gallery.rows import GalleryRows

__all__ = ["snapshot_html"]

_TILES = 6
_SIDE = 72


def snapshot_html(rows: GalleryRows, uid: str, **options: Any) -> str:
    """Return a small static page: the first rows with their masks, and counts. It holds no text of the frame's.

    Parameters
    ----------
    rows : GalleryRows
    uid : str
        The page hides the element of class ``samframe-snapshot-<uid>`` while the gallery is live.
    **options
        As for :func:`samframe.widgets.sheet.painted_tile`.
    """
    cells = [rows.cells(row) for row in range(min(_TILES, len(rows)))]
    sheet = contact_sheet(cells, side=_SIDE, columns=_TILES, quality=45, **options)
    # Statuses are told by their own names only: whatever else a user's column holds is no text for a page.
    known = [(status, rows.statuses[status.value]) for status in RowStatus if status.value in rows.statuses]
    counts = ", ".join(f"{count:,} {words_of(status)}" for status, count in known)
    words = f"{len(rows):,} rows" + (f": {counts}" if counts else "")
    if rows.offline_rows:
        words += f". {rows.offline_rows:,} masks are by the offline engine, which is not SAM 2"
    picture = (
        f'<img alt="The first rows, each image with its mask" style="max-width:100%" '
        f'src="data:image/webp;base64,{base64.b64encode(sheet).decode("ascii")}">'
        if sheet
        else ""
    )
    return (
        f'<div class="samframe-snapshot samframe-snapshot-{uid}">{picture}'
        f"<div>samframe gallery, {words}. To look through all of it, run this cell.</div></div>"
    )
