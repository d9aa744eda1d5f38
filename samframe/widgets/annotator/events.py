"""What happens while masks are corrected: one frozen record a step, which JSON holds whole.

An event names its row by position in the frame (0 is the first), so that duplicate labels do no harm. Points are pixels
``(x, y)`` of the image as stored, (0, 0) being the centre of the top left pixel. Strokes and polygons are measured from
the image's top left corner, as :meth:`samframe.Mask.from_polygons` has it: pixel (x, y) covers x to x + 1, y to y + 1.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from samframe.errors import MaskError, OptionError
from samframe.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Accept",
    "Brush",
    "Dequeue",
    "Enqueue",
    "Event",
    "Note",
    "Point",
    "Polygon",
    "Prompt",
    "Received",
    "Redo",
    "Reject",
    "RemovePoint",
    "Sent",
    "Undo",
    "event_from_json",
]

XY = tuple[float, float]

_MOST_CORNERS = 100_000
_MOST_LETTERS = 100_000
_LEAST_CORNERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step. ``kind`` is its name in JSON."""

    kind: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """Return the event as a dict that ``json.dumps`` takes; :func:`event_from_json` gives it back."""
        return {"kind": self.kind, **{each.name: _plain(getattr(self, each.name)) for each in fields(self)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEvent(Event):
    """A step at one row."""

    row: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "row", _whole(self.row, "row"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(RowEvent):
    """A point was set: to be included, or to be excluded."""

    kind: ClassVar[str] = "point"
    x: float
    y: float
    include: bool = True

    def __post_init__(self) -> None:
        RowEvent.__post_init__(self)
        for name in ("x", "y"):
            object.__setattr__(self, name, _number(getattr(self, name), name))
        object.__setattr__(self, "include", _truth(self.include, "include"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovePoint(RowEvent):
    """A point was taken away; ``at`` counts the row's points from 0."""

    kind: ClassVar[str] = "remove_point"
    at: int

    def __post_init__(self) -> None:
        RowEvent.__post_init__(self)
        object.__setattr__(self, "at", _whole(self.at, "at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt(RowEvent):
    """The text that names the object was changed."""

    kind: ClassVar[str] = "prompt"
    text: str

    def __post_init__(self) -> None:
        RowEvent.__post_init__(self)
        object.__setattr__(self, "text", _text(self.text, "text"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(RowEvent):
    """A remark was written."""

    kind: ClassVar[str] = "note"
    text: str

    def __post_init__(self) -> None:
        RowEvent.__post_init__(self)
        object.__setattr__(self, "text", _text(self.text, "text"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Brush(RowEvent):
    """A round brush was drawn along a path; ``radius`` in pixels, ``size_hw`` that of the image as stored."""

    kind: ClassVar[str] = "brush"
    path: tuple[XY, ...]
    radius: float
    size_hw: tuple[int, int]
    erase: bool = False

    def __post_init__(self) -> None:
        RowEvent.__post_init__(self)
        object.__setattr__(self, "path", _path(self.path, least=1))
        radius = _number(self.radius, "radius")
        if radius <= 0:
            raise OptionError(f"a brush's radius is above 0; it is {radius:g}.")
        object.__setattr__(self, "radius", radius)
        object.__setattr__(self, "size_hw", _size(self.size_hw))
        object.__setattr__(self, "erase", _truth(self.erase, "erase"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygon(RowEvent):
    """A polygon was filled (even-odd rule); ``size_hw`` that of the image as stored."""

    kind: ClassVar[str] = "polygon"
    path: tuple[XY, ...]
    size_hw: tuple[int, int]
    erase: bool = False

    def __post_init__(self) -> None:
        RowEvent.__post_init__(self)
        object.__setattr__(self, "path", _path(self.path, least=_LEAST_CORNERS))
        object.__setattr__(self, "size_hw", _size(self.size_hw))
        object.__setattr__(self, "erase", _truth(self.erase, "erase"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue(RowEvent):
    """The row was put in the queue of what is sent together."""

    kind: ClassVar[str] = "enqueue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dequeue(RowEvent):
    """The row was taken out of the queue."""

    kind: ClassVar[str] = "dequeue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(RowEvent):
    """A job was handed to the engine; ``ticket`` numbers what was sent, over all rows."""

    kind: ClassVar[str] = "sent"
    ticket: int
    prompt: str | None = None
    points: tuple[XY, ...] = ()
    remove_points: tuple[XY, ...] = ()

    def __post_init__(self) -> None:
        RowEvent.__post_init__(self)
        object.__setattr__(self, "ticket", _whole(self.ticket, "ticket"))
        object.__setattr__(self, "prompt", None if self.prompt is None else _text(self.prompt, "prompt"))
        for name in ("points", "remove_points"):
            object.__setattr__(self, name, _path(getattr(self, name), least=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Received(RowEvent):
    """What came back for a ticket: a mask, or the error in words; ``inference_time`` in seconds."""

    kind: ClassVar[str] = "received"
    ticket: int
    status: str
    mask: Mask | None = None
    error: str | None = None
    request_id: str | None = None
    inference_time: float | None = None

    def __post_init__(self) -> None:
        RowEvent.__post_init__(self)
        object.__setattr__(self, "ticket", _whole(self.ticket, "ticket"))
        object.__setattr__(self, "status", _text(self.status, "status"))
        object.__setattr__(self, "mask", _mask(self.mask))
        for name in ("error", "request_id"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else _text(value, name))
        seconds = self.inference_time
        object.__setattr__(
            self, "inference_time", None if seconds is None else _number(seconds, "inference_time")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(RowEvent):
    """The mask that is shown was accepted."""

    kind: ClassVar[str] = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(RowEvent):
    """What was done to the row's mask was thrown away: it has the mask again that it came with."""

    kind: ClassVar[str] = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(Event):
    """The latest step that can be undone, of any row, was undone."""

    kind: ClassVar[str] = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redo(Event):
    """What was undone last was done again."""

    kind: ClassVar[str] = "redo"


_KINDS: dict[str, type[Event]] = {
    each.kind: each
    for each in (
        *(Point, RemovePoint, Prompt, Note, Brush, Polygon, Enqueue, Dequeue),
        *(Sent, Received, Accept, Reject, Undo, Redo),
    )
}


def event_from_json(record: Mapping[str, Any]) -> Event:
    """Return the event that :meth:`Event.to_json` wrote.

    Raises
    ------
    OptionError
        If it is of no known kind, lacks a field, has one too many, or holds something of the wrong form.
    """
    try:
        given = dict(record)
        kind = _KINDS[given.pop("kind")]
    except (KeyError, TypeError, ValueError):
        raise OptionError(f"an event is a dict with a kind, one of {', '.join(_KINDS)}.") from None
    names = {each.name for each in fields(kind)}
    needed = {each.name for each in fields(kind) if each.default is MISSING}
    if not needed <= given.keys() <= names:
        odd = sorted((needed - given.keys()) | (given.keys() - names))
        raise OptionError(f"an event {kind.kind!r} has {', '.join(sorted(names))}; look at {odd[0]!r}.")
    return kind(**given)


def _plain(value: Any) -> Any:
    if isinstance(value, Mask):
        return value.to_coco()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise OptionError(f"an event's {name} is a whole number, 0 or more; it is {value!r:.40}.")
    return value


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise OptionError(f"an event's {name} is a finite number; it is {value!r:.40}.")
    return float(value)


def _truth(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise OptionError(f"an event's {name} is true or false; it is {value!r:.40}.")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or len(value) > _MOST_LETTERS:
        raise OptionError(f"an event's {name} is text of at most {_MOST_LETTERS:,} letters.")
    return value


def _path(value: Any, *, least: int) -> tuple[XY, ...]:
    if not isinstance(value, list | tuple) or not least <= len(value) <= _MOST_CORNERS:
        raise OptionError(f"an event's path is a list of {least} to {_MOST_CORNERS:,} points (x, y).")
    return tuple(_pair(item) for item in value)


def _pair(value: Any) -> XY:
    try:
        x, y = value
    except (TypeError, ValueError):
        raise OptionError(f"a point is (x, y); it is {value!r:.40}.") from None
    return _number(x, "x"), _number(y, "y")


def _size(value: Any) -> tuple[int, int]:
    height, width = _pair(value)
    if height < 1 or width < 1 or height % 1 or width % 1:
        raise OptionError(f"a size is (height, width) in whole pixels; it is {value!r:.40}.")
    return int(height), int(width)


def _mask(value: Any) -> Mask | None:
    if value is None or isinstance(value, Mask):
        return value
    try:
        return Mask.from_coco(value)
    except MaskError as error:
        raise OptionError(f"an event's mask is no COCO mask: {error}.") from None
