"""What the engine works on: jobs, records, money, the retry table, the plan, progress, and their words."""

from samframe.jobs.model.cause import Cause, Evidence
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
from samframe.jobs.model.money import BalanceWatch, Budget, format_usd, job_price_usd
from samframe.jobs.model.patience import Patience, check_patience
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
from samframe.jobs.model.words import contract_error, in_doubt, still_running, stopped

__all__ = [
    "Action",
    "BalanceWatch",
    "Boxes",
    "Budget",
    "Cause",
    "Evidence",
    "Job",
    "JobState",
    "Outcome",
    "Parameters",
    "Patience",
    "Plan",
    "Points",
    "Progress",
    "Record",
    "Retry",
    "RowStatus",
    "Step",
    "Survey",
    "backoff_s",
    "check_patience",
    "check_retry",
    "contract_error",
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
