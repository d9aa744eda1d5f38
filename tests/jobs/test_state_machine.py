"""A job's life under crashes: the real session and ledger against a scripted API, killed between any two writes.

The process "dies" at a chosen write or call: nothing it does afterwards reaches the ledger or the API, and its lock is
let go. What must hold after any history of runs, deaths, faults and hours is checked at every step.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import selectors
import shutil
import tempfile
import uuid
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from PIL import Image as Picture

from samframe.errors import SamframeError
from samframe.images import read_image
from samframe.jobs import (
    Artifacts,
    Job,
    JobState,
    Ledger,
    Parameters,
    RowStatus,
    Session,
    Settings,
    check_retry,
    job_key,
)
from samframe.segmind import ApiKey, CallError, Failure, HistoryRow, JobAnswer, Metrics, RemoteState

HOUR = 3600.0
N_JOBS = 5
EXAMPLES = int(os.environ.get("SAMFRAME_EXAMPLES", "60"))

SUBMIT_FAULTS = (
    "ok",
    "ok",
    "ok",
    "not sent",
    "refused 400",
    "429",
    "500",
    "lost before",
    "lost after",
    "502 before",
    "502 after",
    "401",
)
GET_FAULTS = ("ok", "ok", "ok", "queued", "lost", "404 once", "failed")
FETCH_FAULTS = ("ok", "ok", "ok", "lost", "corrupt", "gone")


class Death(BaseException):
    """The process is gone."""


@dataclass
class RemoteJob:
    """A job as the service has it."""

    request_id: str
    inputs: tuple
    accepted_at: float
    state: RemoteState = RemoteState.COMPLETED
    expired: bool = False
    hiccups: list[str] = field(default_factory=list)


class Service:
    """The API, with a memory of everything that was accepted. It survives the client's deaths."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.jobs: dict[str, RemoteJob] = {}
        self.posts = 0
        self.history_lag = 0.0

    def accept(self, body: dict) -> str:
        request_id = str(uuid.uuid4())
        self.jobs[request_id] = RemoteJob(request_id, _inputs(body), self.now)
        return request_id

    def accepted(self, inputs: tuple) -> int:
        return sum(job.inputs == inputs for job in self.jobs.values())


class Process:
    """One life of the client: counts its writes and calls, and dies at a chosen one."""

    def __init__(self, dies_at: int | None) -> None:
        self.left = dies_at
        self.dead = False

    def point(self) -> None:
        """Something the world could see is about to happen, or has just happened."""
        if self.dead:
            raise Death
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.dead = True
                raise Death


class Api:
    """The calls of a connection, with faults drawn by Hypothesis."""

    def __init__(self, service: Service, process: Process, faults: dict[str, list[str]]) -> None:
        self._service = service
        self._process = process
        self._faults = faults
        self.on_call = None

    def _fault(self, call: str) -> str:
        return self._faults[call].pop(0) if self._faults[call] else "ok"

    async def submit(self, body: dict, *, model: str) -> str:
        self._process.point()
        self._service.posts += 1
        fault = self._fault("submit")
        await asyncio.sleep(0)
        match fault:
            case "not sent":
                raise CallError("connection refused", kind=Failure.NOT_SENT)
            case "refused 400":
                raise CallError("bad", kind=Failure.BAD_INPUT, status_code=400)
            case "429":
                raise CallError("slow down", kind=Failure.RATE_LIMITED, status_code=429, wait_s=0.001)
            case "500":
                raise CallError("oops", kind=Failure.SERVER_ERROR, status_code=500)
            case "401":
                raise CallError("bad key", kind=Failure.UNAUTHENTICATED, status_code=401)
            case "lost before" | "502 before":
                raise CallError("no answer", kind=Failure.LOST, status_code=502 if "502" in fault else None)
        request_id = self._service.accept(body)
        self._process.point()
        if fault in {"lost after", "502 after"}:
            raise CallError("no answer", kind=Failure.LOST, status_code=502 if "502" in fault else None)
        return request_id

    async def result(self, request_id: str) -> JobAnswer:
        self._process.point()
        await asyncio.sleep(0)
        job = self._service.jobs.get(request_id)
        if job is None or job.expired or self._service.now - job.accepted_at > HOUR:
            raise CallError("not found", kind=Failure.NOT_FOUND, status_code=404)
        match self._fault("result"):
            case "queued":
                return JobAnswer(state=RemoteState.QUEUED)
            case "lost":
                raise CallError("reset", kind=Failure.LOST)
            case "404 once" if not job.hiccups:
                job.hiccups.append("404")
                raise CallError("not found", kind=Failure.NOT_FOUND, status_code=404)
            case "failed":
                job.state = RemoteState.FAILED
        if job.state is RemoteState.FAILED:
            return JobAnswer(state=RemoteState.FAILED, error="blocked")
        output = f"https://images.segmind.com/{request_id}.png"
        metrics = Metrics(inference_time=0.001, queue_time=0.0, cost=0.002)
        return JobAnswer(
            state=RemoteState.COMPLETED, output=output, raw=f'{{"output": "{output}"}}', metrics=metrics
        )

    async def status(self, request_id: str) -> JobAnswer:
        answer = await self.result(request_id)
        return JobAnswer(state=answer.state, error=answer.error, metrics=answer.metrics)

    async def download(self, url: str) -> bytes:
        self._process.point()
        await asyncio.sleep(0)
        match self._fault("fetch"):
            case "lost":
                raise CallError("reset", kind=Failure.LOST)
            case "corrupt":
                return _mask_of(url)[:-20]
            case "gone":
                raise CallError("gone", kind=Failure.NOT_FOUND, status_code=404)
        return _mask_of(url)

    async def history(self, **_: object) -> list[HistoryRow]:
        self._process.point()
        visible = [
            job
            for job in self._service.jobs.values()
            if self._service.now - job.accepted_at >= self._service.history_lag
        ]
        return [_history_row(job) for job in visible]

    async def history_of(self, request_id: str) -> HistoryRow | None:
        self._process.point()
        job = self._service.jobs.get(request_id)
        return _history_row(job) if job is not None else None

    async def credits(self):
        raise CallError("none", kind=Failure.LOST)


