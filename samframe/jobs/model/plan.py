"""The bill before the run: which jobs a call would pay for, and which it has already. Nothing is sent."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from samframe.errors import OptionError
from samframe.ground.contract import JOB_SECONDS
from samframe.ground.html import facts_table
from samframe.jobs.model.job import Job, JobState, Record
from samframe.jobs.model.money import format_usd

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["Plan", "Retry", "Step", "Survey", "check_retry", "join_surveys", "next_step", "survey_jobs"]

#: How many jobs the service is taken to serve at once where nothing is known about it.
_ASSUMED_WORKERS = 16
#: Reasons of invalid rows that a plan shows.
_MOST_PROBLEMS = 5


class Retry(enum.Enum):
    """The settled states that a user may consent to pay for again."""

    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    LOST = "lost"


class Step(enum.Enum):
    """What a run has to do with a job, given its record."""

    PAY = "pay"
    COLLECT = "collect"
    LOOK_FOR = "look for"
    FOLLOW = "follow"
    READ = "read"
    NOTHING = "nothing"


def check_retry(retry: str | Iterable[str]) -> frozenset[Retry]:
    """Return the retry option as a set.

    Raises
    ------
    OptionError
        If a name is none of ``failed``, ``in_doubt``, ``lost``.
    """
    names = (retry,) if isinstance(retry, str) else tuple(retry)
    try:
        return frozenset(Retry(name) for name in names)
    except ValueError:
        raise OptionError(f"retry takes any of 'failed', 'in_doubt' and 'lost'; it is {retry!r}.") from None


def next_step(  # noqa: PLR0911, C901 - one line a state is the table it is
    record: Record | None,
    *,
    retry: Collection[Retry],
    refresh: bool,
    owner_lives: bool,
    is_offline: bool = False,
) -> Step:
    """Return what a run does with a job.

    Parameters
    ----------
    record : Record or None
        What the ledger knows of it.
    retry : collection of Retry
        The settled states that the user pays for again.
    refresh : bool
        Whether stored results are to be paid for anew.
    owner_lives : bool
        Whether the run that last wrote to the record is at work still, and is not this one.
    is_offline : bool
        Whether the server is one of ours, in the process of whoever asks it: another process cannot collect its jobs,
        and nothing is ever billed.
    """
    if record is None:
        return Step.PAY
    if is_offline and owner_lives and record.state in _OUT:
        return Step.FOLLOW
    if is_offline and record.state in {JobState.SUBMITTING, JobState.IN_DOUBT, JobState.LOST}:
        return Step.PAY
    match record.state:
        case JobState.PENDING:
            return Step.PAY
        case JobState.SUBMITTING:
            return Step.FOLLOW if owner_lives else Step.LOOK_FOR
        case JobState.SUBMITTED | JobState.COMPLETED:
            return Step.COLLECT
        case JobState.UNREAD:
            return Step.PAY if refresh else Step.READ
        case JobState.STORED:
            return Step.PAY if refresh else Step.NOTHING
        case JobState.FAILED:
            return Step.PAY if Retry.FAILED in retry or refresh else Step.NOTHING
        case JobState.LOST:
            return Step.PAY if Retry.LOST in retry else Step.NOTHING
        case JobState.IN_DOUBT:
            return Step.PAY if Retry.IN_DOUBT in retry else Step.LOOK_FOR


_OUT = frozenset({JobState.SUBMITTING, JobState.SUBMITTED, JobState.COMPLETED})


_SOURCES = {"published": ", as published", "measured": ", by your latest bills"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a call would do, and cost. It renders as a table in a notebook.

    Attributes
    ----------
    rows, invalid : int
        Rows of the frame, and those of them with nothing that could be sent.
    duplicates : int
        Rows that share another row's job.
    stored, running, unread, in_doubt, settled : int
        Jobs that are on the disk already, that run and are collected free, that are paid for and whose mask is read
        free, whose fate is looked for free, and that failed or were lost before and stay so.
    to_pay : int
        Jobs that would be sent.
    price_usd : float
        Expected price of one, in US dollars.
    price_source : str
        "published", where no bill of the model is in the ledger yet; "measured", by its latest bills; empty where
        nothing is paid.
    minutes : float
        How long the run is expected to take.
    max_cost : float or None
        The hard stop that was given, in US dollars.
    notes : tuple of str
        How images would be changed to be sent.
    problems : tuple of str
        Why rows are invalid, each reason with its first row and how many rows have it.
    """

    rows: int
    invalid: int = 0
    duplicates: int = 0
    stored: int = 0
    running: int = 0
    unread: int = 0
    in_doubt: int = 0
    settled: int = 0
    to_pay: int = 0
    price_usd: float = 0.0
    price_source: str = ""
    minutes: float = 0.0
    max_cost: float | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)
    problems: tuple[str, ...] = field(default=(), compare=False)

    @property
    def usd_low(self) -> float:
        """The least the run costs if every job succeeds; failed jobs are not billed."""
        return self.to_pay * self.price_usd

    @property
    def usd_high(self) -> float:
        """The most that will have been paid, with the rows in doubt that may have been billed before."""
        return (self.to_pay + self.in_doubt) * self.price_usd

    def _lines(self) -> list[tuple[str, str]]:
        cost = format_usd(self.usd_low)
        if self.usd_high > self.usd_low:
            cost += f" to {format_usd(self.usd_high)}"
        lines = [
            ("rows", f"{self.rows:,}"),
            ("invalid", f"{self.invalid:,}"),
            ("duplicates", f"{self.duplicates:,}"),
            ("stored already", f"{self.stored:,}"),
            ("running, collected free", f"{self.running:,}"),
            ("in doubt, looked for free", f"{self.in_doubt:,}"),
            ("settled, not retried", f"{self.settled:,}"),
            ("jobs to pay", f"{self.to_pay:,}"),
            ("cost", f"{cost} ({format_usd(self.price_usd)} a job{_SOURCES.get(self.price_source, '')})"),
            ("time", _minutes_text(self.minutes)),
        ]
        if self.unread:
            lines.insert(5, ("unread, read free", f"{self.unread:,}"))
        if self.max_cost is not None:
            over = ", stops there" if self.usd_low > self.max_cost else ""
            lines.append(("max_cost", f"{format_usd(self.max_cost)}{over}"))
        lines += [("", problem) for problem in self.problems[:_MOST_PROBLEMS]]
        lines += [("note", note) for note in self.notes]
        return lines

    def __str__(self) -> str:
        lines = self._lines()
        width = max(len(name) for name, _ in lines)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)

    def _repr_html_(self) -> str:
        return facts_table(self._lines(), caption="Plan: nothing was sent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is to be done with each distinct job of a call, before it is counted. Those of two frames can be joined.

    Attributes
    ----------
    steps : dict of str to Step
        By job key.
    n_rows : dict of str to int
        How many rows share each job.
    stored : frozenset of str
        Keys of jobs whose result is on the disk.
    invalid : int
        Rows that cannot be sent.
    price_usd : float
        Expected price of one job, in US dollars.
    price_source : str
        As in :class:`Plan`.
    job_seconds : float
        Published duration of one, in seconds.
    """

    steps: dict[str, Step]
    n_rows: dict[str, int]
    stored: frozenset[str]
    invalid: int
    price_usd: float
    price_source: str = ""
    job_seconds: float = JOB_SECONDS

    def plan(self, *, rate_limit: float | None, max_cost: float | None) -> Plan:
        """Return the bill: requests a minute and US dollars come in as the call was given them."""
        counts = dict.fromkeys(Step, 0)
        for step in self.steps.values():
            counts[step] += 1
        stored = sum(self.steps[key] is Step.NOTHING for key in self.stored)
        to_pay = counts[Step.PAY]
        seconds = to_pay * self.job_seconds / _ASSUMED_WORKERS + (self.job_seconds if to_pay else 0.0)
        if rate_limit is not None:
            seconds = max(seconds, to_pay * 60.0 / rate_limit)
        rows = sum(self.n_rows.values())
        return Plan(
            rows=rows + self.invalid,
            invalid=self.invalid,
            duplicates=rows - len(self.n_rows),
            stored=stored,
            settled=counts[Step.NOTHING] - stored,
            running=counts[Step.COLLECT] + counts[Step.FOLLOW],
            unread=counts[Step.READ],
            in_doubt=counts[Step.LOOK_FOR],
            to_pay=to_pay,
            price_usd=self.price_usd,
            price_source=self.price_source,
            minutes=seconds / 60,
            max_cost=max_cost,
        )


def survey_jobs(
    jobs: Iterable[Job],
    steps: dict[str, Step],
    records: Mapping[str, Record],
    *,
    invalid: int,
    price_usd: float,
    price_source: str = "",
    job_seconds: float = JOB_SECONDS,
) -> Survey:
    """Sum up what a run has to do."""
    return Survey(
        steps=steps,
        n_rows={job.key: job.n_rows for job in jobs},
        stored=frozenset(key for key, record in records.items() if record.state is JobState.STORED),
        invalid=invalid,
        price_usd=price_usd,
        price_source=price_source,
        job_seconds=job_seconds,
    )


def join_surveys(surveys: Iterable[Survey]) -> Survey:
    """Return the survey of several frames together: equal jobs count once."""
    joined = Survey(steps={}, n_rows={}, stored=frozenset(), invalid=0, price_usd=0.0)
    stored: set[str] = set()
    invalid = 0
    price = seconds = 0.0
    source = ""
    for one in surveys:
        joined.steps.update(one.steps)
        for key, rows in one.n_rows.items():
            joined.n_rows[key] = joined.n_rows.get(key, 0) + rows
        stored |= one.stored
        invalid += one.invalid
        price, source = max(price, one.price_usd), one.price_source or source
        seconds = max(seconds, one.job_seconds)
    return replace(
        joined,
        stored=frozenset(stored),
        invalid=invalid,
        price_usd=price,
        price_source=source,
        job_seconds=seconds or JOB_SECONDS,
    )


def _minutes_text(minutes: float) -> str:
    if minutes == 0:
        return "none"
    if minutes < 1:
        return f"about {max(1, round(minutes * 60))} s"
    return f"about {minutes:,.0f} min"
