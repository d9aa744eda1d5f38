"""The request history: one page of rows of an account, and one row by its id."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from samframe.server.wire import Refusal
from samframe.server.work.jobs import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["history_page", "history_row"]

_LONGEST_DAYS = 31
_LARGEST_PAGE = 100


def history_row(job: Job) -> dict[str, Any]:
    """Return what the history tells of a job."""
    created = (
        datetime.fromtimestamp(job.created_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
    total_s = job.metrics().get("total_time")
    row = {
        "request_id": job.request_id,
        "model_name": job.model,
        "model_status": job.state.value if job.state.is_final else "PENDING",
        "credits_deduction": job.cost_usd or 0.0,
        "request_body": job.body,
        "generation_url": job.output_url,
        "latency_ms": None if total_s is None else round(total_s * 1000),
        "model_created": created,
    }
    return row | {"error": job.error} if job.state is JobState.FAILED else row


def history_page(jobs: Iterable[Job], query: Mapping[str, str], *, now: float) -> dict[str, Any]:
    """Return a page of rows, newest first, with what a reader needs to ask for the next.

    Parameters
    ----------
    jobs : iterable of Job
        The account's jobs, oldest first, as far as the history knows them already.
    query : mapping of str to str
        The API's parameters: page, per_page, from_date, to_date, model_name, status.
    now : float
        The server's clock, in seconds.

    Returns
    -------
    dict
        ``rows``, ``page``, ``per_page``, ``total`` and ``total_pages``.

    Raises
    ------
    Refusal
        400 for a parameter that cannot be read, or a window of more than 31 days.
    """
    page, per_page = _whole(query, "page", 1), _whole(query, "per_page", 20)
    if per_page > _LARGEST_PAGE:
        raise Refusal(400, f"per_page must be at most {_LARGEST_PAGE}")
    today = datetime.fromtimestamp(now, UTC).date()
    last = _day(query, "to_date", today)
    first = _day(query, "from_date", last - timedelta(days=7))
    if not timedelta(0) <= last - first <= timedelta(days=_LONGEST_DAYS):
        raise Refusal(400, f"The window from from_date to to_date may span at most {_LONGEST_DAYS} days")
    found = [job for job in jobs if first <= datetime.fromtimestamp(job.created_at, UTC).date() <= last]
    name, status = query.get("model_name", ""), query.get("status")
    found = [job for job in found if name in job.model and status in (None, "", _word(job))]
    found.reverse()
    start = (page - 1) * per_page
    return {
        "rows": [history_row(job) for job in found[start : start + per_page]],
        "page": page,
        "per_page": per_page,
        "total": len(found),
        "total_pages": -(-len(found) // per_page),
    }


def _word(job: Job) -> str:
    return job.state.value if job.state.is_final else "PENDING"


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Refusal(400, f"{name} must be a whole number of at least 1")
    return int(text)


def _day(query: Mapping[str, str], name: str, default: date) -> date:
    text = query.get(name)
    if not text:
        return default
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(400, f"{name} must be a date such as 2025-01-31") from None
