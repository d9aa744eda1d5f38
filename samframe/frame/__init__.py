"""``df.sam``, ``Series.sam``, and the typed functions behind them: columns in, columns out."""

from samframe.frame._accessor import FrameSam
from samframe.frame._annotate import annotate, replay
from samframe.frame._html import to_html
from samframe.frame._offline import OfflineClient, offline
from samframe.frame._report import RunReport
from samframe.frame._run import Run, last_run
from samframe.frame._segment import asegment, plan, segment, start
from samframe.frame._series import SeriesSam
from samframe.frame._suspicion import suspicion
from samframe.frame._view import view

__all__ = [
    "FrameSam",
    "OfflineClient",
    "Run",
    "RunReport",
    "SeriesSam",
    "annotate",
    "asegment",
    "last_run",
    "offline",
    "plan",
    "replay",
    "segment",
    "start",
    "suspicion",
    "to_html",
    "view",
]
