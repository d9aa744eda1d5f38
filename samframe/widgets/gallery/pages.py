"""The gallery without anywidget: pages of 25 in plain ipywidgets, painted in Python."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import ipywidgets
from PIL import Image as PillowImage

from samframe.widgets.gallery.marks import MARKS
from samframe.widgets.sheet import painted_tile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from samframe.widgets.gallery.marks import Marks
    from samframe.widgets.gallery.rows import GalleryRows

__all__ = ["PAGE_ROWS", "GalleryPages"]

PAGE_ROWS = 25
_SIDE = 160
_NO_MARK = "\u2013"


class GalleryPages:
    """A page of tiles at a time, each with a check box to select it and a list to mark it.

    Parameters
    ----------
    rows : GalleryRows
    marks : Marks
    footer : str
        A line below the tiles.
    **reading
        As for :func:`samframe.widgets.sheet.painted_tile`.

    Attributes
    ----------
    widget : ipywidgets.VBox
    selected : list of int
        Positions of the rows that are checked, on whatever page.
    """

    def __init__(self, rows: GalleryRows, marks: Marks, *, footer: str = "", **reading: Any) -> None:
        self._rows = rows
        self._marks = marks
        self._reading = reading
        self._order = rows.order()
        self._by: str | None = None
        self._page = 0
        self.selected: list[int] = []
        self._back = ipywidgets.Button(icon="arrow-left", tooltip="Previous page", layout={"width": "3em"})
        self._on = ipywidgets.Button(icon="arrow-right", tooltip="Next page", layout={"width": "3em"})
        self._back.on_click(lambda _: self.turn(-1))
        self._on.on_click(lambda _: self.turn(1))
        self._told = _plain_text(width="24em")
        self._tiles = ipywidgets.HBox(layout={"flex_flow": "row wrap", "grid_gap": "10px"})
        line = [self._back, self._on, self._told]
        if footer:
            line.append(_plain_text(footer, width="28em"))
        self.widget = ipywidgets.VBox([ipywidgets.HBox(line), self._tiles])
        self._fill()

    @property
    def pages(self) -> int:
        """How many pages there are, 1 at least."""
        return max(1, -(-len(self._order) // PAGE_ROWS))

    def show(self, order: NDArray[np.int64], *, by: str | None, colour_by: str | None) -> None:
        """Show these rows in this order, from the first page; masks keep their one colour."""
        del colour_by
        self._order, self._by, self._page = order, by, 0
        shown = set(order.tolist())
        self.selected = [row for row in self.selected if row in shown]
        self._fill()

    def turn(self, pages: int) -> None:
        """Go that many pages on, back where it is negative, no further than there are pages."""
        self._page = min(self.pages - 1, max(0, self._page + pages))
        self._fill()

    def tell_marks(self, row: int | None = None) -> None:
        """Bring the page's marks up to date."""
        del row
        self._fill()

    def _fill(self) -> None:
        first = self._page * PAGE_ROWS
        shown = self._order[first : first + PAGE_ROWS].tolist()
        self._tiles.children = tuple(self._tile(row) for row in shown)
        self._back.disabled, self._on.disabled = self._page == 0, self._page == self.pages - 1
        self._tell()

    def _tell(self) -> None:
        words = [
            f"page {self._page + 1} of {self.pages}",
            f"{len(self._order):,} of {len(self._rows):,} rows",
        ]
        self._told.value = " \u00b7 ".join([*words, *self._marks.told()])

    def _tile(self, row: int) -> ipywidgets.VBox:
        cell, mask = self._rows.cells(row)
        picture = ipywidgets.Image(
            value=_png(painted_tile(cell, mask, side=_SIDE, **self._reading)),
            format="png",
            width=_SIDE,
            height=_SIDE,
        )
        check = ipywidgets.Checkbox(value=row in self.selected, description="select", indent=False)
        check.layout = ipywidgets.Layout(width="5em")
        check.observe(lambda change: self._on_check(row, is_on=change["new"]), names="value")
        code = int(self._marks.codes[row])
        choice = ipywidgets.Dropdown(options=[_NO_MARK, *MARKS], index=code, layout={"width": "6.5em"})
        choice.observe(lambda change: self._on_mark(row, change["new"]), names="index")
        title, note = self._rows.title(row), self._rows.note(row, self._by)
        return ipywidgets.VBox(
            [
                picture,
                _plain_text(title, width=f"{_SIDE}px"),
                _plain_text(note, width=f"{_SIDE}px"),
                ipywidgets.HBox([check, choice]),
            ]
        )

    def _on_check(self, row: int, *, is_on: bool) -> None:
        others = [other for other in self.selected if other != row]
        self.selected = [*others, row] if is_on else others

    def _on_mark(self, row: int, code: int) -> None:
        self._marks.set([row], code)
        self._tell()


def _plain_text(value: str = "", *, width: str) -> ipywidgets.Text:
    """Return a text field to be read: what it holds is shown as it is, no markup, no mathematics."""
    return ipywidgets.Text(value=value, disabled=True, layout={"width": width})


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
