"""Threads and the databases: no connection is used by two of them at once, and no row gets another row's record."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from itertools import count

import pytest

from samframe.errors import LedgerError
from samframe.images import read_image
from samframe.jobs import Job, Ledger, Parameters, job_key

INTENT = {"base": "https://api.segmind.com", "body_hash": "0" * 64, "consent": "run", "fingerprint": None}


class Watch:
    """Notes which threads are inside of which connection at the same time."""

    def __init__(self) -> None:
        self.inside = Counter()
        self.shared = []
        self.n_opened = 0
        self.n_calls = 0
        self.meet = None
        self._lock = threading.Lock()
        self._numbers = count()

    def factory(self, base):
        """Return a class of connections whose every call is noted."""
        watch = self

        class Watched(base):
            number = -1

            def execute(self, sql, *arguments):
                with watch.using(self):
                    if watch.meet is not None and sql.startswith("SELECT"):
                        watch.meet.wait(timeout=20)
                    return super().execute(sql, *arguments)

        return Watched

    @contextmanager
    def using(self, connection):
        with self._lock:
            if connection.number < 0:
                connection.number = next(self._numbers)
                self.n_opened += 1
            self.n_calls += 1
            self.inside[connection.number] += 1
            if self.inside[connection.number] > 1:
                self.shared.append(threading.current_thread().name)
        try:
            yield
        finally:
            with self._lock:
                self.inside[connection.number] -= 1


@pytest.fixture
def watch(monkeypatch):
    """Every connection that is opened from now on is watched."""
    seen, connect = Watch(), sqlite3.connect

    def watched_connect(*arguments, factory=sqlite3.Connection, **options):
        return connect(*arguments, factory=seen.factory(factory), **options)

    monkeypatch.setattr(sqlite3, "connect", watched_connect)
    return seen


def make_job(number: int) -> Job:
    image = read_image(f"https://example.org/{number}.png")
    fields = {"prompt": "boy", "points": (), "remove_points": (), "parameters": Parameters()}
    key = job_key(identity=INTENT["base"], image_identity=image.identity, **fields)
    return Job(key=key, image=image, row=number, **fields)


def claim(ledger, *jobs):
    async def main():
        for job in jobs:
            await ledger.claim(job, **INTENT, from_states=frozenset())

    asyncio.run(main())


def test_two_lookups_at_once_have_a_connection_each(watch, tmp_path):
    """Both threads stand inside of a look-up at the same time, and neither in the other's connection."""
    jobs = [make_job(number) for number in range(2)]
    with Ledger(tmp_path) as ledger, ThreadPoolExecutor(2) as threads:
        claim(ledger, *jobs)
        watch.meet = threading.Barrier(2)
        found = list(threads.map(lambda job: ledger.lookup([job.key]), jobs))
        watch.meet = None

    assert [list(records) for records in found] == [[job.key] for job in jobs]
    assert watch.shared == []


def test_many_threads_get_the_records_they_asked_for(watch, tmp_path):
    """Twenty threads of a user's look up 4,000 keys: every answer is the right one, and connections are few."""
    jobs = [make_job(number) for number in range(200)]
    with Ledger(tmp_path, group_s=0.0) as ledger, ThreadPoolExecutor(20) as threads:
        claim(ledger, *jobs)
        opened = watch.n_opened
        found = list(threads.map(lambda job: list(ledger.lookup([job.key])), jobs * 20))

        assert watch.n_opened - opened <= 8
    assert found == [[job.key] for job in jobs] * 20
    assert watch.shared == []


def test_a_thread_that_ends_leaves_no_connection_behind(watch, tmp_path):
    """Forty threads one after another use one connection, and closing the ledger closes it: nothing is warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        with Ledger(tmp_path) as ledger:
            claim(ledger, make_job(0))
            opened = watch.n_opened
            for _ in range(40):
                thread = threading.Thread(target=ledger.spending)
                thread.start()
                thread.join()

            assert watch.n_opened - opened <= 1


@pytest.mark.parametrize("rows", [[("another job's",)], [("asked for",), ("another job's",)]])
def test_another_jobs_record_is_refused(tmp_path, monkeypatch, rows):
    """Whatever made the database answer so, no row is given a record that it did not ask for."""

    class Database:
        def execute(self, *_):
            return self

        def fetchall(self):
            return [row + (None,) * 18 for row in rows]

    with Ledger(tmp_path) as ledger:
        monkeypatch.setattr(ledger, "_reading", lambda: nullcontext(Database()))
        with pytest.raises(LedgerError, match="another job's record"):
            ledger.lookup(["asked for"])


def test_a_closed_ledger_says_so(tmp_path):
    """Reading it is a LedgerError, as writing it is."""
    ledger = Ledger(tmp_path)
    ledger.close()

    with pytest.raises(LedgerError, match="closed"):
        ledger.records()


def test_runs_that_follow_each_other_share_no_connection(watch, world):
    """Two runs of equal rows in one process, with one pace and budget: each row is paid once, no connection shared."""
    with ThreadPoolExecutor(2) as threads:
        outs = list(threads.map(lambda _: world.run(30, shared="both"), range(2)))

    assert [out["status"].tolist() for out in outs] == [["completed"] * 30] * 2
    assert outs[0]["mask"].equals(outs[1]["mask"])
    assert world.server.counters.accepted == 30
    assert watch.n_calls > 100
    assert watch.shared == []
