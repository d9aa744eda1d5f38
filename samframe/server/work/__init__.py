"""The server's books: jobs, workers, outputs, history, money, counters."""

from samframe.server.work.history import history_page, history_row
from samframe.server.work.jobs import Job, JobBook, JobState, JobView
from samframe.server.work.money import Purse
from samframe.server.work.outputs import CONTENT_TYPES
from samframe.server.work.tally import Counters, Tally
from samframe.server.work.workers import WorkerPool

__all__ = [
    "CONTENT_TYPES",
    "Counters",
    "Job",
    "JobBook",
    "JobState",
    "JobView",
    "Purse",
    "Tally",
    "WorkerPool",
    "history_page",
    "history_row",
]
