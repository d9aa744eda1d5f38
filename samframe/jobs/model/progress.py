"""What is known of a run while it is on: counts, spending and calls, read by displays and by the report."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from samframe.jobs.model.job import Outcome, RowStatus
from samframe.jobs.model.reasons import Reasons
from samframe.segmind import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from samframe.jobs.model.money import Budget

__all__ = ["Progress"]

_LATEST = 6


@dataclass(slots=True, kw_only=True)
class Progress:
    """A run's live figures.

    Attributes
    ----------
    rows, jobs : int
        Rows of the frame, and the distinct jobs behind those that can be sent.
    rows_done : int
        Rows that have their outcome.
    by_status : Counter
        Rows by status.
    calls : Counter
        Calls made, by kind.
    refused : int
        Calls refused with a 429.
    budget : Budget
        What was spent.
    remaining_credits : float or None
        The balance in US dollars, the lowest that a finished job told.
    latest : deque of (int, Outcome)
        The latest outcomes with the position of their first row.
    message : str
        What is being waited for, empty in the normal course of things.
    reasons : Reasons
        Why rows have no result.
    notes : list of str
        What the user should know of the run as a whole: bills that are not as planned.
    """

    rows: int
    jobs: int = 0
    rows_done: int = 0
    by_status: Counter[RowStatus] = field(default_factory=Counter)
    calls: Counter[Call] = field(default_factory=Counter)
    refused: int = 0
    budget: Budget
    remaining_credits: float | None = None
    queue_times: list[float] = field(default_factory=list)
    inference_times: list[float] = field(default_factory=list)
    latest: deque[tuple[int, Outcome]] = field(default_factory=lambda: deque(maxlen=_LATEST))
    message: str = ""
    reasons: Reasons = field(default_factory=Reasons)
    notes: list[str] = field(default_factory=list)
    started_at: float = field(default_factory=time.monotonic)
    ended_at: float | None = None
    clock: Callable[[], float] = time.monotonic
    #: Told of every settled job, after the figures are brought up to date.
    on_settled: Callable[[int, Outcome], None] | None = None

    def saw_balance(self, remaining: float) -> None:
        """Take in what the account had left when a job finished, in US dollars.

        Answers come in any order, so a higher balance is an older one; more than the whole run costs was paid in.
        """
        known = self.remaining_credits
        if known is None or remaining < known or remaining - known > self.jobs * self.budget.price:
            self.remaining_credits = remaining

    @property
    def seconds(self) -> float:
        """Seconds since the run began, until it ended."""
        return (self.ended_at if self.ended_at is not None else self.clock()) - self.started_at

    @property
    def rows_per_second(self) -> float:
        """Rows done a second so far."""
        return self.rows_done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Expected seconds to the end, None before the first row is done."""
        if not self.rows_done or not self.rows_per_second:
            return None
        return (self.rows - self.rows_done) / self.rows_per_second

    @property
    def is_done(self) -> bool:
        """Whether the run has ended."""
        return self.ended_at is not None

    @property
    def phase(self) -> str:
        """What is done or waited for now: the message, else what comes before the first row; empty from then on."""
        if self.message or self.rows_done or self.is_done:
            return self.message
        sent, uploads = self.calls[Call.SUBMIT], self.calls[Call.UPLOAD]
        if sent:
            return f"{sent:,} {'job' if sent == 1 else 'jobs'} sent, none is back yet"
        return "uploading images" if uploads else "preparing images"

    def settle(self, row: int, n_rows: int, outcome: Outcome) -> None:
        """Take the outcome of a job that ``n_rows`` rows share, of which ``row`` is the first."""
        self.rows_done += n_rows
        self.by_status[outcome.status] += n_rows
        self.latest.append((row, outcome))
        if not outcome.status.is_result and outcome.error is not None:
            self.reasons.add(outcome.error, n_rows)
        if outcome.paid_now and outcome.queue_time is not None:
            self.queue_times.append(outcome.queue_time)
        if outcome.paid_now and outcome.inference_time is not None:
            self.inference_times.append(outcome.inference_time)
        if self.on_settled is not None:
            self.on_settled(row, outcome)

    def summary(self) -> str:
        """Return the run in one line, with the commonest reason of rows without a result."""
        text = f"{self._rows_text()}; {self.budget.spent_text()} spent"
        if self.remaining_credits is not None:
            text += f", ${self.remaining_credits:,.2f} left"
        why = self.reasons.words()
        told = f"{text}; {self.seconds:.1f} s" + (f". {why}" if why else "")
        return " ".join([told, *self.notes])

    def _rows_text(self) -> str:
        kept, unsent = self.by_status[RowStatus.RUNNING], self.by_status[RowStatus.CANCELLED]
        parts = [
            f"{self.by_status[status]:,} {status.value}"
            for status in RowStatus
            if self.by_status[status] and status not in {RowStatus.RUNNING, RowStatus.CANCELLED}
        ]
        if not kept and not unsent:
            return f"{self.rows_done:,} of {self.rows:,} rows: {', '.join(parts) or 'nothing yet'}"
        # Rows that are under way or were never sent are not done, although this run is done with them.
        words = [f"stopped: {self.rows_done - kept - unsent:,} of {self.rows:,} done"]
        words += [f"({', '.join(parts)})"] if parts else []
        text = " ".join(words)
        text += f", {kept:,} kept" if kept else ""
        text += f", {unsent:,} not sent" if unsent else ""
        return f"{text}; run again to go on"
