"""Static pictures of masks with matplotlib, which is imported when the first one is drawn."""

from samframe.plotting._grid import plot_masks
from samframe.plotting._run import plot_run

__all__ = ["plot_masks", "plot_run"]
