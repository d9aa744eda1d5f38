"""Rows in doubt: the request history is searched for the job that a lost answer may have started."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from samframe.segmind import CallError, Connection, HistoryRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from samframe.jobs._ledger import Ledger
    from samframe.jobs._model import Job

__all__ = ["find_in_history"]

_PAGES = 200
_PER_PAGE = 100
_MOST_DAYS = 31
_SLACK = timedelta(minutes=15)  # for clocks that differ


async def find_in_history(api: Connection, ledger: Ledger, jobs: Iterable[Job]) -> dict[str, HistoryRow]:
    """Return, by job key, the history's row of jobs in doubt, where exactly the same inputs are visible in it.

    Only jobs whose image is a URL and that have a prompt can be told by their inputs; a prompt alone is never enough.
    The history lags: not found does not mean not run, so a job that is not found stays in doubt. It is read newest
    first, back to when the oldest of these jobs was sent.
    """
    wanted = {_inputs(job): job for job in jobs if _is_visible(job)}
    if not wanted:
        return {}
    found: dict[str, HistoryRow] = {}
    taken: set[str] = set()
    now = datetime.now(UTC)
    oldest = max(_oldest_intent(ledger, wanted.values()), now - timedelta(days=_MOST_DAYS - 1))
    dates = {"from_date": f"{oldest:%Y-%m-%d}", "to_date": f"{now + timedelta(days=1):%Y-%m-%d}"}
    for page in range(1, _PAGES + 1):
        try:
            rows = await api.history(**dates, page=page, per_page=_PER_PAGE)
        except CallError:
            break  # free to ask again on the next run
        for row in rows:
            job = wanted.get(_row_inputs(row))
            if (
                job is None
                or job.key in found
                or row.request_id in taken
                or ledger.knows_request(row.request_id)
            ):
                continue
            if row.model is not None and row.model != job.parameters.model:
                continue
            found[job.key] = row
            taken.add(row.request_id)
        if len(rows) < _PER_PAGE or len(found) == len(wanted) or _all_older(rows, oldest):
            break
    return found


def _oldest_intent(ledger: Ledger, jobs: Iterable[Job]) -> datetime:
    """Return when the first of these jobs can have been accepted, by this machine's clock and some slack."""
    intents = [attempt["intent_at"] for job in jobs for attempt in ledger.attempts(job.key)]
    return datetime.fromtimestamp(min(intents, default=0.0), UTC) - _SLACK


def _all_older(rows: list[HistoryRow], oldest: datetime) -> bool:
    """Say whether a page lies wholly before a moment, and the next ones as well.

    A page without readable times does not, and neither does one that is not in order, newest first.
    """
    try:
        times = [datetime.fromisoformat(row.created_at or "") for row in rows]
    except ValueError:
        return False
    times = [time if time.tzinfo else time.replace(tzinfo=UTC) for time in times]
    return times == sorted(times, reverse=True) and times[0] < oldest


def _is_visible(job: Job) -> bool:
    return job.image.identity.startswith("url:") and job.prompt is not None


def _inputs(job: Job) -> tuple[str, str, bool]:
    return (job.image.identity.removeprefix("url:"), job.prompt or "", job.parameters.overlay_mask)


def _row_inputs(row: HistoryRow) -> tuple[str, str, bool]:
    prompt = unicodedata.normalize("NFC", str(row.inputs.get("prompt") or "")).strip()
    return (str(row.inputs.get("image") or ""), prompt, bool(row.inputs.get("overlay_mask", True)))
