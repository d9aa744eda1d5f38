"""What a notebook shows and lets one click: the only package that imports ipywidgets."""

from typing import TYPE_CHECKING, Any

from samframe.widgets.annotator import (
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
    replay,
)
from samframe.widgets.gallery import GalleryRows, Marks
from samframe.widgets.gallery.viewer import Viewer
from samframe.widgets.module import module_text
from samframe.widgets.progress import ProgressPanel

if TYPE_CHECKING:
    from samframe.widgets.annotator.widget import Annotator

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
        from samframe.widgets.annotator.widget import Annotator  # noqa: PLC0415 - see above

        return Annotator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
