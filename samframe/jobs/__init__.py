"""The paid-job engine: a ledger of every step, a runner that pays for nothing twice, and the bill before the run."""

from samframe.jobs._artifacts import Artifacts
from samframe.jobs._coordinator import Coordinator, Exchange, Grant, Report
from samframe.jobs._doctor import Finding, examine_store
from samframe.jobs._ledger import Ledger
from samframe.jobs._model import Job, JobState, Outcome, Parameters, Points, Record, RowStatus, job_key
from samframe.jobs._money import Budget, format_usd
from samframe.jobs._plan import Plan, Retry, Survey, check_retry, join_surveys
from samframe.jobs._progress import Progress
from samframe.jobs._reading import Spending
from samframe.jobs._session import Session, Settings
from samframe.jobs._shared_pace import StoreCoordinator

__all__ = [
    "Artifacts",
    "Budget",
    "Coordinator",
    "Exchange",
    "Finding",
    "Grant",
    "Job",
    "JobState",
    "Ledger",
    "Outcome",
    "Parameters",
    "Plan",
    "Points",
    "Progress",
    "Record",
    "Report",
    "Retry",
    "RowStatus",
    "Session",
    "Settings",
    "Spending",
    "StoreCoordinator",
    "Survey",
    "check_retry",
    "examine_store",
    "format_usd",
    "job_key",
    "join_surveys",
]
