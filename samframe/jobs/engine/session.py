"""One call: jobs looked up, planned, run on one connection, and their outcomes kept by key."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from samframe.ground.contract import JOB_PRICE_USD, JOB_SECONDS
from samframe.jobs.engine.accounts import left_to_other_keys
from samframe.jobs.engine.doubt import find_in_history, is_visible
from samframe.jobs.engine.resume import retaken, settled_outcome, start_collecting, start_fetching
from samframe.jobs.engine.runner import Runner
from samframe.jobs.engine.submit import Submitter
from samframe.jobs.engine.uploads import SharedUploads
from samframe.jobs.ledger import Artifacts, Ledger, proof_name
from samframe.jobs.model import (
    Budget,
    Job,
    JobState,
    Outcome,
    Plan,
    Progress,
    Record,
    Step,
    Survey,
    job_price_usd,
    next_step,
    survey_jobs,
    words,
)
from samframe.jobs.pace import Flight, Pace, RateGate, Stage
from samframe.jobs.shared import Lease, LeasedBudget
from samframe.segmind import Client, Connection, Model, RemoteState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from samframe.jobs.engine.settings import Settings

__all__ = ["Session"]

_OUT = frozenset({JobState.SUBMITTED, JobState.COMPLETED})
# What a server of ours does not know was never billed: it is sent again without a word.
_FREE = frozenset({JobState.IN_DOUBT, JobState.LOST})


class Session:
    """The jobs of one call.

    Parameters
    ----------
    client : Client
        Where to send them.
    jobs : sequence of Job
        Distinct jobs.
    settings : Settings
        Options of the call.
    rows, invalid : int
        Rows of the frame, and those that cannot be sent.
    open_ledger, rng, wall_time : callable
        Where the ledger, chance and the clock come from.
    """

    def __init__(
        self,
        client: Client,
        jobs: Sequence[Job],
        settings: Settings,
        *,
        rows: int,
        invalid: int,
        open_ledger: Callable[[Path], Ledger] = Ledger,
        rng: Callable[[], float] = random.random,
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._jobs = jobs
        self._settings = settings
        self._invalid = invalid
        self._open_ledger = open_ledger
        self._rng = rng
        self._wall_time = wall_time
        self._runner: Runner | None = None
        self._stop_asked: str | None = None
        self.outcomes: dict[str, Outcome] = {}
        kind = Budget if settings.coordinator is None else LeasedBudget
        self.progress = Progress(
            rows=rows, jobs=len(jobs), budget=kind(price=0.0, max_cost=settings.max_cost)
        )

    def plan(self) -> Plan:
        """Return the bill before the run. Nothing is sent."""
        return self.survey().plan(rate_limit=self._rate_limit, max_cost=self._settings.max_cost)

    def survey(self) -> Survey:
        """Return what is to be done with each job. Nothing is sent."""
        with self._open_ledger(self._settings.store) as ledger:
            records, steps = self._look_up(ledger)
            return survey_jobs(
                self._jobs,
                steps,
                records,
                invalid=self._invalid,
                price_usd=self._price(ledger),
                price_source=self._price_source(ledger),
                job_seconds=self._model.seconds if self._model is not None else JOB_SECONDS,
            )

    @property
    def waiting_jobs(self) -> int | None:
        """How many jobs could be submitted now; None before the first can, 0 once the run has ended."""
        if self.progress.is_done:
            return 0
        return self._runner.waiting_jobs() if self._runner is not None else None

    @property
    def posting_jobs(self) -> int:
        """How many jobs are being sent at this moment, whose ids are not kept yet. From any thread."""
        return self._runner.posting_jobs() if self._runner is not None else 0

    def stop(self, reason: str = "the run was stopped") -> None:
        """Submit nothing more; jobs that are out are left to a later run. From any thread."""
        self._stop_asked = self._stop_asked or reason
        runner = self._runner
        if runner is not None:
            runner.stop(reason)

    async def run(self) -> None:
        """Bring every job to its outcome; they are in ``outcomes``, also after an exception.

        Raises
        ------
        ApiError
            If the API stopped the call as a whole.
        LedgerError
            If the ledger cannot be used: nothing is sent then.
        """
        ledger = await asyncio.to_thread(self._open_ledger, self._settings.store)
        try:
            records, steps = await asyncio.to_thread(self._look_up, ledger)
            self._set_price(ledger)
            self._take_settled(records, steps)
            if any(step is Step.PAY for step in steps.values()):
                await asyncio.to_thread(Artifacts(self._settings.store).check)
                await asyncio.to_thread(ledger.open_rescue)
            todo = [job for job in self._jobs if job.key not in self.outcomes]
            if self._client.is_free:
                todo = _by_image(todo)
            if todo:
                await self._run(ledger, todo, records, steps)
        finally:
            self.progress.ended_at = self.progress.clock()
            await asyncio.to_thread(ledger.close)

    @property
    def _rate_limit(self) -> float | None:
        return self._settings.rate_limit if self._settings.rate_limit is not None else self._client.rate_limit

    def _price(self, ledger: Ledger) -> float:
        model = self._model
        return job_price_usd(
            self._recent(ledger.recent_costs),
            is_free=self._client.is_free,
            published_usd=model.price_usd if model is not None else JOB_PRICE_USD,
        )

    def _price_source(self, ledger: Ledger) -> str:
        if self._client.is_free:
            return ""
        return "measured" if self._recent(ledger.recent_costs) else "published"

    @property
    def _model(self) -> Model | None:
        """The one model of the call; None where there is no job."""
        return self._jobs[0].parameters.fields if self._jobs else None

    def _set_price(self, ledger: Ledger) -> None:
        budget = self.progress.budget
        budget.price = budget.planned = self._price(ledger)
        budget.has_bill = self._client.is_free or bool(self._recent(ledger.recent_costs))

    def _recent(self, read: Callable[..., list[float]]) -> list[float]:
        """Return what one of the ledger's readings tells of the latest jobs of this deployment and model."""
        model = self._jobs[0].parameters.model if self._jobs else ""
        return read(base=self._client.identity, model=model)

    def _look_up(self, ledger: Ledger) -> tuple[dict[str, Record], dict[str, Step]]:
        ledger.adopt_rescued()
        records = ledger.lookup([job.key for job in self._jobs])
        alive: dict[str, bool] = {}
        steps = {job.key: self._step(ledger, records.get(job.key), alive) for job in self._jobs}
        return records, steps

    def _step(self, ledger: Ledger, record: Record | None, alive: dict[str, bool]) -> Step:
        is_offline = self._client.is_free
        owner_lives = False
        if (
            record is not None
            and record.owner is not None
            and (record.state is JobState.SUBMITTING or (is_offline and record.state in _OUT))
        ):
            if record.owner not in alive:
                alive[record.owner] = ledger.owner_lives(record)
            owner_lives = alive[record.owner]
        return next_step(
            record,
            retry=self._settings.retry,
            refresh=self._settings.refresh,
            owner_lives=owner_lives,
            is_offline=is_offline,
        )

    def _take_settled(self, records: dict[str, Record], steps: dict[str, Step]) -> None:
        for job in self._jobs:
            if steps[job.key] is not Step.NOTHING:
                continue
            outcome = settled_outcome(records[job.key])
            if outcome is not None:
                self._settled(job, outcome)
                self.progress.settle(job.row, job.n_rows, outcome)

    def _settled(self, job: Job, outcome: Outcome) -> None:
        self.outcomes[job.key] = outcome

    async def _run(
        self, ledger: Ledger, todo: list[Job], records: dict[str, Record], steps: dict[str, Step]
    ) -> None:
        self.progress.budget.in_doubt = sum(steps[job.key] is Step.LOOK_FOR for job in todo)
        fingerprint = await asyncio.to_thread(self._client.key.fingerprint, ledger.salt())
        async with AsyncExitStack() as stack:
            lease = self._lease(ledger, fingerprint)
            if lease is not None:
                await stack.enter_async_context(lease)
            api = await stack.enter_async_context(self._client.connect())
            to_pay = (job for job in todo if steps[job.key] is Step.PAY)
            uploads = SharedUploads(api, to_pay, least=self._settings.upload_shared)
            stack.push_async_callback(uploads.close)
            runner = Runner(
                api=api,
                ledger=ledger,
                artifacts=Artifacts(self._settings.store),
                gate=lease.gate if lease is not None else RateGate(self._rate_limit, self._rng),
                pace=Pace(self._recent(ledger.recent_inference_times), is_unlimited=self._client.is_free),
                rng=self._rng,
                wall_time=self._wall_time,
                reader=self._settings.reader,
                patience=self._settings.patience,
                proof=self._proof,
                is_proven=self._client.is_free or ledger.is_proven(self._proof),
                is_offline=self._client.is_free,
                budget=self.progress.budget,
                progress=self.progress,
                submitter=lambda context: Submitter(
                    context,
                    base=self._client.identity,
                    consent=self._settings.consent,
                    fingerprint=fingerprint,
                    retake_from=self._settings.retake_from | (_FREE if self._client.is_free else frozenset()),
                    uploads=uploads,
                ),
            )
            self._runner = runner
            if lease is not None:
                lease.demand, lease.stop = runner.waiting_jobs, runner.stop
            if self._stop_asked is not None:
                runner.stop(self._stop_asked)
            if not self._client.is_free:
                asked = [job for job in todo if steps[job.key] is Step.COLLECT]
                for job, outcome in left_to_other_keys(ledger, fingerprint, asked, records):
                    self._settled(job, outcome)
                    self.progress.settle(job.row, job.n_rows, outcome)
                todo = [job for job in todo if job.key not in self.outcomes]
            doubtful = [
                job
                for job in todo
                if not self._client.is_free and _is_doubtful(steps[job.key], records.get(job.key))
            ]
            searched = {job.key for job in doubtful}
            found = await self._look_for(api, ledger, doubtful, records, steps, runner)
            # Made as they are taken, and kept by nobody but the runner, which lets go of each that is done.
            flights = (
                self._flight(job, steps[job.key], records.get(job.key), runner.now())
                for job in todo
                if job.key not in searched
            )
            taken = (flight for flight in flights if flight is not None)
            await runner.run(chain(taken, found), self._settled)

    @property
    def _proof(self) -> str:
        """What a mask that is read proves: this deployment, model and form of output, with this reader."""
        parameters = self._jobs[0].parameters
        form = [name for name in ("overlay_mask", "base64", "several") if getattr(parameters, name)]
        return proof_name(
            base=self._client.identity,
            model=parameters.model,
            form=",".join(form),
            reader=self._settings.reader.name,
        )

    def _lease(self, ledger: Ledger, fingerprint: str) -> Lease | None:
        """Return the membership with the coordinator, where runs share one."""
        budget = self.progress.budget
        if self._settings.coordinator is None or not isinstance(budget, LeasedBudget):
            return None
        return Lease(
            self._settings.coordinator,
            member=ledger.owner,
            account=f"{self._client.identity} {fingerprint}",
            run=self._settings.run,
            budget=budget,
            rate_limit=self._rate_limit,
            clock=asyncio.get_running_loop().time,
        )

    async def _look_for(
        self,
        api: Connection,
        ledger: Ledger,
        doubtful: list[Job],
        records: dict[str, Record],
        steps: dict[str, Step],
        runner: Runner,
    ) -> list[Flight]:
        """Collect what the history knows of jobs in doubt; with consent, send the others again."""
        search = await find_in_history(api, ledger, doubtful, is_stopping=runner.is_stopping, rng=self._rng)
        flights = []
        for job in doubtful:
            row = search.found.get(job.key)
            record = records[job.key]
            if row is None and steps[job.key] is Step.PAY and search.problem is not None and is_visible(job):
                self._keep_in_doubt(job, record, search.problem)
                continue
            if row is None and steps[job.key] is Step.PAY:
                flights.append(Flight(job=job, stage=Stage.SUBMIT, record=record, due=runner.now()))
                continue
            if row is not None:
                await ledger.submitted(job.key, row.request_id)  # unless another run has found it meanwhile
                record = ledger.lookup([job.key])[job.key]
            outcome = settled_outcome(record)
            if row is None or outcome is not None:
                if outcome is not None:
                    self._settled(job, outcome)
                    self.progress.settle(job.row, job.n_rows, outcome)
                continue
            if steps[job.key] is Step.LOOK_FOR:
                self.progress.budget.in_doubt -= 1
            flight = Flight(job=job, stage=Stage.POLL, record=record)
            start_collecting(flight, now=runner.now(), wall_time=self._wall_time())
            if row.state in {RemoteState.COMPLETED, RemoteState.FAILED}:
                flight.stage = Stage.HISTORY  # its record may have expired, its row in the history has not
            flights.append(flight)
        return flights

    def _keep_in_doubt(self, job: Job, record: Record, problem: str) -> None:
        """Do not pay for what may be in the history, which could not be read to its end."""
        outcome = settled_outcome(record)
        assert outcome is not None  # noqa: S101 - in doubt, or it would not have been searched for
        self.progress.budget.in_doubt += 1
        outcome = replace(outcome, error=words.not_searched(problem))
        self._settled(job, outcome)
        self.progress.settle(job.row, job.n_rows, outcome)

    def _flight(self, job: Job, step: Step, record: Record | None, now: float) -> Flight | None:
        match step:
            case Step.PAY if not self._client.is_free and _is_lost(record):
                # The history is asked before anything is paid again.
                return retaken(job, record, now)
            case Step.PAY:
                return Flight(job=job, stage=Stage.SUBMIT, record=record, due=now)
            case Step.FOLLOW:
                return Flight(job=job, stage=Stage.FOLLOW, record=record, due=now)
            case Step.COLLECT | Step.READ if record is not None:
                flight = Flight(job=job, stage=Stage.POLL, record=record)
                if record.state in {JobState.COMPLETED, JobState.UNREAD}:
                    start_fetching(flight, now, wall_time=self._wall_time())
                else:
                    start_collecting(flight, now=now, wall_time=self._wall_time())
                return flight
            case _:
                return None


def _by_image(jobs: list[Job]) -> list[Job]:
    """Return jobs about one image after each other, images in the order of their first job.

    An engine on the user's own machine keeps what it made of the last images only. Where jobs are paid for, they go in
    the order of the rows.
    """
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.image.identity, []).append(job)
    return [job for group in groups.values() for job in group]


def _is_lost(record: Record | None) -> bool:
    return record is not None and record.state is JobState.LOST and record.request_id is not None


def _is_doubtful(step: Step, record: Record | None) -> bool:
    """Say whether the history is asked first: of every job in doubt, also where the user would pay again."""
    if step is Step.PAY:
        return record is not None and record.state is JobState.IN_DOUBT
    return step is Step.LOOK_FOR
