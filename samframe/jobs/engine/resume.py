"""A job taken up from its record: settled at once, polled, fetched, or followed while another run is at it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from samframe.jobs.model import JobState, Outcome, Record, RowStatus
from samframe.jobs.pace import Flight, Stage
from samframe.segmind import Metrics

if TYPE_CHECKING:
    from samframe.jobs.engine.context import Context

__all__ = ["FOLLOW_S", "follow", "outcome_of", "settled_outcome", "start_collecting", "start_fetching"]

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
    flight.stage = Stage.POLL
    flight.due = now


def start_fetching(flight: Flight, now: float) -> None:
    """Take up a job that was completed before, from the result that was kept."""
    assert flight.record is not None  # noqa: S101 - taken up from its record
    record = flight.record
    result = json.loads(record.result or "{}")
    flight.request_id = record.request_id
    flight.attempts = record.attempts
    flight.output = result.get("output") if isinstance(result, dict) else None
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
    match record.state:
        case JobState.SUBMITTED:
            start_collecting(flight, now=now, wall_time=context.wall_time())
            context.accepted(flight)
        case JobState.COMPLETED:
            start_fetching(flight, now)
        case _:
            flight.due = now + FOLLOW_S
