"""What a notebook shows and lets one click: the only package that imports ipywidgets."""

from samframe.widgets._edited import replay
from samframe.widgets._progress import ProgressPanel

__all__ = ["ProgressPanel", "replay"]
