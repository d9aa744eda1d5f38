"""A job taken up from its record: settled at once, polled, fetched, or followed while another run is at it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from samframe.jobs.model import JobState, Outcome, Record, RowStatus, words
from samframe.jobs.pace import Flight, Stage
from samframe.segmind import Metrics, output_of

if TYPE_CHECKING:
    from samframe.jobs.engine.context import Context
    from samframe.jobs.model import Job

__all__ = [
    "FOLLOW_S",
    "follow",
    "left_over",
    "outcome_of",
    "resend",
    "retaken",
    "settled_outcome",
    "start_collecting",
    "start_fetching",
]

FOLLOW_S = 0.3

_SETTLED = {
    JobState.STORED: RowStatus.COMPLETED,
    JobState.FAILED: RowStatus.FAILED,
    JobState.LOST: RowStatus.LOST,
    JobState.IN_DOUBT: RowStatus.IN_DOUBT,
}


def settled_outcome(record: Record) -> Outcome | None:
    """Return what the rows of a settled job get from its record, or None where it is not settled."""
    status = _SETTLED.get(record.state)
    if status is None:
        return None
    return Outcome(
        status=status,
        mask=record.mask if status is RowStatus.COMPLETED else None,
        error=record.note if status is RowStatus.COMPLETED else record.error,
        inference_time=record.inference_time,
        queue_time=record.queue_time,
        total_time=record.total_time,
        request_id=record.request_id,
        cost=record.cost,
        attempts=record.attempts,
        engine=record.engine,
        score=record.score,
        artifact=record.artifact,
    )


def start_collecting(flight: Flight, *, now: float, wall_time: float) -> None:
    """Take up a job that was submitted before: it is polled at once."""
    assert flight.record is not None  # noqa: S101 - taken up from its record
    age = max(0.0, wall_time - (flight.record.submitted_at or wall_time))
    flight.request_id = flight.record.request_id
    flight.attempts = flight.record.attempts
    flight.age_base = now - age
    flight.since = now
    flight.stage = Stage.POLL
    flight.due = now


def start_fetching(flight: Flight, now: float, *, wall_time: float) -> None:
    """Take up a job that was completed before, from the result that was kept."""
    assert flight.record is not None  # noqa: S101 - taken up from its record
    record = flight.record
    result = json.loads(record.result or "{}")
    flight.request_id = record.request_id
    flight.attempts = record.attempts
    flight.output = output_of(result) if isinstance(result, dict) else None
    flight.age_base = now - max(0.0, wall_time - (record.submitted_at or wall_time))
    flight.since = now
    if flight.output is None and record.raw is None and record.request_id is not None:
        start_collecting(flight, now=now, wall_time=wall_time)  # the result named no output: it may by now
        return
    flight.engine = record.engine
    flight.metrics = _metrics_of(record)
    flight.stage = Stage.FETCH
    flight.due = now


def _metrics_of(record: Record) -> Metrics:
    return Metrics(
        inference_time=record.inference_time,
        queue_time=record.queue_time,
        total_time=record.total_time,
        cost=record.cost,
        score=record.score,
    )


def outcome_of(
    flight: Flight, status: RowStatus, *, error: str | None, metrics: Metrics | None = None, **more: Any
) -> Outcome:
    """Return a row's outcome: the status and error given, the rest as the flight and its record have it."""
    metrics = metrics if metrics is not None else flight.metrics
    return Outcome(
        status=status,
        error=error,
        inference_time=metrics.inference_time,
        queue_time=metrics.queue_time,
        total_time=metrics.total_time,
        request_id=flight.request_id,
        cost=metrics.cost,
        attempts=flight.attempts,
        engine=flight.engine,
        score=metrics.score,
        paid_now=flight.ours,
        **more,
    )


def retaken(job: Job, record: Record | None, now: float) -> Flight:
    """Return the flight of a job that was lost and is to be paid for again: the history is asked first."""
    assert record is not None  # noqa: S101 - it was lost
    return Flight(
        job=job,
        stage=Stage.HISTORY,
        record=record,
        due=now,
        is_retaken=True,
        request_id=record.request_id,
        attempts=record.attempts,
    )


def left_over(context: Context, flight: Flight, reason: str) -> Outcome:
    """Return what the rows of a job get that a run leaves where it is."""
    record = flight.record
    if record is not None and (flight.is_retaken or record.state is JobState.UNREAD):
        status = RowStatus.LOST if flight.is_retaken else RowStatus.UNREAD
        return outcome_of(flight, status, error=record.error, artifact=record.raw)
    if flight.request_id is not None:
        submitted_at = context.wall_time() - (context.now() - flight.age_base)
        return outcome_of(flight, RowStatus.RUNNING, error=words.still_running(submitted_at))
    if flight.claimed:
        text = words.in_doubt("the run was ended before it came", context.budget.price)
        return Outcome(status=RowStatus.IN_DOUBT, error=text, attempts=flight.attempts)
    return Outcome(status=RowStatus.CANCELLED, error=words.stopped(reason), attempts=flight.attempts)


async def resend(context: Context, flight: Flight) -> None:
    """Send a job again that a server of ours does not know: it ended with its process, and nothing was ever billed."""
    await context.ledger.forget(flight.job.key)
    context.budget.unbilled -= flight.ours
    context.pace.forget(flight)
    flight.stage = Stage.SUBMIT
    flight.request_id = flight.record = None
    flight.ours = flight.completed_seen = flight.was_fetched = False
    flight.tries.clear()
    flight.due = context.now()


async def follow(context: Context, flight: Flight) -> None:
    """See how far another run is with this job, and go on from there."""
    records = await context.in_thread(context.ledger.lookup, [flight.job.key])
    record = records.get(flight.job.key)
    now = context.now()
    if record is None or record.state is JobState.PENDING:
        flight.stage = Stage.SUBMIT
        flight.due = now + FOLLOW_S
        return
    flight.record = record
    outcome = settled_outcome(record)
    if outcome is not None:
        context.settle(flight, outcome)
        return
    is_out = record.state in {JobState.SUBMITTED, JobState.COMPLETED}
    if context.is_offline and is_out and context.ledger.owner_lives(record):
        flight.due = now + FOLLOW_S  # a server within another process: only that one can ask it
        return
    match record.state:
        case JobState.SUBMITTED:
            start_collecting(flight, now=now, wall_time=context.wall_time())
            context.accepted(flight)
        case JobState.COMPLETED:
            start_fetching(flight, now, wall_time=context.wall_time())
        case JobState.UNREAD:
            start_fetching(flight, now, wall_time=context.wall_time())
        case _:
            flight.due = now + FOLLOW_S
