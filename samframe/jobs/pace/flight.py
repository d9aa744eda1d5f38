"""A job on its way: where it stands, when it is looked at next, how often which call failed."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from samframe.segmind import Call, Metrics

if TYPE_CHECKING:
    from samframe.jobs.model import Job, Record

__all__ = ["Flight", "Stage"]


class Stage(enum.Enum):
    """What a job waits for."""

    SUBMIT = "submit"
    POLL = "poll"
    FETCH = "fetch"
    FOLLOW = "follow"
    HISTORY = "history"
    DONE = "done"


@dataclass(slots=True, kw_only=True, eq=False)
class Flight:
    """One job in the runner's hands. Times are seconds of the loop's clock.

    Attributes
    ----------
    due : float
        Not looked at before.
    earliest : float
        A poll is not made before, whatever the model expects.
    not_before : float
        Latest moment at which the job was known not to have started.
    age_base : float
        When it was submitted, minus what it had aged before this run.
    completed_seen : bool
        Whether a status call told COMPLETED, so that the result is asked for next.
    claimed : bool
        Whether the intent to send it is in the ledger and its id is not yet.
    ours : bool
        Whether this run sent it.
    since : float
        When this run took it up; 0 for jobs that it sends.
    url : str or None
        Where its output is.
    was_fetched : bool
        Whether its output is to come from there and not from the disk.
    is_dear : bool
        Whether its bill is far above the plan.
    refused_at : float
        When its submit failed first.
    is_retaken : bool
        Whether it is to be paid for again, unless the history has it.
    """

    job: Job
    stage: Stage
    record: Record | None = None
    seq: int = 0
    due: float = 0.0
    earliest: float = 0.0
    not_before: float = 0.0
    age_base: float = 0.0
    request_id: str | None = None
    attempts: int = 0
    completed_seen: bool = False
    claimed: bool = False
    ours: bool = False
    output: object = None
    raw_result: str | None = None
    metrics: Metrics = field(default_factory=Metrics)
    engine: str | None = None
    tries: Counter[Call] = field(default_factory=Counter)
    last_error: str = ""
    since: float = 0.0
    url: str | None = None
    was_fetched: bool = False
    is_dear: bool = False
    is_retaken: bool = False
    refused_at: float = 0.0

    def failed_once_more(self, call: Call) -> int:
        """Count a failure of a call and return how often it failed in a row."""
        self.tries[call] += 1
        return self.tries[call]
