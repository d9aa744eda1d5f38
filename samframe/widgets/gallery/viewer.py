"""The viewer that ``df.sam.view()`` returns: a gallery, its controls, and what was chosen and marked in it."""

from __future__ import annotations

import importlib.util
import uuid
from threading import RLock
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from IPython.display import HTML, display

from samframe.errors import OptionError
from samframe.widgets.gallery.controls import NO_COLUMN, Controls
from samframe.widgets.gallery.marks import MARKS, UNMARKED, Marks
from samframe.widgets.gallery.pages import GalleryPages
from samframe.widgets.gallery.query import Filter, Range, expression_of, rows_kept
from samframe.widgets.gallery.rows import ROW_ORDER, GalleryRows
from samframe.widgets.gallery.snapshot import snapshot_html
from samframe.widgets.gallery.tiles import TileMaker

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Viewer"]


class Viewer:
    """Rows of a frame as a gallery: filtered, sorted, looked at, marked.

    Parameters
    ----------
    rows : GalleryRows
    marks : Marks
    image_root, fetch
        As for :func:`samframe.images.make_thumbnail`.
    tile, height : int
        Side of a tile and height of the gallery, CSS pixels.
    canvas : bool, optional
        Whether the page paints the gallery (anywidget); False: pages of 25 in plain ipywidgets. None: as anywidget is
        installed or not.
    """

    def __init__(
        self,
        rows: GalleryRows,
        marks: Marks,
        *,
        image_root: str | os.PathLike[str] | None = None,
        fetch: Callable[[str], bytes] | None = None,
        tile: int = 150,
        height: int = 520,
        canvas: bool | None = None,
    ) -> None:
        self._rows = rows
        rows.marks = marks
        marks.changed = self._on_marked
        self._marks = marks
        self._reading = {"image_root": image_root, "fetch": fetch}
        self._uid = uuid.uuid4().hex[:12]
        self._kept = np.ones(len(rows), dtype=bool)
        self._expression = ""
        self._made: Controls | None = None
        self._making = RLock()
        # Empty until the first tiles are painted: controls are many widgets, and know the ranges of all values.
        self._holder = ipywidgets.VBox()
        self._holder.add_class("samframe-controls")
        use_canvas = importlib.util.find_spec("anywidget") is not None if canvas is None else canvas
        self.gallery: Any
        if use_canvas:
            from samframe.widgets.gallery.canvas import GalleryCanvas  # noqa: PLC0415 - where anywidget is installed

            tiles = TileMaker(rows.cells, image_root=image_root, fetch=fetch)
            self.gallery = GalleryCanvas(
                rows,
                tiles,
                marks,
                on_painted=self._add_controls,
                tile=tile,
                height=height,
                uid=self._uid,
                footer=_footer(rows),
            )
            view = self.gallery
        else:
            self.gallery = GalleryPages(rows, marks, footer=_footer(rows), **self._reading)
            view = self.gallery.widget
        self._frame = ipywidgets.VBox([self._holder, view])
        self._frame.add_class("samframe-viewer")
        if not use_canvas:
            self._frame.add_class("samframe-is-live")
            self._add_controls()

    @property
    def widget(self) -> ipywidgets.VBox:
        """The controls and the gallery, for a layout of one's own."""
        self._add_controls()
        return self._frame

    # -- what was done with it -----------------------------------------------------------------------------------------

    @property
    def selected(self) -> pd.DataFrame:
        """The rows that are selected, in the frame's order; a frame of its own."""
        return self._rows.frame.iloc[sorted(self.gallery.selected)].copy()

    @property
    def positions(self) -> list[int]:
        """Positions in the frame of the rows that are shown, in the order in which they are."""
        return [int(row) for row in self._order()]

    @property
    def query(self) -> str:
        """The filter as an expression: ``df.query(viewer.query)`` gives the rows that are shown, in the frame's order.

        A filter that keeps everything is ``"index == index"``. One that asks for marks is one of ``viewer.result()``,
        which has them. Where numexpr is installed, pandas needs to be told
        ``df.query(viewer.query, engine="python")``.
        """
        return self._expression or "index == index"

    def result(self, column: str = "mark") -> pd.DataFrame:
        """Return a new frame: all rows, and the marks as a column.

        Parameters
        ----------
        column : str
            Its name: a categorical of ``accepted``, ``rejected`` and ``flagged``, NA where a row has no mark. A column
            of this name is replaced.
        """
        return self._rows.frame.assign(**{column: self._marks.column()})

    # -- what can be done with it from Python --------------------------------------------------------------------------

    def filter(
        self,
        *,
        status: str | Iterable[str] = (),
        text: str = "",
        area: Range = (None, None),
        seconds: Range = (None, None),
        query: str = "",
        mark: str | Iterable[str] = (),
    ) -> None:
        """Show the rows for which all of this holds; the controls follow. Without arguments: all rows.

        Parameters
        ----------
        status : str or iterable of str
            Any of these.
        text : str
            The prompt contains it, whatever the case.
        area : (float or None, float or None)
            Pixels of the mask, ends included.
        seconds : (float or None, float or None)
            Inference time, ends included.
        query : str
            A pandas query, which sees the frame's columns, the marks as ``mark``, and no variables.
        mark : str or iterable of str
            Any of ``accepted``, ``rejected``, ``flagged`` and ``unmarked``.

        Raises
        ------
        OptionError
            If a status or mark does not occur, or the query is not understood; what is shown stays as it was.
        """
        statuses = (status,) if isinstance(status, str) else tuple(status)
        unknown = [name for name in statuses if name not in self._rows.statuses]
        if unknown:
            raise OptionError(
                f"No row has the status {unknown[0]!r}; there are {', '.join(self._rows.statuses) or 'none'}."
            )
        marks = (mark,) if isinstance(mark, str) else tuple(mark)
        for name in marks:
            if name not in (*MARKS, UNMARKED):
                raise OptionError(f"Rows are {', '.join(MARKS)} or {UNMARKED}; mark is {name!r}.")
        wanted = Filter(statuses=statuses, text=text, area=area, seconds=seconds, query=query, marks=marks)
        self._kept_by(self._expression_of(wanted))
        self._controls.set_filter(wanted)

    def sort(self, by: str = ROW_ORDER, *, descending: bool = False) -> None:
        """Sort by a column, by ``"mask area"``, ``"suspicion"`` or ``"row order"``; rows without a value come last.

        Raises
        ------
        OptionError
            If there is nothing of this name to sort by.
        """
        self._rows.order(by, descending=descending)
        self._controls.set_order(by, descending=descending)

    def mark(self, positions: Iterable[int], mark: str | None) -> None:
        """Mark rows by their positions: ``"accepted"``, ``"rejected"``, ``"flagged"``, or None for no mark.

        Raises
        ------
        OptionError
            If it is another mark.
        """
        self._marks.set([int(row) for row in positions], Marks.code_of(mark))
        self.gallery.tell_marks()

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _controls(self) -> Controls:
        """The controls, made once: a page that has painted and a call from Python may ask for them at the same time."""
        with self._making:
            if self._made is None:
                controls = Controls(self._rows, self._on_change)
                looks = [] if isinstance(self.gallery, GalleryPages) else [self._looks()]
                self._holder.children = [*controls.lines, *looks]
                self._made = controls
            return self._made

    def _add_controls(self) -> None:
        """Add the controls above the gallery, where they are not yet."""
        _ = self._controls

    def _ipython_display_(self, **_options: Any) -> None:
        """Show the gallery, and below it a picture that stays when the kernel is gone; a live gallery hides it."""
        display(self._frame)
        if hasattr(self.gallery, "uid"):
            display(HTML(snapshot_html(self._rows, self._uid, **self._reading)))
            # While the page still builds its widgets.
            self.gallery.prepare()

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        """Return the gallery for hosts other than IPython: as a widget, as a small static picture, and as text."""
        self._add_controls()
        shown = self._frame._repr_mimebundle_() or {}
        page = {"text/html": snapshot_html(self._rows, self._uid, **self._reading)}
        return {**shown, **page, "text/plain": repr(self)}

    def _display_(self) -> Any:
        """Return what marimo shows: the canvas alone, as it draws no controls of ipywidgets."""
        return self.gallery if hasattr(self.gallery, "uid") else self._frame

    def __repr__(self) -> str:
        return f"<samframe.Viewer: {int(self._kept.sum()):,} of {len(self._rows):,} rows>"

    def _expression_of(self, wanted: Filter) -> str:
        rows = self._rows
        return expression_of(
            wanted,
            status_col=rows.status_col,
            prompt_col=rows.prompt_col,
            mask_col=rows.mask_col,
            seconds_col=rows.seconds_col,
            mark_col=self._marks.name,
        )

    def _kept_by(self, expression: str) -> NDArray[np.bool_]:
        return rows_kept(self._rows.queried(expression), expression)

    def _on_marked(self) -> None:
        """Count the marks again, and let rows go that a filter by marks does not keep any more."""
        with self._making:
            if self._made is None:
                return
            self._made.tell_marks()
            if self._marks.name in self._expression:
                self._on_change()

    def _on_change(self) -> None:
        """Show what the controls ask for; a query that is not understood leaves the rows as they are, and says so."""
        try:
            expression = self._expression_of(self._controls.filter)
            self._kept = self._kept_by(expression)
            self._expression = expression
            self._controls.tell_problem("")
        except OptionError as error:
            self._controls.tell_problem(str(error))
        by, colour = self._controls.sort.value, self._controls.colour.value
        self.gallery.show(self._order(), by=by, colour_by=None if colour == NO_COLUMN else colour)

    def _order(self) -> NDArray[np.int64]:
        order = self._rows.order(self._controls.sort.value, descending=self._controls.descending.value)
        return order[self._kept[order]]

    def _looks(self) -> ipywidgets.HBox:
        """Return the controls that the page follows by itself, without the kernel."""
        gallery = self.gallery
        shared = {
            "style": {"description_width": "initial"},
            "layout": ipywidgets.Layout(width="auto", flex="0 1 17em"),
        }
        opacity = ipywidgets.FloatSlider(
            value=gallery.opacity, min=0, max=1, step=0.05, description="opacity", readout=False, **shared
        )
        tile = ipywidgets.IntSlider(
            value=gallery.tile,
            min=min(64, gallery.tile),
            max=max(400, gallery.tile),
            step=2,
            description="tile size",
            readout=False,
            **shared,
        )
        outline = ipywidgets.Checkbox(
            value=gallery.outline, description="outline only", indent=False, **shared
        )
        links = [
            ipywidgets.jslink((opacity, "value"), (gallery, "opacity")),
            ipywidgets.jslink((tile, "value"), (gallery, "tile")),
            ipywidgets.jslink((outline, "value"), (gallery, "outline")),
        ]
        line = ipywidgets.HBox(
            [opacity, tile, outline], layout={"flex_flow": "row wrap", "align_items": "center"}
        )
        self._links = links  # a link that nobody holds is undone
        return line


def _footer(rows: GalleryRows) -> str:
    count = rows.offline_rows
    if not count:
        return ""
    if count == len(rows):
        return "All masks are by the offline engine, not SAM 2"
    return f"{count:,} {'mask is' if count == 1 else 'masks are'} by the offline engine, not SAM 2"
