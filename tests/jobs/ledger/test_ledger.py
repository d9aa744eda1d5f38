"""The ledger by itself: groups of writes, ids, forks, what it tells, and how its database is opened."""

from __future__ import annotations

import asyncio
import os
import sqlite3

import pytest

from samframe.errors import LedgerError, OptionError
from samframe.images import read_image
from samframe.jobs import Job, JobState, Ledger, Parameters, job_key
from samframe.jobs.ledger.schema import open_writer, prepare_database, safe_journal_mode
from samframe.segmind import Metrics

IDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(9)]
INTENT = {"base": "https://api.segmind.com", "body_hash": "0" * 64, "consent": "run", "fingerprint": None}


def make_job(number: int) -> Job:
    image = read_image(f"https://example.org/{number}.png")
    fields = {"prompt": "boy", "points": (), "remove_points": (), "parameters": Parameters()}
    key = job_key(identity=INTENT["base"], image_identity=image.identity, **fields)
    return Job(key=key, image=image, row=number, **fields)


@pytest.fixture
def ledger(tmp_path):
    """A fresh one."""
    with Ledger(tmp_path) as opened:
        yield opened


async def claim(ledger, job, *from_states):
    return await ledger.claim(job, **INTENT, from_states=frozenset(from_states))


async def live(ledger, job, request_id, *, cost=0.002):
    await claim(ledger, job)
    await ledger.submitted(job.key, request_id)
    await ledger.completed(job.key, "{}", metrics=Metrics(cost=cost), engine=None)


