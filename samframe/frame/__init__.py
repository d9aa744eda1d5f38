"""``df.sam``, ``Series.sam``, and the typed functions behind them: columns in, columns out."""

from samframe.frame._accessor import FrameSam
from samframe.frame._annotate import annotate, replay
from samframe.frame._compare import compare
from samframe.frame._comparison import Comparison
from samframe.frame._dataset import DatasetRun, segment_dataset
from samframe.frame._dataset_plan import plan_dataset
from samframe.frame._groups import combine_groups
from samframe.frame._html import to_html
from samframe.frame._offline import OFFLINE_KEY, OfflineClient, offline
from samframe.frame._options import CallOptions, SegmentOptions, signed
from samframe.frame._report import RunReport
from samframe.frame._result import empty_result
from samframe.frame._run import Run, last_run
from samframe.frame._segment import asegment, plan, segment, start, survey
from samframe.frame._series import SeriesSam
from samframe.frame._sources import find_sources
from samframe.frame._suspicion import suspicion
from samframe.frame._view import view

__all__ = [
    "OFFLINE_KEY",
    "CallOptions",
    "Comparison",
    "DatasetRun",
    "FrameSam",
    "OfflineClient",
    "Run",
    "RunReport",
    "SegmentOptions",
    "SeriesSam",
    "annotate",
    "asegment",
    "combine_groups",
    "compare",
    "empty_result",
    "find_sources",
    "last_run",
    "offline",
    "plan",
    "plan_dataset",
    "replay",
    "segment",
    "segment_dataset",
    "signed",
    "start",
    "survey",
    "suspicion",
    "to_html",
    "view",
]
