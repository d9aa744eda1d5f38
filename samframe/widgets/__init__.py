"""What a notebook shows and lets one click: the only package that imports ipywidgets."""

from typing import TYPE_CHECKING, Any

from samframe.widgets._edited import replay
from samframe.widgets._events import (
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
from samframe.widgets._marks import Marks
from samframe.widgets._module import module_text
from samframe.widgets._progress import ProgressPanel
from samframe.widgets._rows import GalleryRows
from samframe.widgets._viewer import Viewer

if TYPE_CHECKING:
    from samframe.widgets._annotator import Annotator

__all__ = [
    "Accept",
    "Annotator",
    "Brush",
    "Dequeue",
    "Enqueue",
    "GalleryRows",
    "Marks",
    "Note",
    "Point",
    "Polygon",
    "ProgressPanel",
    "Prompt",
    "Received",
    "Redo",
    "Reject",
    "RemovePoint",
    "Sent",
    "Undo",
    "Viewer",
    "module_text",
    "replay",
]


def __getattr__(name: str) -> Any:
    """Import the annotator when it is asked for: anywidget is heavy, and may be missing."""
    if name == "Annotator":
        from samframe.widgets._annotator import Annotator  # noqa: PLC0415 - see above

        return Annotator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
