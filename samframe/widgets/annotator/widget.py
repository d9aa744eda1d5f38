"""The annotator: one image at a time on a canvas, points and strokes on it, and jobs sent from it."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from contextvars import copy_context
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from IPython.display import HTML, display

from samframe.errors import SamframeError
from samframe.ground.frame import image_cells
from samframe.images import Image, find_source, make_thumbnail
from samframe.widgets.annotator.desk import Desk
from samframe.widgets.annotator.view import marks_of, view_of
from samframe.widgets.module import module_text

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Hashable, Sequence

    import pandas as pd

    from samframe.images import Thumbnail
    from samframe.widgets.annotator.ask import Segmenter
    from samframe.widgets.annotator.events import Event, Point

__all__ = ["Annotator"]

_PICTURE_SIDE = 2048
_PICTURE_QUALITY = 88
_PICTURES_KEPT = 6
_MOST_VIEWS = 8


class Annotator(anywidget.AnyWidget):
    """Images with their masks, one at a time, to be corrected by points, a prompt, brush and polygon.

    Nothing is sent by a click: Enter sends the row that is shown, for the price that stands beside it.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame; it is not changed.
    rows : sequence of int
        Positions of the rows to go through.
    image_col, prompt_col, mask_col : column name
        ``prompt_col`` may be None.
    segmenter : Segmenter
        Where jobs go.
    image_root : path, optional
        Folder that paths must lie in.
    fetch : callable, optional
        Takes an http(s) URL and returns its bytes; None: images behind URLs are not shown.
    background : callable, optional
        Runs a function; None: in a thread.
    points : callable
        Takes a row and returns the points that it begins with.
    """

    _esm = module_text("annotator")
    _css = files("samframe.widgets").joinpath("static", "annotator.css").read_text(encoding="utf-8")

    state = traitlets.Dict().tag(sync=True)
    marks = traitlets.Bytes(b"").tag(sync=True)
    uid = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        df: pd.DataFrame,
        rows: Sequence[int],
        *,
        image_col: Hashable,
        prompt_col: Hashable | None,
        mask_col: Hashable,
        segmenter: Segmenter,
        image_root: str | os.PathLike[str] | None = None,
        fetch: Callable[[str], bytes] | None = None,
        background: Callable[[Callable[[], None]], None] | None = None,
        points: Callable[[int], tuple[Point, ...]] = lambda _: (),
    ) -> None:
        self._background = background or _in_thread
        self._images = image_cells(df, image_col)
        self._labels = [_label(label) for label in df.index]
        self._image_root = image_root
        self._fetch = fetch
        self._pictures: OrderedDict[int, Thumbnail | str] = OrderedDict()
        self._acks: dict[str, int] = {}
        self._number = 0
        self._desk = Desk(
            df,
            rows,
            prompt_col=prompt_col,
            mask_col=mask_col,
            segmenter=segmenter,
            background=self._background,
            points=points,
        )
        super().__init__(uid=secrets.token_hex(8))
        self._idle = threading.Condition(self._desk.lock)
        self._desk.changed = self._show
        self.on_msg(self._on_message)
        self._desk.open()

    # -- for Python ----------------------------------------------------------------------------------------------------

    @property
    def events(self) -> tuple[Event, ...]:
        """Every step so far, oldest first; ``[event.to_json() for event in events]`` is what JSON holds."""
        with self._desk.lock:
            return self._desk.edits.log

    @property
    def pending(self) -> list[int]:
        """Positions of the rows whose jobs have not come back."""
        with self._desk.lock:
            return sorted({sent.row for sent in self._desk.edits.waiting.values()})

    def result(self) -> pd.DataFrame:
        """Return a new frame with the accepted masks and how they came about.

        Rows that were accepted get their mask, the status ``completed`` and no error, where the frame has such columns.
        Added are ``review`` (``accepted``, ``rejected``), ``edited`` (``points``, ``prompt``, ``by hand`` or several),
        ``edited_prompt``, ``edited_points`` and ``edited_remove_points`` (lists of ``(x, y)``), ``edited_request_id``
        and ``review_note``; NA, or None, where nothing was done.
        """
        return self._desk.result()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is pending; return whether that came about within ``timeout_s`` seconds."""
        with self._idle:
            return bool(self._idle.wait_for(lambda: not self._desk.edits.waiting, timeout_s))

    def _ipython_display_(self, **_options: Any) -> None:
        """Show the annotator, and a line that stays in a saved notebook; the live annotator hides it."""
        display(self._repr_mimebundle_()[0], raw=True)
        rows = len(self._desk.rows)
        display(
            HTML(
                f'<div class="samframe-snapshot-{self.uid}">samframe annotator, {rows:,} rows. '
                "To go on, run this cell.</div>"
            )
        )

    def __repr__(self) -> str:
        edits = self._desk.edits
        return f"<samframe annotator: {len(self._desk.rows)} rows, {len(edits.log)} events>"

    # -- for the page --------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        """Bring the page up to date; called under the desk's lock."""
        self._number += 1
        view = view_of(self._desk, self._labels)
        self.state = {"number": self._number, "acks": dict(self._acks), **view}
        self.marks = marks_of(self._desk)
        self._idle.notify_all()

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        if content.get("do") == "picture":
            self._background(lambda: self._send_picture(content.get("row"), content.get("view")))
            return
        with self._desk.lock:
            view, deed = content.get("view"), content.get("deed")
            if isinstance(view, str) and isinstance(deed, int):
                self._acks.pop(view, None)
                self._acks[view] = deed
                while len(self._acks) > _MOST_VIEWS:
                    del self._acks[next(iter(self._acks))]
            self._desk.act({name: value for name, value in content.items() if name not in {"view", "deed"}})

    def _send_picture(self, row: Any, view: Any) -> None:
        if isinstance(row, bool) or not isinstance(row, int) or not 0 <= row < len(self._images):
            return
        picture = self._picture(row)
        answer: dict[str, Any] = {"kind": "picture", "row": row, "view": view}
        if isinstance(picture, str):
            self.send({**answer, "error": picture, "size_hw": self._desk.size_hw(row)})
            return
        with self._desk.lock:
            size_hw, orientation = self._raster(row, picture)
            self._desk.sizes_hw[row] = size_hw
        self.send({**answer, "size_hw": list(size_hw), "orientation": orientation}, [picture.jpeg])

    def _raster(self, row: int, picture: Thumbnail) -> tuple[tuple[int, int], int]:
        """Return the size of the raster that a row's mask and points lie on, and how it stands: as stored.

        Of an image behind a URL the service sees the file: where its mask came upright, points are upright as well.
        """
        mask = self._desk.edits.given(row).mask
        is_url = isinstance(find_source(self._images[row], image_root=self._image_root), Image)
        if is_url and mask is not None and picture.is_on_it(mask.size_hw):
            return picture.full_hw, 1
        return picture.stored_hw, picture.orientation

    def _picture(self, row: int) -> Thumbnail | str:
        """Return a row's picture, or the words for why it has none; the latest few are kept."""
        with self._desk.lock:
            if row in self._pictures:
                self._pictures.move_to_end(row)
                return self._pictures[row]
        found: Thumbnail | str
        try:
            found = make_thumbnail(
                self._images[row],
                max_side=_PICTURE_SIDE,
                quality=_PICTURE_QUALITY,
                image_root=self._image_root,
                fetch=self._fetch,
            )
        except SamframeError as error:
            found = str(error)
        with self._desk.lock:
            self._pictures[row] = found
            while len(self._pictures) > _PICTURES_KEPT:
                self._pictures.popitem(last=False)
        return found


def _in_thread(function: Callable[[], None]) -> None:
    # A copied context: ipykernel finds a message's cell by a context variable.
    threading.Thread(
        target=copy_context().run, args=(function,), name="samframe-annotator", daemon=True
    ).start()


def _label(label: object) -> str:
    """Return an index label as one line of text."""
    return " ".join(str(label).split())
