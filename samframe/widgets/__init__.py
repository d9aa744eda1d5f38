"""What a notebook shows and lets one click: the only package that imports ipywidgets."""

from samframe.widgets._edited import replay
from samframe.widgets._module import module_text
from samframe.widgets._progress import ProgressPanel

__all__ = ["ProgressPanel", "module_text", "replay"]
