"""An annotator's work apart from its picture: what a person does to the rows, what is sent, and what is shown."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError, SamframeError
from samframe.widgets.annotator import events as ev
from samframe.widgets.annotator.ask import Ask, Quote, Reply, Segmenter, ask_of, why_not
from samframe.widgets.annotator.edited import edits_of_frame, write_edits

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    import pandas as pd

    from samframe.widgets.annotator.edits import Edits
    from samframe.widgets.annotator.events import Point

__all__ = ["Desk"]

_STEPS: dict[str, type[ev.RowEvent]] = {
    "point": ev.Point,
    "remove_point": ev.RemovePoint,
    "prompt": ev.Prompt,
    "note": ev.Note,
    "brush": ev.Brush,
    "polygon": ev.Polygon,
    "accept": ev.Accept,
    "reject": ev.Reject,
}


class Desk:
    """The rows on an annotator's desk.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame; it is not changed.
    rows : sequence of int
        Positions of the rows to go through, in order.
    prompt_col : column name or None
    mask_col : column name
    segmenter : Segmenter
        Where jobs go.
    background : callable
        Runs a function in a thread of its own.
    points : callable
        Takes a row and returns the points that it begins with.
    changed : callable
        Told, under the desk's lock, that what is shown has changed.
    """

    def __init__(
        self,
        df: pd.DataFrame,
        rows: Sequence[int],
        *,
        prompt_col: Hashable | None,
        mask_col: Hashable,
        segmenter: Segmenter,
        background: Callable[[Callable[[], None]], None],
        points: Callable[[int], tuple[Point, ...]] = lambda _: (),
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._df = df.copy(deep=False)
        self._mask_col = mask_col
        prompts = None if prompt_col is None else df[prompt_col].tolist()
        self.edits: Edits = edits_of_frame(
            df,
            mask_col=mask_col,
            prompt=lambda row: None if prompts is None else _prompt(prompts[row]),
            points=points,
        )
        self.rows = list(rows)
        self.at = 0
        self.message = ""
        self.lock = threading.RLock()
        self.changed = changed
        self.sizes_hw: dict[int, tuple[int, int]] = {}
        self._segmenter = segmenter
        self._background = background
        self._quotes: dict[Ask, Quote | str] = {}
        self._is_quoting = False
        #: Free and quick jobs are sent by a click: a click's mask is shown at once.
        self._is_live = bool(getattr(segmenter, "is_live", False))
        self._told_open: int | None = None

    @property
    def row(self) -> int:
        """Position in the frame of the row that is shown."""
        return self.rows[self.at]

    def result(self) -> pd.DataFrame:
        """Return the new frame."""
        with self.lock:
            return write_edits(self._df, self.edits, mask_col=self._mask_col)

    def size_hw(self, row: int) -> tuple[int, int] | None:
        """Return height and width of a row's image as stored, None where they are unknown."""
        mask = self.edits.state(row).mask
        return self.sizes_hw.get(row) or (None if mask is None else mask.size_hw)

    # -- what a person does --------------------------------------------------------------------------------------------

    def act(self, deed: Mapping[str, Any]) -> None:
        """Do what a message from the page asks for; what cannot be done is told in ``message``."""
        with self.lock:
            self.message = ""
            try:
                self._act(deed)
            except OptionError as error:
                self.message = str(error)
            self._show()

    def _act(self, deed: Mapping[str, Any]) -> None:
        fields = {name: value for name, value in deed.items() if name != "do"}
        match deed.get("do"):
            case "go":
                self.go(fields.get("to", self.at))
            case "undo" | "redo" as word:
                self._turn(word)
            case "send":
                self.send([self._row(fields)], usd_shown=fields.get("usd"))
            case "send_queue":
                self.send(list(self.edits.queue), usd_shown=fields.get("usd"))
            case "queue":
                self._line_up(self._row(fields))
            case "brush" | "polygon" as word:
                self._paint(word, fields)
            case str() as word if word in _STEPS:
                self.edits.apply(_event(_STEPS[word], fields))
                if word in {"point", "remove_point"} and self._is_live:
                    self._send_at_once(self._row(fields))
                if word in {"accept", "reject"} and self.rows and fields.get("row") == self.row:
                    self.at = min(self.at + 1, len(self.rows) - 1)
            case _:
                raise OptionError("The page asked for something unknown; reload the notebook.")

    def _row(self, fields: Mapping[str, Any]) -> int:
        row = fields.get("row")
        if isinstance(row, bool) or not isinstance(row, int) or not 0 <= row < self.edits.n_rows:
            raise OptionError(f"There is no row {row!r:.40}.")
        return row

    def go(self, at: Any) -> None:
        """Show another row, by its place among the rows of the desk; the ends hold."""
        if isinstance(at, bool) or not isinstance(at, int):
            raise OptionError(f"A place among the rows is a whole number; it is {at!r:.40}.")
        self.at = min(max(at, 0), len(self.rows) - 1)

    def _turn(self, word: str) -> None:
        row = self.edits.apply(ev.Undo() if word == "undo" else ev.Redo()) if self._can(word) else None
        if row is None:
            self.message = f"There is nothing to {word}."
        elif row in self.rows:
            self.at = self.rows.index(row)

    def _can(self, word: str) -> bool:
        return self.edits.can_undo if word == "undo" else self.edits.can_redo

    def _line_up(self, row: int) -> None:
        if row in self.edits.queue:
            self.edits.apply(ev.Dequeue(row=row))
            return
        if ask_of(row, self.edits.state(row)) is None:
            raise OptionError(why_not(self.edits.state(row)))
        self.edits.apply(ev.Enqueue(row=row))

    def _paint(self, word: str, fields: Mapping[str, Any]) -> None:
        size_hw = self.size_hw(self._row(fields))
        if size_hw is None:
            raise OptionError("The size of this image is not known, so nothing can be drawn on it.")
        self.edits.apply(_event(_STEPS[word], {**fields, "size_hw": size_hw}))

    # -- what is sent --------------------------------------------------------------------------------------------------

    def send(self, rows: Sequence[int], *, usd_shown: Any) -> None:
        """Send rows as one batch, for no more than was shown.

        Raises
        ------
        OptionError
            If there is nothing to send, or no price was shown.
        """
        asks = []
        for row in rows:
            ask = ask_of(row, self.edits.state(row))
            if ask is not None:
                asks.append(ask)
        if not asks:
            raise OptionError(
                why_not(self.edits.state(rows[0])) if rows else "The queue is empty: Q puts a row in it."
            )
        found = self.quote(asks)
        if isinstance(found, str):
            raise OptionError(found)
        if isinstance(usd_shown, bool) or not isinstance(usd_shown, int | float) or not usd_shown >= 0:
            raise OptionError("The price is not known yet; nothing was sent. Press Enter again.")
        if any(self.edits.is_waiting(ask.row) and self._is_out(ask) for ask in asks):
            raise OptionError("This is on its way already.")
        tickets = []
        for ask in asks:
            tickets.append(self.edits.next_ticket)
            self.edits.apply(
                ev.Sent(
                    row=ask.row,
                    ticket=tickets[-1],
                    prompt=ask.prompt,
                    points=ask.points,
                    remove_points=ask.remove_points,
                )
            )
        self._segmenter.send(
            asks, usd_limit=float(usd_shown), done=lambda replies: self._receive(asks, tickets, replies)
        )

    def _send_at_once(self, row: int) -> None:
        """Send a row's points, unless an earlier question about it is out: its answer sends what is new then."""
        ask = ask_of(row, self.edits.state(row))
        if ask is not None and ask.points and not self.edits.is_waiting(row):
            self.send([row], usd_shown=0.0)

    def _is_out(self, ask: Ask) -> bool:
        return any(
            (sent.row, sent.prompt, sent.points, sent.remove_points)
            == (ask.row, ask.prompt, ask.points, ask.remove_points)
            for sent in self.edits.waiting.values()
        )

    def _receive(self, asks: Sequence[Ask], tickets: Sequence[int], replies: Sequence[Reply] | str) -> None:
        """Take in what came back, in whatever thread."""
        if isinstance(replies, str):
            replies = [Reply(status="failed", error=replies)] * len(asks)
        with self.lock:
            for ask, ticket, reply in zip(asks, tickets, replies, strict=True):
                self.edits.apply(
                    ev.Received(
                        row=ask.row,
                        ticket=ticket,
                        status=reply.status,
                        mask=reply.mask,
                        error=reply.error,
                        request_id=reply.request_id,
                        inference_time=reply.inference_time,
                    )
                )
            for ask in asks:
                self._quotes.pop(ask, None)  # what was paid for is free from now on
            if self._is_live:
                self._send_newer(asks)
            self._show()

    def _send_newer(self, asks: Sequence[Ask]) -> None:
        for ask in asks:
            newer = ask_of(ask.row, self.edits.state(ask.row))
            if newer is not None and newer != ask and ask.points:
                try:
                    self._send_at_once(ask.row)
                except OptionError as error:
                    self.message = str(error)

    # -- what it costs -------------------------------------------------------------------------------------------------

    def batch(self) -> tuple[Ask, ...]:
        """Return the jobs of the queue."""
        asks = (ask_of(row, self.edits.state(row)) for row in self.edits.queue)
        return tuple(ask for ask in asks if ask is not None)

    def ask(self) -> tuple[Ask, ...]:
        """Return the job of the row that is shown, if there is one."""
        ask = ask_of(self.row, self.edits.state(self.row)) if self.rows else None
        return () if ask is None else (ask,)

    def quote(self, asks: Sequence[Ask]) -> Quote | str | None:
        """Return the price of jobs, or the words for why they cannot be sent; None where there is no price.

        Until each one's own price is found it is what so many jobs cost at most.
        """
        known: list[Quote] = []
        for ask in asks:
            found = self._quotes.get(ask)
            if isinstance(found, str):
                return found
            if found is not None:
                known.append(found)
        return self._segmenter.total(known) if len(known) == len(asks) else self._segmenter.at_most(len(asks))

    def at_most(self) -> Quote | None:
        """Return what one job costs at most, None where nothing can be sent."""
        return self._segmenter.at_most(1)

    def _unquoted(self) -> list[Ask]:
        return [ask for ask in (*self.ask(), *self.batch()) if ask not in self._quotes]

    def _show(self) -> None:
        self.changed()
        if self._is_live and self.rows and self.row != self._told_open:
            row = self._told_open = self.row
            self._background(lambda: self._segmenter.prepare(row))
        if self._unquoted() and not self._is_quoting:
            self._is_quoting = True
            self._background(self._find_prices)

    def _find_prices(self) -> None:
        """Find the prices that are wanted, that of the row in view first; one thread at a time."""
        while True:
            with self.lock:
                wanted = self._unquoted()
                if not wanted:
                    self._is_quoting = False
                    return
            found = _quoted(self._segmenter, wanted[0])
            with self.lock:
                self._quotes[wanted[0]] = found
                self.changed()

    def open(self) -> None:
        """Show the first row."""
        with self.lock:
            self._show()


def _quoted(segmenter: Segmenter, ask: Ask) -> Quote | str:
    try:
        return segmenter.quote(ask)
    except SamframeError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the next row's price is still to be found
        return f"the price is not known ({type(error).__name__}: {error})"


def _event(kind: type[ev.RowEvent], fields: Mapping[str, Any]) -> ev.Event:
    """Return the event that a message tells of; what the message has besides is passed over."""
    known = {name: value for name, value in fields.items() if name in kind.__dataclass_fields__}
    return ev.event_from_json({"kind": kind.kind, **known})


def _prompt(cell: object) -> str | None:
    return cell if isinstance(cell, str) else None
