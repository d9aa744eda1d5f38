"""Rows in doubt: the request history is searched for the job that a lost answer may have started."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from samframe.jobs.model import Action, backoff_s, decide
from samframe.segmind import Call, CallError, Connection, HistoryRow

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from samframe.jobs.ledger import Ledger
    from samframe.jobs.model import Job

__all__ = ["Search", "find_in_history", "is_visible"]

_PAGES = 200
#: Without times that can be read nothing tells where to stop.
_PAGES_WITHOUT_TIMES = 10
_PER_PAGE = 100
_TRIES = 4
_LONGEST_WAIT_S = 60.0
_MOST_DAYS = 31
_SLACK = timedelta(minutes=15)  # for clocks that differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a search found, by job key; ``problem`` says why it ended early, and is None where it did not."""

    found: dict[str, HistoryRow] = field(default_factory=dict)
    problem: str | None = None


async def find_in_history(
    api: Connection,
    ledger: Ledger,
    jobs: Iterable[Job],
    *,
    is_stopping: Callable[[], bool],
    rng: Callable[[], float],
) -> Search:
    """Look in the history for jobs in doubt: rows with exactly the same inputs.

    Only jobs whose image is a URL and that have a prompt can be told by their inputs; a prompt alone is never enough.
    The history lags: not found does not mean not run, so a job that is not found stays in doubt. It is read newest
    first, back to when the oldest of these jobs was sent.

    Parameters
    ----------
    is_stopping : callable
        Whether to give up between two pages.
    rng : callable
        A number in [0, 1), for the pauses after a failure.
    """
    wanted = {_facts(job): job for job in jobs if is_visible(job)}
    if not wanted:
        return Search()
    found: dict[str, HistoryRow] = {}
    now = datetime.now(UTC)
    oldest = max(_oldest_intent(ledger, wanted.values()), now - timedelta(days=_MOST_DAYS - 1))
    dates = {"from_date": f"{oldest:%Y-%m-%d}", "to_date": f"{now + timedelta(days=1):%Y-%m-%d}"}
    for page in range(1, _PAGES + 1):
        try:
            if is_stopping():
                return Search(found=found, problem="the run was stopped")
            rows = await _page(api, dates, page, rng)
        except CallError as error:
            return Search(found=found, problem=str(error))  # free to ask again on the next run
        _take(rows, wanted, found, ledger)
        if len(rows) < _PER_PAGE or len(found) == len(wanted) or _is_far_enough(rows, oldest, page):
            break
    return Search(found=found)


async def _page(
    api: Connection, dates: dict[str, str], page: int, rng: Callable[[], float]
) -> list[HistoryRow]:
    """Return one page, asked for again where that may help."""
    tries = 0
    while True:
        try:
            return await api.history(**dates, page=page, per_page=_PER_PAGE)
        except CallError as error:
            tries += 1
            if tries == _TRIES or decide(Call.HISTORY, error.kind, tries=tries) not in {
                Action.REPEAT,
                Action.HOLD,
            }:
                raise
            await asyncio.sleep(min(_LONGEST_WAIT_S, error.wait_s or backoff_s(tries, rng)))


def _take(
    rows: Iterable[HistoryRow],
    wanted: dict[Hashable, Job],
    found: dict[str, HistoryRow],
    ledger: Ledger,
) -> None:
    """Give jobs the rows that are theirs: newest first, and none that the ledger knows as another attempt's."""
    taken = {row.request_id for row in found.values()}
    kinds = {job.parameters for job in wanted.values()}  # one a call
    for row in rows:
        job = next((job for kind in kinds if (job := wanted.get((kind, kind.facts_of(row.inputs))))), None)
        if job is None or job.key in found or row.request_id in taken or ledger.knows_request(row.request_id):
            continue
        if row.model is not None and row.model != job.parameters.model:
            continue
        found[job.key] = row
        taken.add(row.request_id)


def _oldest_intent(ledger: Ledger, jobs: Iterable[Job]) -> datetime:
    """Return when the first of these jobs can have been accepted, by this machine's clock and some slack."""
    intents = [attempt["intent_at"] for job in jobs for attempt in ledger.attempts(job.key)]
    return datetime.fromtimestamp(min(intents, default=0.0), UTC) - _SLACK


def _is_far_enough(rows: list[HistoryRow], oldest: datetime, page: int) -> bool:
    """Say whether a page lies wholly before a moment, and the next ones as well.

    One that is not in order, newest first, does not; times that cannot be read tell nothing, for some pages.
    """
    try:
        times = [datetime.fromisoformat(row.created_at or "") for row in rows]
    except ValueError:
        return page >= _PAGES_WITHOUT_TIMES
    times = [time if time.tzinfo else time.replace(tzinfo=UTC) for time in times]
    return times == sorted(times, reverse=True) and times[0] < oldest


def is_visible(job: Job) -> bool:
    """Return whether the history can tell a job by its inputs."""
    return job.image.identity.startswith("url:") and job.prompt is not None


def _facts(job: Job) -> Hashable:
    url = job.image.identity.removeprefix("url:")
    return (job.parameters, job.parameters.facts_of(job.parameters.to_body(job, url)))
