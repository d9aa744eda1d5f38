"""A job's life under crashes: the real session and ledger against a scripted API, killed between any two writes.

The process "dies" at a chosen write or call: nothing it does afterwards reaches the ledger or the API, and its lock is
let go. What must hold after any history of runs, deaths, faults and hours is checked at every step.

With `--hypothesis-profile=full` it runs 400 examples of 15 steps; without, 60.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lives import (
    ACCOUNTS,
    FETCH_FAULTS,
    GET_FAULTS,
    HOUR,
    SUBMIT_FAULTS,
    Api,
    Death,
    FakeClient,
    FastLoop,
    Process,
    Service,
    mortal_ledger,
)

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
from samframe.jobs.ledger import proof_name
from samframe.segmind import make_reader

N_JOBS = 5
PROOF = proof_name(base=FakeClient.identity, model="sam-v2-image")
EXAMPLES = 400 if settings.get_current_profile_name() in {"full", "hunt"} else 60


class JobLives(RuleBasedStateMachine):
    """Runs, deaths, faults and hours in any order."""

    @initialize(lag=st.sampled_from([0.0, 0.0, 2 * HOUR]))
    def begin(self, lag: float) -> None:
        shared_memory = Path("/dev/shm")  # noqa: S108 - a fresh folder in it; fsync costs nothing there
        self.folder = Path(tempfile.mkdtemp(dir=shared_memory if shared_memory.is_dir() else None))
        self.service = Service()
        self.service.history_lag = lag
        self.jobs = [_job(number) for number in range(N_JOBS)]
        self.altered: set[str] = set()
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
        account=st.sampled_from([ACCOUNTS[0]] * 3 + [ACCOUNTS[1]]),
        reader=st.sampled_from(["auto", "auto", "alpha"]),
    )
    def run_once(self, *, submit, result, fetch, **how) -> None:
        faults = {"submit": submit, "result": result, "fetch": fetch}
        self._run(how.pop("wanted"), faults, how.pop("dies_at"), how.pop("retry"), **how)

    @rule(wanted=st.sets(st.integers(0, N_JOBS - 1), min_size=2))
    def no_answer_can_be_read(self, wanted) -> None:
        """Where no mask was ever read, one job is sent and no second; with the right reader all of it is read free."""
        with Ledger(self.folder, group_s=0.0) as ledger:
            is_proven = ledger.is_proven(PROOF)
        before = len(self.service.jobs)
        cut_outs = {"submit": [], "result": [], "fetch": ["cut-out"] * 40}
        self._run(wanted, cut_outs, None, set())

        assert is_proven or len(self.service.jobs) <= before + 1, (
            "more than one job was sent before a mask was read"
        )
        unread = {
            key
            for key, record in self._records().items()
            if record.state is JobState.UNREAD and record.reader == "auto"
        }
        posts = self.service.posts
        kept = {index for index in wanted if self.jobs[index].key in unread}
        if kept:
            cut_outs["fetch"] = ["cut-out"] * 40
            outcomes = self._run(kept, cut_outs, None, set(), reader="alpha")
            assert self.service.posts == posts
            assert {outcome.status for outcome in outcomes.values()} == {RowStatus.COMPLETED}

    @rule(wanted=st.sets(st.integers(0, N_JOBS - 1), min_size=1), dies_at=st.integers(8, 40))
    def the_hour_passes_before_a_job_is_collected(self, wanted, dies_at) -> None:
        """Jobs are sent, and still running when the process dies; the next one comes back too late."""
        queued = {"submit": [], "result": ["queued"] * 40, "fetch": []}
        self._run(wanted, queued, dies_at, set())
        self.service.now += 1.5 * HOUR
        self._run(wanted, _no_faults(), None, set())

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
                self.altered.add(record.artifact)

    @rule()
    def heal(self) -> None:
        """Two clean runs with every consent bring each job to an end; a third posts nothing."""
        everyone = set(range(N_JOBS))
        self._read_what_is_kept()
        for account in (ACCOUNTS[1], ACCOUNTS[0], ACCOUNTS[0]):
            self._run(everyone, _no_faults(), None, {"failed", "in_doubt", "lost"}, account=account)
            self._read_what_is_kept()
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
                    f"{remote.request_id} was accepted and no attempt is open: {records.get(key)}"
                )
        for record in records.values():
            if record.state is JobState.STORED:
                assert record.mask is not None
                # A refused refresh falls back on the older artifact, which somebody may have altered meanwhile.
                assert Artifacts(self.folder).verify(record.artifact) or record.artifact in self.altered

    def _read_what_is_kept(self) -> None:
        """Cut-outs that are on the disk take their reader; what is read with it stays read."""
        unread = {key for key, record in self._records().items() if record.state is JobState.UNREAD}
        kept = {index for index, job in enumerate(self.jobs) if job.key in unread}
        if kept:
            self._run(kept, _no_faults(), None, set(), reader="alpha")

    def _records(self):
        with Ledger(self.folder, group_s=0.0) as ledger:
            return ledger.lookup([job.key for job in self.jobs])

    def _run(self, wanted, faults, dies_at, retry, *, refresh=False, account=ACCOUNTS[0], reader="auto"):
        jobs = [self.jobs[index] for index in sorted(wanted)]
        consenting = check_retry(retry)
        records = self._records()
        for job in jobs:
            record = records.get(job.key)
            if _is_consent(record, {item.value for item in consenting}, refresh=refresh):
                self.allowed[job.key] = self.service.accepted(_job_inputs(job)) + 1
        process = Process(dies_at)
        api = Api(self.service, process, faults, account)
        ledgers: list[Ledger] = []
        open_mortal = mortal_ledger(process, lambda: self.service.now)

        def open_ledger(folder: Path) -> Ledger:
            ledgers.append(open_mortal(folder))
            return ledgers[-1]

        session = Session(
            FakeClient(api),
            jobs,
            Settings(store=self.folder, retry=consenting, refresh=refresh, reader=make_reader(reader)),
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
    if record.state in {JobState.STORED, JobState.UNREAD} or (record.state is JobState.FAILED and refresh):
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


JobLives.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestJobLives = pytest.mark.timeout(1800)(JobLives.TestCase)