class FakeClient:
    """What a session needs of a client."""

    identity = "https://api.segmind.com"
    is_offline = False
    rate_limit = None
    key = ApiKey("SG_0123456789abcdef", strict=True)

    def __init__(self, api: Api) -> None:
        self._api = api

    @asynccontextmanager
    async def connect(self):
        yield self._api


def mortal_ledger(process: Process, clock):
    """Return what opens a real ledger that dies before or after any of its commits."""

    def open_ledger(folder: Path) -> Ledger:
        ledger = Ledger(folder, clock=clock, group_s=0.0)
        submit = ledger._writer.submit

        def mortal_submit(work, *, urgent=True):
            future: Future = Future()
            try:
                process.point()
                result = submit(work, urgent=urgent).result()
                process.point()
            except BaseException as error:  # noqa: BLE001 - Death, too, is for the one who waits
                future.set_exception(error)
            else:
                future.set_result(result)
            return future

        ledger._writer.submit = mortal_submit
        return ledger

    return open_ledger


class _FastSelector:
    """Waits for threads as one must, and skips every wait for the clock."""

    def __init__(self, loop: FastLoop) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None):
        events = self._real.select(0)
        if events or timeout == 0:
            return events
        if self._loop.threads_at_work or timeout is None:
            return self._real.select(0.01)
        self._loop.skipped_s += timeout
        return []

    def __getattr__(self, name: str):
        return getattr(self._real, name)


class FastLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next thing to do, so that backoffs and polls take no time."""

    def __init__(self) -> None:
        self.skipped_s = 0.0
        self.threads_at_work = 0
        super().__init__(_FastSelector(self))

    def time(self) -> float:
        return super().time() + self.skipped_s

    def run_in_executor(self, executor, function, *args):
        self.threads_at_work += 1
        future = super().run_in_executor(executor, function, *args)
        future.add_done_callback(self._one_less)
        return future

    def _one_less(self, _: object) -> None:
        self.threads_at_work -= 1


class JobLives(RuleBasedStateMachine):
    """Runs, deaths, faults and hours in any order."""

    @initialize(lag=st.sampled_from([0.0, 0.0, 2 * HOUR]))
    def begin(self, lag: float) -> None:
        shared_memory = Path("/dev/shm")  # noqa: S108 - a fresh folder in it; fsync costs nothing there
        self.folder = Path(tempfile.mkdtemp(dir=shared_memory if shared_memory.is_dir() else None))
        self.service = Service()
        self.service.history_lag = lag
        self.jobs = [_job(number) for number in range(N_JOBS)]
        self.allowed = dict.fromkeys((job.key for job in self.jobs), 0)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder, ignore_errors=True)

    @rule(
        wanted=st.sets(st.integers(0, N_JOBS - 1), min_size=1),
        submit=st.lists(st.sampled_from(SUBMIT_FAULTS), max_size=8),
        result=st.lists(st.sampled_from(GET_FAULTS), max_size=8),
        fetch=st.lists(st.sampled_from(FETCH_FAULTS), max_size=8),
        dies_at=st.none() | st.integers(0, 40),
        retry=st.sets(st.sampled_from(["failed", "in_doubt", "lost"])),
        refresh=st.sampled_from([False, False, False, True]),
    )
    def run_once(self, wanted, submit, result, fetch, dies_at, retry, refresh) -> None:
        self._run(
            wanted, {"submit": submit, "result": result, "fetch": fetch}, dies_at, retry, refresh=refresh
        )

    @rule(hours=st.sampled_from([0.1, 0.9, 1.1, 3.0]))
    def time_passes(self, hours: float) -> None:
        self.service.now += hours * HOUR

    @rule(which=st.integers(0, N_JOBS - 1))
    def a_stored_file_is_altered(self, which: int) -> None:
        record = self._records().get(self.jobs[which].key)
        if record is not None and record.artifact is not None and record.state is not JobState.STORED:
            path = Artifacts(self.folder).path(record.artifact)
            if path.exists():
                path.write_bytes(b"altered")

    @rule()
    def heal(self) -> None:
        """Two clean runs with every consent bring each job to an end; a third posts nothing."""
        everyone = set(range(N_JOBS))
        for _ in range(2):
            self._run(everyone, _no_faults(), None, {"failed", "in_doubt", "lost"})
        posts = self.service.posts
        outcomes = self._run(everyone, _no_faults(), None, set())

        assert self.service.posts == posts
        assert {outcome.status for outcome in outcomes.values()} <= {RowStatus.COMPLETED, RowStatus.FAILED}

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        for job in getattr(self, "jobs", ()):
            accepted = self.service.accepted(_job_inputs(job))
            assert accepted <= self.allowed[job.key], (
                f"{accepted} accepted, {self.allowed[job.key]} agreed to"
            )

    @invariant()
    def the_ledger_knows_all(self) -> None:
        """Every accepted id is in the ledger or its job is in doubt; what is stored is on the disk and verifies."""
        if not hasattr(self, "folder"):
            return
        with Ledger(self.folder, group_s=0.0) as ledger:
            records = ledger.lookup([job.key for job in self.jobs])
            for remote in self.service.jobs.values():
                if ledger.knows_request(remote.request_id):
                    continue
                key = next(job.key for job in self.jobs if _job_inputs(job) == remote.inputs)
                unanswered = [item for item in ledger.attempts(key) if item["outcome"] in {None, "in_doubt"}]
                assert unanswered, (
                    f"{remote.request_id} was accepted and no attempt is open: {records[key].state}"
                )
        for record in records.values():
            if record.state is JobState.STORED:
                assert record.mask is not None
                assert Artifacts(self.folder).verify(record.artifact)

    def _records(self):
        with Ledger(self.folder, group_s=0.0) as ledger:
            return ledger.lookup([job.key for job in self.jobs])

    def _run(self, wanted, faults, dies_at, retry, *, refresh=False):
        jobs = [self.jobs[index] for index in sorted(wanted)]
        consenting = check_retry(retry)
        records = self._records()
        for job in jobs:
            record = records.get(job.key)
            if _is_consent(record, {item.value for item in consenting}, refresh=refresh):
                self.allowed[job.key] = self.service.accepted(_job_inputs(job)) + 1
        process = Process(dies_at)
        api = Api(self.service, process, faults)
        ledgers: list[Ledger] = []
        open_mortal = mortal_ledger(process, lambda: self.service.now)

        def open_ledger(folder: Path) -> Ledger:
            ledgers.append(open_mortal(folder))
            return ledgers[-1]

        session = Session(
            FakeClient(api),
            jobs,
            Settings(store=self.folder, retry=consenting, refresh=refresh),
            rows=len(jobs),
            invalid=0,
            open_ledger=open_ledger,
            rng=lambda: 0.0,
            wall_time=lambda: self.service.now,
        )
        try:
            with asyncio.Runner(loop_factory=FastLoop) as runner:
                runner.run(session.run())
        except (SamframeError, Death):
            pass
        finally:
            for ledger in ledgers:
                ledger.close()
        return session.outcomes


def _is_consent(record, retry: set[str], *, refresh: bool) -> bool:
    """Return whether a run of this job is the user's consent to pay for it (once more)."""
    if record is None or record.state is JobState.PENDING:
        # Nothing is out for it: the run itself is the consent.
        return True
    if record.state is JobState.STORED or (record.state is JobState.FAILED and refresh):
        return refresh
    return record.state.value in retry


def _no_faults() -> dict[str, list[str]]:
    return {"submit": [], "result": [], "fetch": []}


def _job(number: int) -> Job:
    """Return one of five jobs: three by URL and prompt (visible in the history), two by array."""
    if number < 3:
        image = read_image(f"https://example.org/{number}.png")
    else:
        image = read_image(np.full((8, 8, 3), number, dtype=np.uint8))
    fields = {"prompt": f"thing {number}", "points": (), "remove_points": (), "parameters": Parameters()}
    key = job_key(identity=FakeClient.identity, image_identity=image.identity, **fields)
    return Job(key=key, image=image, row=number, **fields)


def _job_inputs(job: Job) -> tuple:
    return (job.image.payload(), job.prompt, False)


def _inputs(body: dict) -> tuple:
    return (body["image"], body.get("prompt"), body["overlay_mask"])


def _history_row(job: RemoteJob) -> HistoryRow:
    image, prompt, overlay = job.inputs
    return HistoryRow(
        request_id=job.request_id,
        state=job.state,
        inputs={"image": image, "prompt": prompt, "overlay_mask": overlay},
        output=f"https://images.segmind.com/{job.request_id}.png"
        if job.state is RemoteState.COMPLETED
        else None,
        model="sam-v2-image",
    )


def _mask_of(url: str) -> bytes:
    """Return a PNG of 8 x 8 px that no other job has."""
    mask = np.unpackbits(np.frombuffer(hashlib.sha256(url.encode()).digest()[:8], np.uint8)).reshape(8, 8)
    out = io.BytesIO()
    Picture.fromarray(mask.astype(np.uint8) * 255).save(out, "PNG")
    return out.getvalue()


JobLives.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestJobLives = JobLives.TestCase
