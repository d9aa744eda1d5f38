"""``df.sam``, ``Series.sam``, and the typed functions behind them: columns in, columns out."""

from samframe.frame.accessor import FrameSam
from samframe.frame.call import (
    OFFLINE_KEY,
    CallOptions,
    LocalClient,
    OfflineClient,
    Run,
    RunReport,
    SegmentOptions,
    asegment,
    empty_result,
    explode,
    last_run,
    local,
    models,
    offline,
    plan,
    segment,
    start,
    survey,
)
from samframe.frame.check import check, plan_check
from samframe.frame.dataset import DatasetRun, find_sources, plan_dataset, segment_dataset
from samframe.frame.groups import combine_groups
from samframe.frame.look import Comparison, annotate, compare, preview, replay, suspicion, to_html, view
from samframe.frame.measure import Evaluation, evaluate
from samframe.frame.series import SeriesSam

__all__ = [
    "OFFLINE_KEY",
    "CallOptions",
    "Comparison",
    "DatasetRun",
    "Evaluation",
    "FrameSam",
    "LocalClient",
    "OfflineClient",
    "Run",
    "RunReport",
    "SegmentOptions",
    "SeriesSam",
    "annotate",
    "asegment",
    "check",
    "combine_groups",
    "compare",
    "empty_result",
    "evaluate",
    "explode",
    "find_sources",
    "last_run",
    "local",
    "models",
    "offline",
    "plan",
    "plan_check",
    "plan_dataset",
    "preview",
    "replay",
    "segment",
    "segment_dataset",
    "start",
    "survey",
    "suspicion",
    "to_html",
    "view",
]
