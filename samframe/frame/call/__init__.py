"""One call on one frame: columns in, a run, columns out."""

from samframe.frame.call.display import make_display
from samframe.frame.call.functions import asegment, plan, segment, start, survey
from samframe.frame.call.instances import explode
from samframe.frame.call.local_client import LocalClient, local
from samframe.frame.call.offline_client import OFFLINE_KEY, OfflineClient, offline
from samframe.frame.call.options import CallOptions, SegmentOptions, models
from samframe.frame.call.report import RunReport
from samframe.frame.call.result import empty_result
from samframe.frame.call.run import Run, last_run
from samframe.frame.call.work import Work
from samframe.frame.cells.rows import factorize_cells, read_prompt

__all__ = [
    "OFFLINE_KEY",
    "CallOptions",
    "LocalClient",
    "OfflineClient",
    "Run",
    "RunReport",
    "SegmentOptions",
    "Work",
    "asegment",
    "empty_result",
    "explode",
    "factorize_cells",
    "last_run",
    "local",
    "make_display",
    "models",
    "offline",
    "plan",
    "read_prompt",
    "segment",
    "start",
    "survey",
]
