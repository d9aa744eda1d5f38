"""The paid-job engine: a ledger of every step, a runner that pays for nothing twice, and the bill before the run."""

from samframe.jobs.engine import Session, Settings
from samframe.jobs.ledger import Artifacts, Finding, Ledger, Spending, examine_store
from samframe.jobs.model import (
    Budget,
    Job,
    JobState,
    Outcome,
    Parameters,
    Plan,
    Points,
    Progress,
    Record,
    Retry,
    RowStatus,
    Survey,
    check_retry,
    format_usd,
    job_key,
    join_surveys,
)
from samframe.jobs.shared import Coordinator, Exchange, Grant, Report, StoreCoordinator

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
