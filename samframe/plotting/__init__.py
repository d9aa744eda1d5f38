"""Static pictures of masks with matplotlib, which is imported when the first one is drawn."""

from samframe.plotting._grid import plot_masks
from samframe.plotting._run import plot_run
from samframe.plotting._summary import plot_summary

__all__ = ["plot_masks", "plot_run", "plot_summary"]