def test_a_write_that_cannot_be_done_leaves_its_neighbours(ledger):
    """Three writes share a commit; the one in the middle fails, the others are durable."""

    async def main():
        jobs = [make_job(number) for number in range(2)]
        broken = ledger._writer.submit(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"), urgent=False)
        return await asyncio.gather(
            claim(ledger, jobs[0]),
            asyncio.wrap_future(broken),
            claim(ledger, jobs[1]),
            return_exceptions=True,
        )

    first, broken, second = asyncio.run(main())

    assert (first, second) == (1, 1)
    assert isinstance(broken, LedgerError)
    assert [record["state"] for record in ledger.records()] == ["submitting"] * 2


def test_a_writer_that_is_cancelled_has_written(ledger):
    """Who waits goes away, the work stays; a loop that has closed meanwhile disturbs nobody."""

    async def give_up(job):
        task = asyncio.create_task(claim(ledger, job))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for number in range(20):
        asyncio.run(give_up(make_job(number)))
    asyncio.run(claim(ledger, make_job(20)))

    assert len(ledger.records(states=JobState.SUBMITTING)) == 21


def test_many_leisurely_writes_do_not_wait(tmp_path):
    """A group that is full is committed at once, however long a write may wait for company."""
    with Ledger(tmp_path, group_s=3600.0) as ledger:

        async def main():
            writes = [ledger._writer.write(lambda db: None, urgent=False) for _ in range(8)]
            await asyncio.wait_for(asyncio.gather(*writes), timeout=60)
            return [write.done() for write in writes]

        assert asyncio.run(main()) == [True] * 8


def test_an_id_belongs_to_one_attempt(ledger):
    """A server that answers twice with one id: the second is not written, the first stays."""

    async def main():
        await claim(ledger, make_job(0))
        await claim(ledger, make_job(1))
        return [await ledger.submitted(make_job(number).key, IDS[0]) for number in range(2)]

    assert asyncio.run(main()) == [True, False]
    assert sorted(record["state"] for record in ledger.records()) == ["submitted", "submitting"]


def test_a_job_is_claimed_once(tmp_path):
    """Two ledgers on one folder: the second claim gets nothing, whoever asks."""

    async def main():
        with Ledger(tmp_path) as one, Ledger(tmp_path) as other:
            return (
                await claim(one, make_job(0)),
                await claim(other, make_job(0)),
                await claim(one, make_job(0)),
            )

    assert asyncio.run(main()) == (1, None, None)


def test_attempts_are_never_overwritten(ledger):
    """In doubt, paid again with consent: two attempts, each with its own id and outcome."""

    async def main():
        job = make_job(0)
        await claim(ledger, job)
        await ledger.in_doubt(job.key, "lost")
        assert await claim(ledger, job) is None
        await claim(ledger, job, JobState.IN_DOUBT)
        await ledger.submitted(job.key, IDS[1])

    asyncio.run(main())
    attempts = ledger.attempts(make_job(0).key)

    assert [(item["attempt"], item["outcome"], item["request_id"]) for item in attempts] == [
        (1, "in_doubt", None),
        (2, "submitted", IDS[1]),
    ]


def test_spending_is_an_interval(ledger):
    """Bills that came, and the median of them for each that did not; refused attempts cost nothing."""

    async def main():
        for number, cost in enumerate((0.002, 0.004, 0.009)):
            await live(ledger, make_job(number), IDS[number], cost=cost)
        await claim(ledger, make_job(5))
        await ledger.in_doubt(make_job(5).key, "lost")
        await claim(ledger, make_job(6))
        await ledger.release(make_job(6).key, "429")

    asyncio.run(main())
    spent = ledger.spending()

    assert (spent.billed, spent.unknown, spent.price_usd) == (3, 1, 0.004)
    assert (spent.usd_low, spent.usd_high) == pytest.approx((0.015, 0.019))
    assert str(spent) == "$0.015 to $0.019 (1 bills not known)"


def test_a_frame_of_jobs_has_types(ledger):
    """UTC times, dollars as Float64, masks as masks; NA where nothing is known."""
    asyncio.run(live(ledger, make_job(0), IDS[0]))
    frame = ledger.to_frame(states=["completed"], masks=True)

    assert str(frame["submitted_at"].dt.tz) == "UTC"
    assert frame["cost"].tolist() == [0.002]
    assert frame["mask"].isna().all()
    assert frame["mask"].dtype == "mask"


def test_a_state_that_is_none_is_refused(ledger):
    """The states are named."""
    with pytest.raises(OptionError, match="in_doubt"):
        ledger.records(states="paid")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_refused_and_harms_nothing(ledger):
    """Reading and writing raise in the child at once; the parent's lock and writes go on."""
    asyncio.run(claim(ledger, make_job(0)))
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        told = b""
        for call in (ledger.records, lambda: asyncio.run(claim(ledger, make_job(1)))):
            try:
                call()
            except LedgerError:
                told += b"refused "
        ledger.close()
        os.write(writable, told)
        os._exit(0)
    os.waitpid(child, 0)
    record = ledger.lookup([make_job(0).key])[make_job(0).key]

    assert os.read(readable, 100) == b"refused refused "
    assert ledger.owner_lives(record)
    assert record.state is JobState.SUBMITTING
    assert asyncio.run(claim(ledger, make_job(2))) == 1
    os.close(readable)
    os.close(writable)


def test_a_dead_runs_claims_are_in_doubt(tmp_path):
    """Found at the first look-up after the death, not at import and not by opening."""
    ledger = Ledger(tmp_path)
    asyncio.run(claim(ledger, make_job(0)))
    ledger.close()
    with Ledger(tmp_path) as after:
        before = after.records()[0]["state"]
        found = after.lookup([make_job(0).key])[make_job(0).key]

    assert before == "submitting"
    assert found.state is JobState.IN_DOUBT


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 37, 2), "truncate"),
        ((3, 44, 5), "truncate"),
        ((3, 44, 6), "wal"),
        ((3, 45, 0), "truncate"),
        ((3, 50, 6), "truncate"),
        ((3, 50, 7), "wal"),
        ((3, 51, 2), "truncate"),
        ((3, 51, 3), "wal"),
        ((3, 52, 0), "wal"),
    ],
)
def test_the_journal_mode_goes_by_sqlites_version(version, mode):
    """WAL where its bug with two connections is fixed, and never on a network file system."""
    assert safe_journal_mode(version, on_network=False) == mode
    assert safe_journal_mode(version, on_network=True) == "truncate"


def test_every_commit_is_synced(tmp_path):
    """The mode that this sqlite may use, and synchronous = FULL."""
    database = open_writer(tmp_path / "ledger.sqlite3")
    mode = database.execute("PRAGMA journal_mode").fetchone()[0]
    synchronous = database.execute("PRAGMA synchronous").fetchone()[0]
    database.close()

    assert mode == safe_journal_mode(sqlite3.sqlite_version_info, on_network=False)
    assert synchronous == 2


def test_a_network_file_system_is_told(tmp_path, monkeypatch):
    """No WAL there, and a warning that says why."""
    monkeypatch.setattr("samframe.jobs.ledger.schema.file_system", lambda _: "nfs4")

    with pytest.warns(UserWarning, match="network file system"):
        prepare_database(tmp_path / "ledger.sqlite3")
    database = open_writer(tmp_path / "ledger.sqlite3")
    mode = database.execute("PRAGMA journal_mode").fetchone()[0]
    database.close()

    assert mode == "truncate"
