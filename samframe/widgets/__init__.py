"""What a notebook shows and lets one click: the only package that imports ipywidgets."""

from samframe.widgets._edited import replay
from samframe.widgets._marks import Marks
from samframe.widgets._module import module_text
from samframe.widgets._progress import ProgressPanel
from samframe.widgets._rows import GalleryRows
from samframe.widgets._viewer import Viewer

__all__ = ["GalleryRows", "Marks", "ProgressPanel", "Viewer", "module_text", "replay"]
