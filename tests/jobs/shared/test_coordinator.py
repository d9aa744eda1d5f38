"""The coordinator with a clock of the test's: permits, money, refusals and workers that die."""

from __future__ import annotations

import itertools

import pytest

from samframe.errors import LedgerError
from samframe.jobs import Coordinator, Report, StoreCoordinator
from samframe.jobs.ledger import schema as _schema


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Worker:
    """Reports to a desk what a run would."""

    def __init__(self, desk, name, **call):
        self.desk = desk
        self.call = {"member": name, "account": "a", "run": "r", "price": 0.002, "has_bill": True, **call}

    def tell(self, **report):
        return self.desk.exchange(Report(**{**self.call, **report}))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["threads", "processes"])
def desk(request, clock, tmp_path):
    """Both coordinators: the one in memory and the one in the store."""
    made = Coordinator(clock=clock) if request.param == "threads" else StoreCoordinator(tmp_path, clock=clock)
    yield made
    made.close()


def test_all_workers_together_stay_under_the_given_limit(desk, clock):
    """Four hungry workers get what one may send, in ten seconds of a limit of 600 a minute."""
    workers = [Worker(desk, str(number), rate_limit=600) for number in range(4)]
    granted = 0
    for _ in range(100):
        for worker in workers:
            got = len(worker.tell(want_posts=50).posts_in_s)
            worker.tell(sent_posts=got, returned_posts=got)
            granted += got
        clock.now += 0.1

    assert 95 <= granted <= 105


def test_permits_are_spaced_over_all_workers(desk):
    """The moments that two workers get at the same time do not coincide."""
    first = Worker(desk, "1", rate_limit=600).tell(want_posts=3).posts_in_s
    second = Worker(desk, "2", rate_limit=600).tell(want_posts=3).posts_in_s

    moments = sorted([*first, *second])
    assert min(after - before for before, after in itertools.pairwise(moments)) > 0.09


def test_a_refusal_of_one_holds_all(desk, clock):
    """A 429 that one worker met closes the gate for the others until the reset."""
    one, other = Worker(desk, "1"), Worker(desk, "2")
    sent = len(one.tell(want_posts=2).posts_in_s)
    one.tell(sent_posts=sent, refused_posts=sent, refusals=((0.0, 30.0, False),))

    held = other.tell(want_posts=5)
    clock.now += 32
    after = other.tell(want_posts=5)

    assert (held.posts_in_s, held.closed_s >= 30) == ((), True)
    assert after.posts_in_s


def test_max_cost_is_one_sum_for_all_workers(desk):
    """No more permits are out than the budget pays for, whoever asks."""
    workers = [Worker(desk, str(number), rate_limit=60_000, max_cost=0.01) for number in range(3)]
    granted = sum(len(worker.tell(want_posts=4).posts_in_s) for worker in workers)

    assert granted == 5


def test_the_first_bill_is_awaited(desk):
    """With a limit and no bill to go by, one job is let through among all workers, until its bill has come."""
    one, other = (Worker(desk, name, rate_limit=60_000, max_cost=1.0, has_bill=False) for name in "12")
    first = one.tell(want_posts=4)
    waits = other.tell(want_posts=4)
    one.tell(sent_posts=1, returned_posts=1, known=0.002, has_bill=True)

    assert [len(grant.posts_in_s) for grant in (first, waits, other.tell(want_posts=4))] == [1, 0, 4]


def test_a_spent_budget_is_told_once_no_bill_is_awaited(desk):
    """While a bill may still make room the others wait; when all are known they are told that it is over."""
    one, other = (Worker(desk, name, rate_limit=60_000, max_cost=0.002) for name in "12")
    one.tell(want_posts=1)
    waits = other.tell(want_posts=1)
    one.tell(sent_posts=1, returned_posts=1, known=0.002)
    told = other.tell(want_posts=1)

    assert (waits.posts_in_s, waits.is_spent) == ((), False)
    assert told.is_spent


def test_unused_permits_free_their_money(desk):
    """A worker that leaves with permits in hand gives back what was set aside for them."""
    one, other = (Worker(desk, name, rate_limit=60_000, max_cost=0.002) for name in "12")
    one.tell(want_posts=1)
    one.tell(unused_posts=1, is_leaving=True)

    assert len(other.tell(want_posts=1).posts_in_s) == 1


