"""The free steps: poll a job, read its answer, and ask the history for what has expired."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from samframe._contract import RECORD_SECONDS
from samframe.jobs.engine.resume import outcome_of
from samframe.jobs.model import Action, RowStatus, backoff_s, decide, words
from samframe.jobs.pace import Flight, Stage
from samframe.segmind import Call, CallError, Failure, JobAnswer, Metrics, RemoteState

if TYPE_CHECKING:
    from samframe.jobs.engine.context import Context

__all__ = ["Collector"]

#: A job that is waited for longer than this is left to a later run, which collects it free.
_PATIENCE_S = 900.0
_HISTORY_TRIES = 5
#: A finished job without an output is asked for again: it was paid for, and asking is free.
_RESULT_TRIES = 3


class Collector:
    """Asks for jobs that were accepted.

    Parameters
    ----------
    context : Context
        The runner.
    """

    def __init__(self, context: Context) -> None:
        self._c = context
        self._results_early: bool | None = None

    async def poll(self, flight: Flight) -> None:
        """Ask for the result, or for the status where results are known not to answer early."""
        assert flight.request_id is not None  # noqa: S101 - stage POLL means that it has one
        ask_result = flight.completed_seen or self._results_early is not False
        call = Call.RESULT if ask_result else Call.STATUS
        wait_s = self._c.gate.slot_wait_s(self._c.now(), is_get=True)
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        try:
            answer = await (self._c.api.result if ask_result else self._c.api.status)(flight.request_id)
        except CallError as error:
            self._c.gate.returned(is_get=True, refused=error.kind is Failure.RATE_LIMITED)
            if ask_result and self._is_early_refusal(flight, error):
                self._results_early = False
                flight.due = self._c.now()
                return
            await self._get_failed(flight, call, error)
            return
        self._c.gate.returned(is_get=True)
        is_empty = ask_result and answer.state is RemoteState.COMPLETED and answer.output is None
        if is_empty and flight.failed_once_more(call) < _RESULT_TRIES:
            flight.earliest = flight.due = self._c.now() + backoff_s(flight.tries[call], self._c.rng)
            return
        flight.tries.clear()
        if (
            ask_result
            and not flight.completed_seen
            and answer.state in {RemoteState.QUEUED, RemoteState.PROCESSING}
        ):
            self._results_early = True
        await self._read(flight, answer, is_result=ask_result)

    def _is_early_refusal(self, flight: Flight, error: CallError) -> bool:
        """Return whether a result call was refused because the job is not done, rather than for trouble of its own."""
        refusals = {Failure.NOT_FOUND, Failure.BAD_INPUT, Failure.LOST}
        young = self._c.now() - flight.age_base < RECORD_SECONDS
        has_answer = error.status_code is not None and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
        return (
            self._results_early is None
            and not flight.completed_seen
            and young
            and has_answer
            and error.kind in refusals
        )

    async def _read(self, flight: Flight, answer: JobAnswer, *, is_result: bool) -> None:
        now = self._c.now()
        match answer.state:
            case RemoteState.COMPLETED if is_result:
                await self._completed(flight, answer)
            case RemoteState.COMPLETED:
                flight.completed_seen = True
                flight.due = now
            case RemoteState.FAILED:
                text = words.job_failed(answer.error or "the API gives no reason")
                await self._c.ledger.failed(flight.job.key, text, metrics=answer.metrics)
                if flight.ours:
                    self._c.budget.unbilled -= 1
                self._c.settle(
                    flight, outcome_of(flight, RowStatus.FAILED, error=text, metrics=answer.metrics)
                )
            case _:
                if now - max(flight.age_base, 0.0) > _PATIENCE_S and flight.ours:
                    self._give_up(flight)
                    return
                self._c.pace.not_done(flight, answer.state, now, submitting=self._c.submitting)
                flight.due = flight.earliest

    async def _completed(self, flight: Flight, answer: JobAnswer) -> None:
        await self._c.ledger.completed(
            flight.job.key,
            answer.raw or "",
            metrics=answer.metrics,
            engine=answer.engine,
            urgent=self._c.near_end,
        )
        now = self._c.now()
        self._c.pace.finished(flight, answer.metrics, now)
        self._c.pace.forget(flight)
        if flight.ours:
            self._c.budget.billed(answer.metrics.cost)
        if answer.metrics.remaining_credits is not None:
            self._c.progress.remaining_credits = answer.metrics.remaining_credits
        flight.metrics = answer.metrics
        flight.engine = answer.engine
        flight.output = answer.output
        flight.raw_result = answer.raw if flight.job.parameters.several else None
        flight.stage = Stage.FETCH
        flight.due = now

    async def _get_failed(self, flight: Flight, call: Call, error: CallError) -> None:
        now = self._c.now()
        tries = flight.failed_once_more(call)
        action = decide(call, error.kind, tries=tries, age_s=now - flight.age_base)
        match action:
            case Action.HOLD:
                self._c.gate.refuse(now, is_get=True, wait_s=error.wait_s)
                self._c.progress.refused += 1
                flight.earliest = flight.due = now + 0.001
            case Action.ASK_HISTORY:
                flight.stage = Stage.HISTORY
                flight.due = now
            case Action.STOP_RUN:
                self._c.fail(words.run_error(error, call), collect=False)
            case _ if now - flight.age_base > _PATIENCE_S and flight.ours:
                self._give_up(flight)
            case _:
                flight.earliest = flight.due = now + backoff_s(tries, self._c.rng)

    def _give_up(self, flight: Flight) -> None:
        """Leave a job to a later run: it stays submitted in the ledger."""
        minutes = (self._c.now() - flight.age_base) / 60
        submitted_at = self._c.wall_time() - minutes * 60
        text = f"Not done after {minutes:.0f} minutes. {words.still_running(submitted_at)}"
        self._c.settle(flight, outcome_of(flight, RowStatus.RUNNING, error=text))

    async def ask_history(self, flight: Flight) -> None:
        """The record of an accepted job has expired: look its id up, of any age."""
        assert flight.request_id is not None  # noqa: S101 - it was polled by it
        try:
            row = await self._c.api.history_of(flight.request_id)
        except CallError as error:
            tries = flight.failed_once_more(Call.HISTORY)
            if tries >= _HISTORY_TRIES:
                self._c.settle(
                    flight,
                    outcome_of(
                        flight,
                        RowStatus.RUNNING,
                        error=words.no_history(str(error)),
                    ),
                )
                return
            flight.due = self._c.now() + backoff_s(tries, self._c.rng)
            return
        if row is not None and row.state is RemoteState.COMPLETED and row.output is not None:
            answer = JobAnswer(
                state=RemoteState.COMPLETED,
                metrics=Metrics(cost=row.cost),
                output=row.output,
                raw=json.dumps({"output": row.output, "source": "history"}),
            )
            await self._completed(flight, answer)
            return
        if row is not None and row.state is RemoteState.FAILED:
            text = words.job_failed(row.error or "the history gives no reason")
            await self._c.ledger.failed(flight.job.key, text)
            if flight.ours:
                self._c.budget.unbilled -= 1
            self._c.settle(flight, outcome_of(flight, RowStatus.FAILED, error=text))
            return
        text = words.lost(
            "the request history does not know it" if row is None else "the history holds no output"
        )
        await self._c.ledger.lost(flight.job.key, text)
        self._c.settle(flight, outcome_of(flight, RowStatus.LOST, error=text))
