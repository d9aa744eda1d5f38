"""The steps of one job: submit, poll, fetch, follow another run, ask the history. Each leaves the flight at its next stage."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any, Protocol

from samframe.errors import ImageError
from samframe.jobs._artifacts import Artifacts
from samframe.jobs._flight import Flight, Stage
from samframe.jobs._gate import RateGate
from samframe.jobs._ledger import Ledger
from samframe.jobs._model import Job, JobState, Outcome, RowStatus
from samframe.jobs._money import Budget
from samframe.jobs._output import OutputProblem, Stored, decode_output
from samframe.jobs._pace import Pace
from samframe.jobs._policy import Action, backoff_s, decide
from samframe.jobs._progress import Progress
from samframe.jobs import _words as words
from samframe.segmind import Call, CallError, Connection, Failure, JobAnswer, RemoteState, submit_body
from samframe.segmind import OutputError, extract_output

__all__ = ["Context", "Steps"]

_FOLLOW_S = 0.3
#: A job that is waited for longer than this is left to a later run, which collects it free.
_PATIENCE_S = 900.0
_OUTPUT_TRIES = 3


class Context(Protocol):
    """What the steps need of the runner."""

    api: Connection
    ledger: Ledger
    artifacts: Artifacts
    gate: RateGate
    budget: Budget
    progress: Progress
    pace: Pace
    rng: Callable[[], float]

    @property
    def stopping(self) -> bool: ...  # noqa: D102

    @property
    def accepted_any(self) -> bool: ...  # noqa: D102

    def now(self) -> float: ...  # noqa: D102

    def fail(self, error: Any) -> None: ...  # noqa: D102

    def accepted(self, flight: Flight) -> None: ...  # noqa: D102

    def settle(self, flight: Flight, outcome: Outcome) -> None: ...  # noqa: D102

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any: ...  # noqa: D102


class Steps:
    """The steps, bound to one run.

    Parameters
    ----------
    context : Context
        The runner.
    base : str
        What stands for the deployment in the ledger.
    consent : str
        What the user agreed to, written beside each attempt.
    fingerprint : str or None
        Salted fingerprint of the API key.
    retake_from : frozenset of JobState
        Settled states that may be paid for again.
    """

    def __init__(
        self, context: Context, *, base: str, consent: str, fingerprint: str | None, retake_from: frozenset[JobState]
    ) -> None:
        self._c = context
        self._base = base
        self._consent = consent
        self._fingerprint = fingerprint
        self._retake_from = retake_from
        self._results_early: bool | None = None

    # -- submit ----------------------------------------------------------------------------------

    async def submit(self, flight: Flight) -> None:
        """Write the intent, send the job, keep its id. The gate and the budget were asked before."""
        sent = False
        try:
            body = await self._c.in_thread(_body, flight.job)
        except ImageError as error:
            self._settle_unsent(flight, Outcome(status=RowStatus.FAILED, error=f"{error}. Not sent, nothing charged."))
            return
        attempt = None
        if not self._c.stopping:
            attempt = await self._c.ledger.claim(
                flight.job,
                base=self._base,
                body_hash=_body_hash(body, flight.job),
                consent=self._consent,
                fingerprint=self._fingerprint,
                from_states=self._retake_from,
            )
        if attempt is None:
            self._back_out(flight)
            if not self._c.stopping:
                flight.stage = Stage.FOLLOW
                flight.due = self._c.now() + _FOLLOW_S
            return
        flight.attempts = attempt
        if self._c.stopping:
            await self._c.ledger.release(flight.job.key, "stopped")
            self._back_out(flight)
            return
        try:
            sent = True
            request_id = await self._c.api.submit(body, model=flight.job.parameters.model)
        except CallError as error:
            await self._submit_failed(flight, error)
            return
        finally:
            if sent:
                del body
        flight.age_base = self._c.now()
        await self._c.ledger.submitted(flight.job.key, request_id)
        self._c.gate.returned(is_get=False)
        flight.request_id = request_id
        flight.ours = True
        flight.tries.clear()
        self._c.accepted(flight)

    async def _submit_failed(self, flight: Flight, error: CallError) -> None:
        tries = flight.failed_once_more(Call.SUBMIT) if error.kind is not Failure.RATE_LIMITED else 0
        action = decide(Call.SUBMIT, error.kind, tries=tries)
        key = flight.job.key
        now = self._c.now()
        match action:
            case Action.DOUBT:
                text = words.in_doubt(str(error), self._c.budget.price)
                await self._c.ledger.in_doubt(key, text)
                self._c.budget.in_doubt += 1
                self._settle_unsent(flight, Outcome(status=RowStatus.IN_DOUBT, error=text, attempts=flight.attempts))
            case Action.FAIL_ROW if error.kind is Failure.NOT_SENT:
                await self._c.ledger.release(key, "not sent")
                if not self._c.accepted_any:
                    self._c.fail(words.cannot_connect(str(error), anything_sent=False))
                self._settle_unsent(
                    flight, Outcome(status=RowStatus.CANCELLED, error=words.never_sent(str(error)), attempts=flight.attempts)
                )
            case Action.FAIL_ROW:
                text = words.refused_input(str(error), prompt=flight.job.prompt)
                await self._c.ledger.failed(key, text)
                self._settle_unsent(flight, Outcome(status=RowStatus.FAILED, error=text, attempts=flight.attempts))
            case Action.STOP_RUN:
                await self._c.ledger.release(key, error.kind.value)
                self._c.fail(words.run_error(error, Call.SUBMIT))
                self._back_out(flight)
            case Action.HOLD:
                await self._c.ledger.release(key, "429")
                self._c.gate.refuse(now, is_get=False, wait_s=error.wait_s)
                self._c.progress.refused += 1
                flight.due = now + 0.001
                self._back_out(flight, refused=True)
            case _:
                await self._c.ledger.release(key, error.kind.value)
                flight.due = now + backoff_s(tries, self._c.rng)
                self._back_out(flight)

    def _back_out(self, flight: Flight, *, refused: bool = False) -> None:
        """Give back what was reserved for a submit that is not out."""
        self._c.gate.returned(is_get=False, refused=refused)
        self._c.budget.unbilled -= 1

    def _settle_unsent(self, flight: Flight, outcome: Outcome) -> None:
        self._back_out(flight)
        self._c.settle(flight, outcome)

    # -- poll ------------------------------------------------------------------------------------

    async def poll(self, flight: Flight) -> None:
        """Ask for the result, or for the status where results are known not to answer early."""
        assert flight.request_id is not None  # noqa: S101 - stage POLL means that it has one
        ask_result = flight.completed_seen or self._results_early is not False
        call = Call.RESULT if ask_result else Call.STATUS
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
        flight.tries.clear()
        if ask_result and not flight.completed_seen and answer.state in {RemoteState.QUEUED, RemoteState.PROCESSING}:
            self._results_early = True
        await self._read(flight, answer, is_result=ask_result)

    def _is_early_refusal(self, flight: Flight, error: CallError) -> bool:
        """Return whether a result call was refused because the job is not done, rather than for trouble of its own."""
        refusals = {Failure.NOT_FOUND, Failure.BAD_INPUT, Failure.LOST}
        young = self._c.now() - flight.age_base < 3600
        has_answer = error.status_code is not None and error.status_code < 500
        return self._results_early is None and not flight.completed_seen and young and has_answer and error.kind in refusals

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
                self._c.pace.finished(flight, answer.metrics, now)
                self._c.settle(flight, _outcome(flight, RowStatus.FAILED, error=text, metrics=answer.metrics))
            case _:
                if now - max(flight.age_base, 0.0) > _PATIENCE_S and flight.ours:
                    self._give_up(flight)
                    return
                self._c.pace.not_done(flight, answer.state, now, eager=False)
                flight.due = flight.earliest

    async def _completed(self, flight: Flight, answer: JobAnswer) -> None:
        await self._c.ledger.completed(flight.job.key, answer.raw or "", metrics=answer.metrics, engine=answer.engine)
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
                self._c.fail(words.run_error(error, call))
            case _ if now - flight.age_base > _PATIENCE_S and flight.ours:
                self._give_up(flight)
            case _:
                flight.earliest = flight.due = now + backoff_s(tries, self._c.rng)

    def _give_up(self, flight: Flight) -> None:
        """Leave a job to a later run: it stays submitted in the ledger."""
        minutes = (self._c.now() - flight.age_base) / 60
        submitted_at = time.time() - minutes * 60
        text = f"Not done after {minutes:.0f} minutes. {words.still_running(submitted_at)}"
        self._c.settle(flight, _outcome(flight, RowStatus.RUNNING, error=text))

    # -- fetch -----------------------------------------------------------------------------------

    async def fetch(self, flight: Flight) -> None:
        """Download the output, verify it, keep it, and give the rows their mask."""
        is_url = False
        try:
            reference = extract_output(flight.output)
            if reference.url is not None:
                is_url = True
                data = await self._c.api.download(reference.url)
            else:
                data = reference.data or b""
            stored: Stored = await self._c.in_thread(decode_output, data, flight.job, self._c.artifacts)
        except CallError as error:
            tries = flight.failed_once_more(Call.DOWNLOAD)
            action = decide(Call.DOWNLOAD, error.kind, tries=tries)
            if action is Action.FAIL_ROW:
                await self._output_failed(flight, str(error), None)
            else:
                if action is Action.HOLD:
                    self._c.progress.refused += 1
                flight.due = self._c.now() + (error.wait_s or backoff_s(tries, self._c.rng))
            return
        except OutputProblem as problem:
            if is_url and flight.failed_once_more(Call.DOWNLOAD) < _OUTPUT_TRIES:
                flight.due = self._c.now() + backoff_s(flight.tries[Call.DOWNLOAD], self._c.rng)
                return
            await self._output_failed(flight, str(problem), problem.artifact)
            return
        except OutputError as error:
            await self._output_failed(flight, str(error), None)
            return
        await self._c.ledger.stored(
            flight.job.key, artifact=stored.artifact, size=stored.size, mask=stored.mask, note=stored.note
        )
        self._c.settle(
            flight,
            _outcome(
                flight, RowStatus.COMPLETED, error=stored.note, mask=stored.mask, artifact=stored.artifact, metrics=flight.metrics
            ),
        )

    async def _output_failed(self, flight: Flight, detail: str, kept: str | None) -> None:
        text = words.bad_output(detail, cost=flight.metrics.cost, kept=kept)
        await self._c.ledger.failed(flight.job.key, text, metrics=flight.metrics, cost=flight.metrics.cost)
        self._c.settle(flight, _outcome(flight, RowStatus.FAILED, error=text, artifact=kept, metrics=flight.metrics))

    # -- other runs, expired records -------------------------------------------------------------

    async def follow(self, flight: Flight) -> None:
        """See how far another run is with this job, and go on from there."""
        records = await self._c.in_thread(self._c.ledger.lookup, [flight.job.key])
        record = records.get(flight.job.key)
        now = self._c.now()
        if record is None or record.state is JobState.PENDING:
            flight.stage = Stage.SUBMIT
            flight.due = now + _FOLLOW_S
            return
        flight.record = record
        outcome = settled_outcome(record)
        if outcome is not None:
            self._c.settle(flight, outcome)
            return
        match record.state:
            case JobState.SUBMITTED:
                start_collecting(flight, now)
                self._c.accepted(flight)
            case JobState.COMPLETED:
                start_fetching(flight, now)
            case _:
                flight.due = now + _FOLLOW_S

    async def ask_history(self, flight: Flight) -> None:
        """The record of an accepted job has expired: look its id up, of any age."""
        assert flight.request_id is not None  # noqa: S101 - it was polled by it
        try:
            row = await self._c.api.history_of(flight.request_id)
        except CallError as error:
            tries = flight.failed_once_more(Call.HISTORY)
            if tries >= 5:
                self._c.settle(
                    flight,
                    _outcome(
                        flight,
                        RowStatus.RUNNING,
                        error=f"The record has expired and the history does not answer ({error}). Run again to look for it.",
                    ),
                )
                return
            flight.due = self._c.now() + backoff_s(tries, self._c.rng)
            return
        if row is not None and row.state is RemoteState.COMPLETED and row.output is not None:
            answer = JobAnswer(
                state=RemoteState.COMPLETED,
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
            self._c.settle(flight, _outcome(flight, RowStatus.FAILED, error=text))
            return
        text = words.lost("the request history does not know it" if row is None else "the history holds no output")
        await self._c.ledger.lost(flight.job.key, text)
        self._c.settle(flight, _outcome(flight, RowStatus.LOST, error=text))


def settled_outcome(record: Any) -> Outcome | None:
    """Return what the rows of a settled job get from its record, or None where it is not settled."""
    statuses = {
        JobState.STORED: RowStatus.COMPLETED,
        JobState.FAILED: RowStatus.FAILED,
        JobState.LOST: RowStatus.LOST,
        JobState.IN_DOUBT: RowStatus.IN_DOUBT,
    }
    status = statuses.get(record.state)
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
        artifact=record.artifact,
    )


def start_collecting(flight: Flight, now: float) -> None:
    """Take up a job that was submitted before: it is polled at once."""
    assert flight.record is not None  # noqa: S101 - taken up from its record
    age = max(0.0, time.time() - (flight.record.submitted_at or time.time()))
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
    flight.metrics = _record_metrics(record)
    flight.stage = Stage.FETCH
    flight.due = now


def _record_metrics(record: Any) -> Any:
    from samframe.segmind import Metrics  # noqa: PLC0415 - kept out of the module's long list

    return Metrics(
        inference_time=record.inference_time, queue_time=record.queue_time, total_time=record.total_time, cost=record.cost
    )


def _outcome(flight: Flight, status: RowStatus, *, error: str | None, metrics: Any = None, **more: Any) -> Outcome:
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
        paid_now=flight.ours,
        **more,
    )


def _body(job: Job) -> dict[str, Any]:
    """Return the body of a submit; the image's bytes are read here and nowhere kept."""
    return submit_body(
        image=job.image.payload(),
        prompt=job.prompt,
        points=_points_text(job, job.points),
        remove_points=_points_text(job, job.remove_points),
        overlay_mask=job.parameters.overlay_mask,
        base64=job.parameters.base64,
    )


def _points_text(job: Job, points: Any) -> str | None:
    """Return points as the API takes them: ``[x,y]`` for one, ``[[x,y],...]`` for more, whole pixels as sent."""
    if not points:
        return None
    pairs = [[round(float(x)), round(float(y))] for x, y in job.image.points_to_sent(points)]
    return json.dumps(pairs[0] if len(pairs) == 1 else pairs, separators=(",", ":"))


def _body_hash(body: dict[str, Any], job: Job) -> str:
    """Return the sha256 of the body with the image's identity in the place of its bytes."""
    text = json.dumps({**body, "image": job.image.identity}, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
