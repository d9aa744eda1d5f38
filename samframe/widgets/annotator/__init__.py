"""The annotator: its page, the log of edits, and what becomes of a frame."""

from samframe.widgets.annotator.ask import Ask, Quote, Reply
from samframe.widgets.annotator.edited import replay
from samframe.widgets.annotator.events import (
    Accept,
    Brush,
    Dequeue,
    Enqueue,
    Note,
    Point,
    Polygon,
    Prompt,
    Received,
    Redo,
    Reject,
    RemovePoint,
    Sent,
    Undo,
)

__all__ = [
    "Accept",
    "Ask",
    "Brush",
    "Dequeue",
    "Enqueue",
    "Note",
    "Point",
    "Polygon",
    "Prompt",
    "Quote",
    "Received",
    "Redo",
    "Reject",
    "RemovePoint",
    "Reply",
    "Sent",
    "Undo",
    "replay",
]
