"""The free steps: poll a job, read its answer, and ask the history for what has expired."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from samframe.ground.contract import RECORD_SECONDS
from samframe.jobs.engine.resume import outcome_of, resend
from samframe.jobs.model import Action, Cause, RowStatus, backoff_s, decide, words
from samframe.jobs.pace import Flight, Stage
from samframe.segmind import Call, CallError, Failure, JobAnswer, Metrics, RemoteState

if TYPE_CHECKING:
    from samframe.jobs.engine.context import Context

__all__ = ["Collector"]

#: A job that is waited for longer than this, in seconds, is told in progress.
_WORTH_TELLING_S = 30.0
_MINUTE_S = 60.0

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
                flight.last_error = (
                    f"the API tells a status that is not known: {answer.unknown_status!r}"
                    if answer.unknown_status is not None
                    else ""
                )
                if self._is_out_of_patience(flight):
                    self._give_up(flight)
                    return
                self._tell_of(flight, answer.unknown_status)
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
            flight.is_dear = self._c.budget.is_dear(answer.metrics.cost)
            self._c.budget.billed(answer.metrics.cost)
        if answer.metrics.remaining_credits is not None:
            self._c.progress.saw_balance(answer.metrics.remaining_credits)
            self._c.watch_balance(answer.metrics.remaining_credits)
        self._c.progress.message = ""
        flight.metrics = answer.metrics
        flight.engine = answer.engine
        flight.output = answer.output
        flight.raw_result = answer.raw if flight.job.parameters.fields.several is not None else None
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
            case _ if self._c.is_offline and error.kind is Failure.NOT_FOUND:
                await resend(self._c, flight)
            case Action.ASK_HISTORY:
                flight.stage = Stage.HISTORY
                flight.due = now
            case Action.STOP_RUN:
                self._c.fail(words.run_error(error, call), collect=False)
            case _ if self._is_out_of_patience(flight):
                flight.last_error = str(error)
                self._give_up(flight)
            case _:
                flight.earliest = flight.due = now + backoff_s(tries, self._c.rng)

    def _give_up(self, flight: Flight) -> None:
        """Leave a job to a later run: it stays submitted in the ledger."""
        age_s = self._c.now() - flight.age_base
        submitted_at = self._c.wall_time() - age_s
        reason = f" ({flight.last_error})" if flight.last_error else ""
        text = f"Not done after {_age_text(age_s)}{reason}. {words.still_running(submitted_at)}"
        cause = Cause.STATUS if flight.last_error.startswith("the API tells") else Cause.PATIENCE
        outcome = outcome_of(flight, RowStatus.RUNNING, error=text)
        is_contract = cause is Cause.STATUS or not self._c.breaker.is_proven
        self._c.settle(flight, replace(outcome, cause=cause) if is_contract else outcome)

    def _is_out_of_patience(self, flight: Flight) -> bool:
        """Return whether a job was waited for long enough: since it was sent, or since this run took it up."""
        return self._c.now() - max(flight.age_base, flight.since) > self._c.patience.queue

    def _tell_of(self, flight: Flight, unknown_status: str | None) -> None:
        """Say what is waited for, where it is out of the ordinary."""
        waited_s = self._c.now() - max(flight.age_base, flight.since)
        if unknown_status is not None:
            self._c.progress.message = f"the API tells a status that is not known: {unknown_status!r}"
        elif waited_s > _WORTH_TELLING_S:
            self._c.progress.message = (
                f"waiting for a job for {waited_s:.0f} s, {self._c.patience.queue:.0f} s at most"
            )

    async def _send_anew(self, flight: Flight) -> None:
        """The history has no output of a job that was lost, and the user pays for it again."""
        flight.request_id = None
        flight.is_retaken = False
        flight.tries.clear()
        flight.stage = Stage.SUBMIT
        flight.due = self._c.now()

    async def ask_history(self, flight: Flight) -> None:
        """The record of an accepted job has expired: look its id up, of any age."""
        assert flight.request_id is not None  # noqa: S101 - it was polled by it
        try:
            row = await self._c.api.history_of(flight.request_id)
        except CallError as error:
            tries = flight.failed_once_more(Call.HISTORY)
            if tries >= _HISTORY_TRIES:
                status = RowStatus.LOST if flight.is_retaken else RowStatus.RUNNING
                self._c.settle(flight, outcome_of(flight, status, error=words.no_history(str(error))))
                return
            flight.due = self._c.now() + backoff_s(tries, self._c.rng)
            return
        if row is None and flight.is_retaken:
            await self._send_anew(flight)
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
        if flight.is_retaken:
            await self._send_anew(flight)
            return
        text = words.lost(
            "the request history does not know it" if row is None else "the history holds no output"
        )
        await self._c.ledger.lost(flight.job.key, text)
        self._c.settle(flight, outcome_of(flight, RowStatus.LOST, error=text))


def _age_text(seconds: float) -> str:
    return f"{seconds / _MINUTE_S:.0f} minutes" if seconds >= 2 * _MINUTE_S else f"{seconds:.0f} s"
