"""The submit step: intent before the POST, id before anything else, and what each failure means for the money."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING

from samframe.errors import ApiError, ImageError, LedgerError
from samframe.jobs.engine.doubt import is_visible
from samframe.jobs.engine.resume import FOLLOW_S
from samframe.jobs.ledger import Trial
from samframe.jobs.model import (
    Action,
    Cause,
    Job,
    JobState,
    Outcome,
    RowStatus,
    backoff_s,
    decide,
    words,
)
from samframe.jobs.pace import Flight, Stage
from samframe.segmind import Call, CallError, Failure, encode_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from samframe.jobs.engine.context import Context
    from samframe.jobs.engine.uploads import SharedUploads

__all__ = ["POSTS", "Submitter"]

#: POSTs in flight at once: the most rows that a crash can leave in doubt.
POSTS = 4
#: Jobs in a row that could not be sent at all: the connection is gone, not the row wrong.
_MOST_UNSENT = 8


class Submitter:
    """Sends jobs.

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
    uploads : SharedUploads
        Images that are sent by the URL of an upload.
    """

    def __init__(
        self,
        context: Context,
        *,
        base: str,
        consent: str,
        fingerprint: str | None,
        retake_from: frozenset[JobState],
        uploads: SharedUploads,
    ) -> None:
        self._c = context
        self._base = base
        self._consent = consent
        self._fingerprint = fingerprint
        self._retake_from = retake_from
        self._uploads = uploads
        self._slots = _PostSlots(lambda: 1 if context.breaker.lost_submits else POSTS)
        self._unsent = 0

    async def submit(self, flight: Flight) -> None:
        """Write the intent, send the job, keep its id. The gate and the budget were asked before."""
        try:
            url = await self._uploads.url_of(flight.job)
            body, body_hash = await self._c.in_thread(_body, flight.job, url)
        except ImageError as error:
            self._settle_unsent(
                flight, Outcome(status=RowStatus.FAILED, error=f"{error}. Not sent, nothing charged.")
            )
            return
        async with self._slots:
            # Between here and the queued write of the id a crash leaves the job in doubt: that is what the slots bound.
            kept = await self._post(flight, body, body_hash)
        if kept is None:
            return
        try:
            is_new = await kept
        except LedgerError as error:
            file = self._c.ledger.rescue_id(flight.job.key, flight.request_id or "")
            text = words.id_not_kept(
                flight.request_id or "", str(error), self._c.budget.price, rescued=file is not None
            )
            flight.request_id = None
            self._c.budget.in_doubt += 1
            self._settle_unsent(
                flight, Outcome(status=RowStatus.IN_DOUBT, error=text, attempts=flight.attempts)
            )
            raise
        if not is_new:
            flight.request_id = None
            await self._submit_failed(flight, CallError("the API answered with the id of another job"))
            flight.claimed = False
            return
        self._c.gate.returned(is_get=False)
        flight.claimed = False
        flight.tries.clear()
        self._unsent = 0
        self._c.breaker.accepted()
        self._c.accepted(flight)

    async def _post(self, flight: Flight, body: bytes, body_hash: str) -> Awaitable[bool] | None:
        """Claim and send; return what to wait for until the id is durable, or None where there is none."""
        if self._c.is_stopping() or self._c.gate.is_closed(self._c.now()):
            self._back_out(was_taken=False)
            return None
        attempt = await self._c.ledger.claim(
            flight.job,
            base=self._base,
            body_hash=body_hash,
            consent=self._consent,
            fingerprint=self._fingerprint,
            from_states=self._retake_from,
            trial=None if self._c.breaker.is_proven else self._c.proof,
            reader=self._c.reader.name,
        )
        if isinstance(attempt, Trial):
            self._back_out(was_taken=False)
            await self._wait_for(attempt, flight)
            return None
        if attempt is None:
            self._back_out(was_taken=False)
            flight.stage = Stage.FOLLOW
            flight.due = self._c.now() + FOLLOW_S
            return None
        flight.attempts = attempt
        flight.claimed = True
        await asyncio.sleep(self._c.gate.slot_wait_s(self._c.now(), is_get=False))
        if self._c.is_stopping() or self._c.gate.is_closed(self._c.now()):
            await self._c.ledger.release(flight.job.key, "held back")
            flight.claimed = False
            self._back_out(was_taken=False)
            return None
        try:
            request_id = await self._c.api.submit(body, model=flight.job.parameters.model)
        except CallError as error:
            await self._submit_failed(flight, error)
            flight.claimed = False
            return None
        flight.age_base = self._c.now()
        flight.request_id = request_id
        flight.ours = True
        return self._c.ledger.submitted(flight.job.key, request_id)

    async def _submit_failed(self, flight: Flight, error: CallError) -> None:
        tries = flight.failed_once_more(Call.SUBMIT) if error.kind is not Failure.RATE_LIMITED else 0
        key = flight.job.key
        now = self._c.now()
        if tries == 1:
            flight.refused_at = now
        waited_s = now - flight.refused_at
        action = decide(
            Call.SUBMIT, error.kind, tries=tries, waited_s=waited_s, patience_s=self._c.patience.server
        )
        match action:
            case Action.DOUBT:
                text = words.in_doubt(str(error), self._c.budget.price, is_visible=is_visible(flight.job))
                await self._c.ledger.in_doubt(key, text)
                self._c.budget.in_doubt += 1
                cause = Cause.FOREIGN_ID if error.kind is Failure.FOREIGN_ID else Cause.LOST_ANSWER
                self._settle_unsent(
                    flight,
                    Outcome(status=RowStatus.IN_DOUBT, error=text, attempts=flight.attempts, cause=cause),
                )
            case Action.FAIL_ROW if error.kind is Failure.NOT_SENT:
                await self._c.ledger.release(key, "not sent")
                self._unsent += 1
                if not self._c.accepted_any or self._unsent >= _MOST_UNSENT:
                    self._c.fail(
                        words.cannot_connect(str(error), anything_sent=self._c.accepted_any), collect=True
                    )
                self._settle_unsent(
                    flight,
                    Outcome(
                        status=RowStatus.CANCELLED,
                        error=words.never_sent(str(error)),
                        attempts=flight.attempts,
                    ),
                )
            case Action.FAIL_ROW:
                text = words.refused_input(str(error), prompt=flight.job.prompt)
                await self._c.ledger.failed(key, text)
                failed_by = Cause.SERVER_ERROR if error.kind is Failure.SERVER_ERROR else None
                self._settle_unsent(
                    flight,
                    Outcome(status=RowStatus.FAILED, error=text, attempts=flight.attempts, cause=failed_by),
                )
            case Action.STOP_RUN:
                await self._c.ledger.release(key, error.kind.value)
                self._c.fail(await self._run_error(error), collect=True)
                self._back_out()
            case Action.HOLD:
                await self._c.ledger.release(key, "429")
                self._c.gate.refuse(now, is_get=False, wait_s=error.wait_s)
                self._c.progress.refused += 1
                flight.due = now + 0.001
                self._back_out(was_taken=False)
            case _:
                await self._c.ledger.release(key, error.kind.value)
                flight.due = now + backoff_s(tries, self._c.rng)
                self._back_out()

    async def _wait_for(self, trial: Trial, flight: Flight) -> None:
        """Another run tries this deployment out: wait for its mask, or stop where it found none."""
        flight.due = self._c.now() + FOLLOW_S
        if trial.error is not None:
            self._c.fail(words.trial_failed(trial.error), collect=True)
        elif await self._c.in_thread(self._c.ledger.is_proven, self._c.proof):
            self._c.breaker.is_proven = True
            flight.due = self._c.now()

    async def _run_error(self, error: CallError) -> ApiError:
        """Return the exception for a refused submit; where money is short, with the balance and the need."""
        if error.kind is not Failure.NO_CREDITS:
            return words.run_error(error, Call.SUBMIT)
        try:
            balance = await self._c.api.credits()
        except CallError:
            return words.run_error(error, Call.SUBMIT)
        need = self._c.unsent_jobs * self._c.budget.price
        return words.run_error(error, Call.SUBMIT, balance=balance.credits + balance.free_credits, need=need)

    def _back_out(self, *, was_taken: bool = True) -> None:
        """Give back what was reserved for a submit that is not out; the limit has not counted it if never sent."""
        self._c.gate.returned(is_get=False, refused=not was_taken)
        self._c.budget.unbilled -= 1

    def _settle_unsent(self, flight: Flight, outcome: Outcome) -> None:
        self._back_out()
        self._c.settle(flight, outcome)


class _PostSlots:
    """Places for POSTs that are out; how many there are may change while some are taken.

    Parameters
    ----------
    most : callable
        How many there may be now.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._taken = 0
        self._freed = asyncio.Condition()

    async def __aenter__(self) -> None:
        async with self._freed:
            await self._freed.wait_for(lambda: self._taken < self._most())
            self._taken += 1

    async def __aexit__(self, *_: object) -> None:
        async with self._freed:
            self._taken -= 1
            self._freed.notify_all()


def _body(job: Job, url: str | None) -> tuple[bytes, str]:
    """Return the body of a submit, and its sha256 with the image's identity in the place of its bytes.

    The image's bytes, where there is no URL of them, are read here and nowhere kept.
    """
    body = job.parameters.to_body(job, url if url is not None else job.image.payload())
    named = json.dumps({**body, "image": job.image.identity}, sort_keys=True)
    return encode_body(body), hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()
