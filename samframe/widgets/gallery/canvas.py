"""The gallery's canvas: an anywidget that hands the page what comes into view, and takes marks and choices from it."""

from __future__ import annotations

import math
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import numpy as np
import traitlets

from samframe.widgets.gallery.rows import ROW_ORDER
from samframe.widgets.module import module_text, style_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from samframe.widgets.gallery.marks import Marks
    from samframe.widgets.gallery.rows import GalleryRows
    from samframe.widgets.gallery.tiles import TileMaker, TilePicture

__all__ = ["GalleryCanvas"]

_MOST_TILES = 64
_SIDES = (32, 2048)


class GalleryCanvas(anywidget.AnyWidget):
    """The part of a gallery that a page paints.

    Orders, colours and marks go as bytes in messages and not as traits: a notebook that is saved keeps none of them.

    Parameters
    ----------
    rows : GalleryRows
    tiles : TileMaker
    marks : Marks
    on_painted : callable, optional
        Called once, when a page has painted the first view.
    """

    _esm = module_text("gallery")
    _css = style_text("gallery")

    opacity = traitlets.Float(0.55).tag(sync=True)
    outline = traitlets.Bool(default_value=False).tag(sync=True)
    tile = traitlets.Int(150).tag(sync=True)
    height = traitlets.Int(520).tag(sync=True)
    selected = traitlets.List(traitlets.Int()).tag(sync=True)
    footer = traitlets.Unicode("").tag(sync=True)
    uid = traitlets.Unicode("").tag(sync=True)

    #: Tiles in the first view, and screen pixels of a CSS pixel, of the latest page of this kernel.
    _latest_page: ClassVar[tuple[int, float]] = (24, 1.0)

    def __init__(
        self,
        rows: GalleryRows,
        tiles: TileMaker,
        marks: Marks,
        *,
        on_painted: Callable[[], None] | None = None,
        **traits: Any,
    ) -> None:
        self._on_painted = on_painted
        self._rows = rows
        self._tiles = tiles
        self._marks = marks
        self._order: NDArray[np.int64] = rows.order()
        self._by: str | None = None
        self._colouring = rows.colours(None)
        self._version = 0
        # A page may say hello in one thread while another shows other rows.
        self._state = RLock()
        super().__init__(**traits)
        self.on_msg(self._on_message)

    def prepare(self) -> None:
        """Begin to make the tiles that a page will ask for first; a page of another kind asks for others."""
        count, ratio = self._latest_page
        with self._state:
            first = self._order[:count].tolist()
        self._tiles.prepare(first, side=_side({"size": math.ceil(self.tile * ratio)}))

    def show(self, order: NDArray[np.int64], *, by: str | None, colour_by: str | None) -> None:
        """Show these rows in this order.

        Parameters
        ----------
        order : ndarray of int64, shape (n_shown,)
            Positions.
        by : str or None
            What they are sorted by, which their notes tell.
        colour_by : str or None
            The column that colours the masks.
        """
        shown = set(order.tolist())
        by = None if by == ROW_ORDER else by
        with self._state:
            self._order = order
            if by != self._by:
                # Tiles that the page has hold notes of another kind.
                self._by = by
                self._version += 1
            self._colouring = self._rows.colours(colour_by)
            self.selected = [row for row in self.selected if row in shown]
            self._send_rows()

    def tell_marks(self, row: int | None = None) -> None:
        """Bring the page's marks up to date; the row, where given, becomes the one in focus."""
        content = {"kind": "marks", "told": self._told()} | ({} if row is None else {"id": row})
        self.send(content | {"rows": len(self._rows)}, [_unless_zero(self._marks.codes)])

    def _send_rows(self, *, coming: int = 0, view: object = None) -> None:
        """Tell the page what to show. It need not ask for the tiles of the first rows, as many as are ``coming``.

        ``view``: the one view that is told, as it names itself; None: all.
        """
        codes, palette, legend = self._colouring
        content = {
            "kind": "rows",
            "version": self._version,
            "palette": palette,
            "legend": legend,
            "told": self._told(),
            "n": len(self._order),
            "rows": len(self._rows),
            "coming": coming,
        } | ({} if view is None else {"view": view})
        is_plain = np.array_equal(self._order, np.arange(len(self._order)))
        order = b"" if is_plain else self._order.astype("<u4").tobytes()
        self.send(content, [order, _unless_zero(codes), _unless_zero(self._marks.codes)])

    def _told(self) -> str:
        rows = f"{len(self._order):,} of {len(self._rows):,} rows"
        return " \u00b7 ".join([rows, *self._marks.told()])

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Do what the page asks for. What it says is checked: rows that do not exist are passed over."""
        handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "hello": self._on_hello,
            "tiles": self._on_tiles,
            "painted": self._on_painted_first,
            "large": self._on_large,
            "mark": self._on_mark,
            "undo": self._on_undo,
        }
        handler = handlers.get(content.get("kind", "")) if isinstance(content, dict) else None
        if handler is not None:
            handler(content)

    def _on_hello(self, content: dict[str, Any]) -> None:
        guess = content.get("guess")
        count = min(_MOST_TILES, max(0, guess)) if isinstance(guess, int) else 0
        GalleryCanvas._latest_page = (count, min(3.0, max(1.0, _side(content) / max(1, self.tile))))
        with self._state:
            first, version, by = self._order[:count].tolist(), self._version, self._by
            self._send_rows(coming=len(first), view=content.get("view"))
        self._send_tiles(first, content | {"version": version}, by=by)

    def _on_tiles(self, content: dict[str, Any]) -> None:
        with self._state:
            by = self._by
        self._send_tiles(self._ids(content.get("ids"))[:_MOST_TILES], content, by=by)

    def _on_painted_first(self, _content: dict[str, Any]) -> None:
        if self._on_painted is not None:
            self._on_painted()
            # Not before: what failed is tried again when the page is opened anew.
            self._on_painted = None

    def _send_tiles(self, ids: list[int], content: dict[str, Any], *, by: str | None) -> None:
        answer = {"kind": "tiles", "version": content.get("version"), "size": content.get("size")}
        at = 0
        for pictures in self._tiles.in_parts(ids, side=_side(content)):
            part = ids[at : at + len(pictures)]
            at += len(pictures)
            told = [self._tile(row, picture, by) for row, picture in zip(part, pictures, strict=True)]
            buffers = [buffer for picture in pictures for buffer in (picture.jpeg, picture.counts)]
            self.send({**answer, "tiles": told}, buffers)

    def _tile(self, row: int, picture: TilePicture, by: str | None) -> dict[str, Any]:
        height, width = picture.size_hw
        title, note = self._words(row, by)
        return {"id": row, "h": height, "w": width, "title": title, "note": note}

    def _words(self, row: int, by: str | None) -> tuple[str, str]:
        """Return a row's title and note; of a row whose cells cannot be read, its position and that it is so."""
        try:
            return self._rows.title(row), self._rows.note(row, by)
        except Exception as error:  # noqa: BLE001 - one row must not keep the page waiting for those beside it
            return f"row {row}", f"cannot be read ({type(error).__name__})"

    def _lines(self, row: int) -> list[tuple[str, str]]:
        """Return all that is told of a row; of a row whose cells cannot be read, its position and that it is so."""
        try:
            return self._rows.lines(row)
        except Exception as error:  # noqa: BLE001 - without an answer the page would wait for its picture, too
            return [("position", f"{row:,}"), ("row", f"cannot be read ({type(error).__name__})")]

    def _on_large(self, content: dict[str, Any]) -> None:
        for row in self._ids([content.get("id")]):
            (picture,) = self._tiles.make([row], side=_side(content))
            height, width = picture.size_hw
            lines = self._lines(row)
            if picture.problem:
                lines.append(("image not shown", picture.problem))
            tile = {"id": row, "h": height, "w": width}
            self.send(
                {"kind": "large", "version": content.get("version"), "tile": tile, "lines": lines},
                [picture.jpeg, picture.counts],
            )

    def _on_mark(self, content: dict[str, Any]) -> None:
        code = content.get("mark")
        if isinstance(code, int):
            self._marks.set(self._ids(content.get("ids")), code)
            self.tell_marks()

    def _on_undo(self, _content: dict[str, Any]) -> None:
        self.tell_marks(self._marks.undo())

    def _ids(self, given: Any) -> list[int]:
        ids = given if isinstance(given, list) else []
        return [row for row in ids if isinstance(row, int) and 0 <= row < len(self._rows)]


def _unless_zero(codes: NDArray[np.uint8]) -> bytes:
    """Return codes as bytes; none where all are 0, which a page takes for as many zeros as there are rows."""
    return codes.tobytes() if codes.any() else b""


def _side(content: dict[str, Any]) -> int:
    size = content.get("size")
    low, high = _SIDES
    return min(high, max(low, size)) if isinstance(size, int) else high
