"""The rate gate against limiters, on a clock of its own: how long a run takes, and how many calls are refused."""

from __future__ import annotations

import heapq

import pytest

from samframe.jobs.pace.gate import RateGate
from samframe.server.wire.limits import FixedWindow, TokenBucket

ROUND_TRIP_S = 0.01
AT_ONCE = 4
WAITING = 12


def run(limiter, rows: int, *, per_minute: float | None = None) -> tuple[float, int]:
    """Send calls as the runner does: some wait between the gate and their sending, few are out.

    Returns
    -------
    seconds : float
        When the last was let in.
    refused : int
        Calls refused.
    """
    return run_on(RateGate(per_minute, lambda: 0.5), limiter, 0.0, rows)


def run_on(gate, limiter, now: float, rows: int) -> tuple[float, int]:
    refused, left, passed = 0, rows, 0
    slots: list[float] = []
    out: list[tuple[float, float]] = []
    while left or out or passed or slots:
        while out and out[0][0] <= now:
            _, wait_s = heapq.heappop(out)
            is_refused = wait_s >= 0
            if is_refused:
                refused, left = refused + 1, left + 1
                gate.refuse(now, is_get=False, wait_s=wait_s)
            gate.returned(is_get=False, refused=is_refused)
        while left and passed + len(slots) + len(out) < WAITING and gate.wait_s(now, is_get=False) <= 0:
            gate.passed(now, is_get=False)
            passed, left = passed + 1, left - 1
        while passed and len(slots) + len(out) < AT_ONCE:
            passed -= 1
            heapq.heappush(slots, now + gate.slot_wait_s(now, is_get=False))
        while slots and slots[0] <= now:
            heapq.heappop(slots)
            if gate.is_closed(now):
                gate.returned(is_get=False, refused=True)
                left += 1
                continue
            reset_at = limiter.admit(now)
            heapq.heappush(out, (now + ROUND_TRIP_S, -1.0 if reset_at is None else max(0.0, reset_at - now)))
        now += 0.001
    return now, refused


@pytest.mark.parametrize("rate", [2.0, 10.0, 40.0])
@pytest.mark.parametrize("burst", [10, 60])
def test_a_bucket_is_emptied_as_it_fills(rate, burst):
    """An unknown rate is learned from few refusals, and hardly any of what drips in is left."""
    rows = 400
    seconds, refused = run(TokenBucket(rate, burst), rows)

    assert seconds <= 1.05 * (rows - burst) / rate
    assert refused <= 0.15 * rows


@pytest.mark.parametrize("rate", [2.0, 10.0, 40.0])
def test_a_bucket_that_holds_one_is_not_stormed(rate):
    """What cannot be kept while the gate is closed is not made up for: it would be refused again and again."""
    rows = 400
    seconds, refused = run(TokenBucket(rate, 1), rows)

    assert seconds <= 1.5 * rows / rate
    assert refused <= 0.15 * rows


def test_a_window_is_filled_and_no_more():
    """The first window tells what it takes; each later one refuses two at most."""
    seconds, refused = run(FixedWindow(600, 60.0), 1500)

    assert seconds <= 1.05 * 120
    assert refused <= 2 * 3 + AT_ONCE


@pytest.mark.parametrize("limiter", [TokenBucket(10.0, 10), TokenBucket(10.0, 1), FixedWindow(600, 60.0)])
def test_a_limit_that_is_given_refuses_none(limiter):
    """Calls are spaced so that no kind of limiter refuses any, a hundredth slower than it lets in."""
    seconds, refused = run(limiter, 400, per_minute=600)

    assert refused == 0
    assert seconds <= 1.02 * 400 / 10


def test_a_bucket_that_counts_gets_is_measured_with_them():
    """Refused GETs tell that they count: a rate measured on submits alone is given up."""
    gate = RateGate(None, lambda: 0.5)
    gate.refuse(0.0, is_get=False, wait_s=1.0)
    for _ in range(5):
        gate.returned(is_get=False)
    gate.refuse(2.0, is_get=False, wait_s=1.0)
    halved = gate.gap_s
    gate.refuse(2.01, is_get=True, wait_s=1.0)

    assert halved == pytest.approx(2.0 / 6)
    assert gate.gap_s is None


def test_a_time_without_calls_is_not_taken_for_a_slow_bucket():
    """A rate that was learned is not unlearned by a pause of the run."""
    gate, bucket = RateGate(None, lambda: 0.5), TokenBucket(10.0, 10)
    run_on(gate, bucket, 0.0, 100)
    learned = gate.gap_s

    run_on(gate, bucket, 600.0, 100)

    assert learned == pytest.approx(0.1, rel=0.15)
    assert gate.gap_s == pytest.approx(0.1, rel=0.15)
