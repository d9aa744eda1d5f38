"""Tables larger than memory, segmented in batches."""

from samframe.frame.dataset.bill import plan_dataset
from samframe.frame.dataset.run import DatasetRun, segment_dataset
from samframe.frame.dataset.sources import find_sources

__all__ = ["DatasetRun", "find_sources", "plan_dataset", "segment_dataset"]
