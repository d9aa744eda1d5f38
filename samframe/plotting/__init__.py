"""Static pictures of masks with matplotlib, which is imported when the first one is drawn."""

from samframe.plotting.evaluation import plot_evaluation
from samframe.plotting.grid import plot_masks
from samframe.plotting.run_figure import plot_run
from samframe.plotting.summary import plot_summary

__all__ = ["plot_evaluation", "plot_masks", "plot_run", "plot_summary"]