def test_the_moment_of_an_unused_permit_goes_to_another(desk):
    """What one worker gives back is there for the others, no later than it was."""
    one, other = (Worker(desk, name, rate_limit=600) for name in "12")
    granted = one.tell(want_posts=3).posts_in_s
    one.tell(unused_posts=len(granted), is_leaving=True)

    assert other.tell(want_posts=1).posts_in_s[0] <= granted[-1]


def test_a_dead_workers_jobs_count_as_paid_and_hold_nobody_up(desk, clock):
    """After half a minute of silence its calls are forgotten, its money is not."""
    dead, other = (Worker(desk, name, rate_limit=60_000, max_cost=0.006) for name in "12")
    sent = len(dead.tell(want_posts=2).posts_in_s)
    dead.tell(sent_posts=sent, unbilled=sent)
    clock.now += 31

    assert len(other.tell(want_posts=5).posts_in_s) == 1
    assert other.tell(sent_posts=1, returned_posts=1, known=0.002, want_posts=1).is_spent


def test_accounts_do_not_share_a_limit(desk):
    """Two accounts have a gate each."""
    one, other = (Worker(desk, name, account=name, rate_limit=60) for name in "12")

    assert [len(worker.tell(want_posts=1).posts_in_s) for worker in (one, other)] == [1, 1]


def test_gets_wait_once_they_are_refused(desk, clock):
    """A 429 on a GET teaches every worker that GETs count."""
    one, other = Worker(desk, "1"), Worker(desk, "2")
    one.tell(refused_gets=1, refusals=((0.0, 2.0, True),))
    clock.now += 3

    grant = other.tell(want_gets=1)
    assert grant.gets_count
    assert len(grant.gets_in_s) == 1


def test_what_was_learned_outlives_the_workers(tmp_path, clock):
    """A worker that comes when all others are gone knows the budget that they spent."""
    one = Worker(StoreCoordinator(tmp_path, clock=clock), "1", rate_limit=60_000, max_cost=0.002)
    one.tell(want_posts=1)
    one.tell(sent_posts=1, returned_posts=1, known=0.002, is_leaving=True)
    one.desk.close()

    later = Worker(StoreCoordinator(tmp_path, clock=clock), "2", rate_limit=60_000, max_cost=0.002)
    assert later.tell(want_posts=1).is_spent
    later.desk.close()


def test_a_network_disk_is_refused(tmp_path, monkeypatch):
    """A store on NFS is not shared: its locks may not hold between machines."""
    monkeypatch.setattr(_schema, "file_system", lambda folder: "nfs4")

    with pytest.raises(LedgerError, match="network file system"):
        Worker(StoreCoordinator(tmp_path), "1").tell()


def test_a_store_that_cannot_be_written_is_refused(tmp_path):
    """Where there can be no database, nothing is sent."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")

    with pytest.raises(LedgerError, match="cannot be shared"):
        Worker(StoreCoordinator(blocked), "1").tell()


def test_the_strictest_limit_holds_for_all(desk, clock):
    """Two members of one account, one with a limit and one without: the limit holds until that one leaves."""
    strict, free = Worker(desk, "strict", rate_limit=60), Worker(desk, "free", rate_limit=None)
    strict.tell(want_posts=1)
    free.tell(want_posts=1)
    granted = 0
    for _ in range(100):
        for worker in (free, strict):
            got = len(worker.tell(want_posts=20).posts_in_s)
            worker.tell(sent_posts=got, returned_posts=got)
            granted += got
        clock.now += 0.1
    strict.tell(is_leaving=True)
    free.tell()

    assert granted <= 12
    assert free.tell(want_posts=5).gap_s is None


def test_a_pause_is_kept_when_a_member_with_another_limit_comes(desk):
    """A 429's reset holds everybody, whatever limit the next report names."""
    one, other = Worker(desk, "one", rate_limit=60), Worker(desk, "other", rate_limit=None)
    one.tell(want_posts=1)
    one.tell(sent_posts=1, refused_posts=1, refusals=((0.0, 30.0, False),))

    assert other.tell(want_posts=5).posts_in_s == ()
    assert other.tell(want_posts=5).closed_s > 25
