"""The edit model: an append-only log of events, and what each row looks like after them. No widget, no network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from samframe.errors import MaskError, OptionError
from samframe.widgets.annotator import events as ev
from samframe.widgets.annotator.strokes import brush_mask, paint, polygon_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from samframe.masks import Mask

__all__ = ["Decision", "Edits", "Provenance", "RowState"]

BY_HAND = "by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a mask came about.

    Attributes
    ----------
    how : tuple of str
        Of ``points``, ``prompt`` and ``by hand``, in that order; empty for the mask that the row came with.
    prompt, points, remove_points, request_id, inference_time
        What the job was asked with, its id, and its seconds of compute; of the latest job behind the mask.
    """

    how: tuple[str, ...] = ()
    prompt: str | None = None
    points: tuple[ev.XY, ...] = ()
    remove_points: tuple[ev.XY, ...] = ()
    request_id: str | None = None
    inference_time: float | None = None

    @property
    def words(self) -> str | None:
        """The ways in words, None where nothing was done."""
        return ", ".join(self.how) or None

    def by_hand(self) -> Provenance:
        """Return the same with a stroke on top."""
        return self if BY_HAND in self.how else replace(self, how=(*self.how, BY_HAND))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided: ``accepted`` with a mask and its provenance, or ``rejected``."""

    word: str
    mask: Mask | None = None
    provenance: Provenance = Provenance()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowState:
    """One row while it is edited: its points, its prompt, the mask that is shown, and what was decided."""

    mask: Mask | None
    prompt: str | None = None
    points: tuple[ev.Point, ...] = ()
    provenance: Provenance = Provenance()
    decision: Decision | None = None
    note: str = ""

    @property
    def include(self) -> tuple[ev.XY, ...]:
        """The points to include."""
        return tuple((point.x, point.y) for point in self.points if point.include)

    @property
    def exclude(self) -> tuple[ev.XY, ...]:
        """The points to exclude."""
        return tuple((point.x, point.y) for point in self.points if not point.include)


class Edits:
    """The log, and the rows after it.

    Parameters
    ----------
    n_rows : int
        How many rows the frame has.
    given : callable
        The state of a row before any event, by position.
    """

    def __init__(self, n_rows: int, given: Callable[[int], RowState]) -> None:
        self.n_rows = n_rows
        self._given = given
        self._states: dict[int, RowState] = {}
        self._log: list[ev.Event] = []
        self._done: list[tuple[ev.RowEvent, RowState]] = []
        self._undone: list[ev.RowEvent] = []
        self._sent: dict[int, ev.Sent] = {}
        self._latest: dict[int, int] = {}
        self._waiting: dict[int, ev.Sent] = {}
        self._queue: dict[int, None] = {}
        self._errors: dict[int, str] = {}

    @property
    def log(self) -> tuple[ev.Event, ...]:
        """Every event so far, oldest first."""
        return tuple(self._log)

    @property
    def touched(self) -> Mapping[int, RowState]:
        """The rows that any event has changed."""
        return self._states

    @property
    def waiting(self) -> Mapping[int, ev.Sent]:
        """What was sent and has not come back, by ticket."""
        return self._waiting

    @property
    def queue(self) -> tuple[int, ...]:
        """The rows to be sent together, in the order in which they were put there."""
        return tuple(self._queue)

    @property
    def next_ticket(self) -> int:
        """The number that the next job gets."""
        return max(self._sent, default=-1) + 1

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return bool(self._undone)

    @property
    def failed(self) -> frozenset[int]:
        """The rows whose latest job went wrong."""
        return frozenset(self._errors)

    def given(self, row: int) -> RowState:
        """Return a row as it was before any event."""
        return self._given(row)

    def state(self, row: int) -> RowState:
        """Return a row as it is now."""
        found = self._states.get(row)
        return self._given(row) if found is None else found

    def error(self, row: int) -> str | None:
        """Return what went wrong with the row's latest job, None where nothing did."""
        return self._errors.get(row)

    def is_waiting(self, row: int) -> bool:
        """Return whether the row's latest job has not come back."""
        return self._latest.get(row, -1) in self._waiting

    def apply(self, event: ev.Event) -> int | None:
        """Append an event and bring its row up to date.

        Returns
        -------
        int or None
            The row that changed; None for an undo or a redo where there was nothing left.

        Raises
        ------
        OptionError
            If the event does not fit what came before it; then it is not in the log.
        """
        row = self._applied(event)
        self._log.append(event)
        return row

    def _applied(self, event: ev.Event) -> int | None:
        match event:
            case ev.Undo():
                return self._undo()
            case ev.Redo():
                return self._redo()
            case ev.RowEvent(row=row) if row >= self.n_rows:
                raise OptionError(f"an event names row {row}, and there are {self.n_rows} rows.")
            case ev.Sent():
                return self._send(event)
            case ev.Received():
                return self._receive(event)
            case ev.Enqueue() | ev.Dequeue():
                return self._line_up(event)
            case ev.RowEvent():
                self._do(event)
                self._undone.clear()
                return event.row
            case _:
                raise OptionError(f"{type(event).__name__} is no event.")

    def _do(self, event: ev.RowEvent) -> None:
        before = self.state(event.row)
        after = self._step(before, event)
        self._done.append((event, before))
        self._states[event.row] = after

    def _undo(self) -> int | None:
        if not self._done:
            return None
        event, before = self._done.pop()
        self._states[event.row] = before
        self._undone.append(event)
        return event.row

    def _redo(self) -> int | None:
        if not self._undone:
            return None
        self._do(self._undone[-1])
        return self._undone.pop().row

    def _line_up(self, event: ev.Enqueue | ev.Dequeue) -> int:
        if isinstance(event, ev.Enqueue):
            self._queue[event.row] = None
        else:
            self._queue.pop(event.row, None)
        return event.row

    def _send(self, event: ev.Sent) -> int:
        if event.ticket in self._sent:
            raise OptionError(f"ticket {event.ticket} was sent before.")
        self._sent[event.ticket] = self._waiting[event.ticket] = event
        self._latest[event.row] = event.ticket
        self._queue.pop(event.row, None)
        self._errors.pop(event.row, None)
        return event.row

    def _receive(self, event: ev.Received) -> int:
        sent = self._waiting.get(event.ticket)
        if sent is None or sent.row != event.row:
            raise OptionError(f"nothing with ticket {event.ticket} is awaited for row {event.row}.")
        del self._waiting[event.ticket]
        if event.ticket != self._latest[event.row]:
            return event.row  # the row was sent again since: this one comes too late to be shown
        if event.mask is not None:
            self._do(event)
        else:
            self._errors[event.row] = event.error or f"The job ended as {event.status}, without a mask."
        return event.row

    def _step(self, state: RowState, event: ev.RowEvent) -> RowState:  # noqa: PLR0911 - one line an event
        match event:
            case ev.Point():
                return replace(state, points=(*state.points, event))
            case ev.RemovePoint():
                return replace(state, points=_without_point(state, event))
            case ev.Prompt():
                return replace(state, prompt=event.text)
            case ev.Note():
                return replace(state, note=event.text)
            case ev.Brush() | ev.Polygon():
                return replace(state, mask=_painted(state, event), provenance=state.provenance.by_hand())
            case ev.Received():
                return replace(state, mask=event.mask, provenance=self._provenance(event))
            case ev.Accept():
                return replace(state, decision=_acceptance(state))
            case ev.Reject():
                given = self.given(event.row)
                return replace(
                    state,
                    mask=given.mask,
                    provenance=given.provenance,
                    decision=Decision(word="rejected"),
                )
            case _:
                raise OptionError(f"{type(event).__name__} is no event.")

    def _provenance(self, event: ev.Received) -> Provenance:
        sent = self._sent[event.ticket]
        return Provenance(
            how=("points",) if sent.points else ("prompt",),
            prompt=sent.prompt,
            points=sent.points,
            remove_points=sent.remove_points,
            request_id=event.request_id,
            inference_time=event.inference_time,
        )


def _without_point(state: RowState, event: ev.RemovePoint) -> tuple[ev.Point, ...]:
    if event.at >= len(state.points):
        raise OptionError(f"row {event.row} has {len(state.points)} points and no number {event.at}.")
    return state.points[: event.at] + state.points[event.at + 1 :]


def _acceptance(state: RowState) -> Decision:
    if state.mask is None:
        raise OptionError("There is no mask to accept.")
    return Decision(word="accepted", mask=state.mask, provenance=state.provenance)


def _painted(state: RowState, event: ev.Brush | ev.Polygon) -> Mask:
    stroke = (
        brush_mask(event.path, event.radius, event.size_hw)
        if isinstance(event, ev.Brush)
        else polygon_mask(event.path, event.size_hw)
    )
    try:
        return paint(state.mask, stroke, erase=event.erase)
    except MaskError as error:
        raise OptionError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
