"""What the engine works on: jobs, records, money, the retry table, the plan, progress, and their words."""

from samframe.jobs.model.job import (
    Boxes,
    Job,
    JobState,
    Outcome,
    Parameters,
    Points,
    Record,
    RowStatus,
    job_key,
)
from samframe.jobs.model.money import Budget, format_usd, job_price_usd
from samframe.jobs.model.plan import (
    Plan,
    Retry,
    Step,
    Survey,
    check_retry,
    join_surveys,
    next_step,
    survey_jobs,
)
from samframe.jobs.model.policy import Action, backoff_s, decide
from samframe.jobs.model.progress import Progress
from samframe.jobs.model.words import in_doubt, still_running, stopped

__all__ = [
    "Action",
    "Boxes",
    "Budget",
    "Job",
    "JobState",
    "Outcome",
    "Parameters",
    "Plan",
    "Points",
    "Progress",
    "Record",
    "Retry",
    "RowStatus",
    "Step",
    "Survey",
    "backoff_s",
    "check_retry",
    "decide",
    "format_usd",
    "in_doubt",
    "job_key",
    "job_price_usd",
    "join_surveys",
    "next_step",
    "still_running",
    "stopped",
    "survey_jobs",
]
