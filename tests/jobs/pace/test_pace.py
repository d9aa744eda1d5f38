"""The model of the service, on a clock of its own: how often jobs are asked for, and how late the last is found."""

from __future__ import annotations

import heapq
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from samframe.jobs.pace.flight import Flight, Stage
from samframe.jobs.pace.pace import Pace, PollAllowance
from samframe.segmind import Call, Metrics, RemoteState

SUBMIT_GAP_S = 0.01
ROUND_TRIP_S = 0.005


def first_come(service_times: list[float], workers: int) -> list[tuple[float, float]]:
    """Return start and end of each job, in the order of submission."""
    free, spans = [0.0] * workers, []
    for number, seconds in enumerate(service_times):
        start = max(heapq.heappop(free), (number + 1) * SUBMIT_GAP_S)
        heapq.heappush(free, start + seconds)
        spans.append((start, start + seconds))
    return spans


def run(service_times: list[float], workers: int) -> tuple[float, float]:
    """Ask for jobs as the runner does until all are found done.

    Returns
    -------
    polls : float
        A job.
    lateness : float
        When the last was found, over when the last had ended.
    """
    spans = first_come(service_times, workers)
    pace, polls, found = Pace(), 0, 0.0
    flights: dict[Flight, tuple[float, float]] = {}
    waiting = list(enumerate(spans))
    now, next_replan = 0.0, 0.0
    for _ in itertools.count():
        while waiting and (waiting[0][0] + 1) * SUBMIT_GAP_S <= now:
            number, span = waiting.pop(0)
            flight = Flight(job=SimpleNamespace(), stage=Stage.POLL, seq=number, age_base=now)
            flights[flight] = span
            pace.track(flight, now)
        if pace.is_stale or (now >= next_replan and pace.has_news(submitting=bool(waiting))):
            pace.replan(list(flights), now, submitting=bool(waiting))
            next_replan = now + pace.replan_s()
        for flight in [flight for flight in flights if flight.due <= now]:
            start, end = flights[flight]
            polls += 1
            if now >= end:
                del flights[flight]
                found = now
                metrics = Metrics(inference_time=end - start, queue_time=start - flight.age_base)
                pace.finished(flight, metrics, now)
                pace.forget(flight)
            else:
                state = RemoteState.PROCESSING if now >= start else RemoteState.QUEUED
                pace.not_done(flight, state, now, submitting=bool(waiting))
                flight.due = flight.earliest
        if not flights and not waiting:
            break
        now += ROUND_TRIP_S
    return polls / len(spans), found / max(end for _, end in spans)


@pytest.mark.parametrize("workers", [4, 16, 64])
def test_jobs_of_one_length_are_asked_for_hardly_more_than_once(workers):
    """Once the number of workers is known, each job is asked for when it is done."""
    polls, lateness = run([1.7] * 200, workers)

    assert polls <= 1.1
    assert lateness <= 1.05


@pytest.mark.parametrize("workers", [4, 16, 64])
@pytest.mark.parametrize("seed", range(3))
def test_jobs_of_many_lengths_are_found_soon_after_they_end(workers, seed):
    """The last job is not waited for much longer than it takes, at two polls a job or fewer."""
    draw = np.random.default_rng(seed)
    polls, lateness = run((1.6 * draw.lognormal(0.0, 0.5, 200)).tolist(), workers)

    assert polls <= 2.0
    assert lateness <= 1.15


def test_one_job_that_takes_far_longer_than_all_before_is_waited_for():
    """What is left of it is not known: it is asked for less and less often, and found."""
    polls, lateness = run([0.5] * 60 + [20.0], 8)

    assert polls <= 2.0
    assert lateness <= 1.1


def test_a_job_found_waiting_moves_all_behind_it():
    """One answer QUEUED tells that no job behind it has started, and that the plan is wrong."""
    pace = Pace()
    first, *rest = (
        Flight(job=SimpleNamespace(), stage=Stage.POLL, seq=number, age_base=0.0) for number in range(5)
    )
    for flight in (first, *rest):
        pace.track(flight, 0.0)
    pace.finished(first, Metrics(inference_time=1.0, queue_time=0.0), 1.0)
    pace.forget(first)
    pace.not_done(rest[1], RemoteState.QUEUED, 2.0, submitting=True)

    assert pace.is_stale
    assert [flight.not_before for flight in rest] == [0.0, 2.0, 2.0, 2.0]
    pace.replan(rest, 2.0, submitting=True)
    assert not pace.is_stale
    assert min(flight.due for flight in rest[1:]) > 3.0


def test_the_end_of_a_run_does_not_cut_a_pause_after_a_failure_short():
    """What was put off because it failed keeps its pause; what was only not done is asked for sooner."""
    pace = Pace()
    done, failed, slow = (
        Flight(job=SimpleNamespace(), stage=Stage.POLL, seq=number, age_base=0.0) for number in range(3)
    )
    for flight in (done, failed, slow):
        pace.track(flight, 0.0)
    pace.finished(done, Metrics(inference_time=1.0, queue_time=0.0), 1.0)
    pace.forget(done)
    failed.failed_once_more(Call.RESULT)
    failed.earliest = slow.earliest = 30.0
    pace.replan([failed, slow], 2.0, submitting=False)

    assert failed.earliest == 30.0
    assert slow.earliest < 3.0


@pytest.mark.parametrize(("earlier_s", "due_s"), [((), 1.0), ((0.05, 0.06, 0.3), 0.06), ((30.0,), 1.0)])
def test_the_first_job_is_asked_for_by_what_earlier_ones_took(earlier_s, due_s):
    """A service known to be quick is asked soon; none is waited for longer than a second."""
    pace = Pace(earlier_s)
    flight = Flight(job=SimpleNamespace(), stage=Stage.POLL, age_base=10.0)

    pace.track(flight, 10.0)

    assert 10.0 + due_s <= flight.due <= 10.1 + due_s


@pytest.mark.parametrize(("gap_s", "most"), [(None, 12 + 225), (0.1, 12 + 2250), (6.0, 12 + 38)])
def test_a_slow_queue_is_asked_for_at_a_quarter_of_the_limit(gap_s, most):
    """In 900 s of a job that stays queued: a quarter of the known limit, else of a published one of 60 a minute."""
    allowance, now, polls = PollAllowance(), 0.0, 0
    while now < 900:
        wait = allowance.wait_s(now, gap_s)
        if wait > 0:
            now += wait
            continue
        polls += 1
        allowance.in_vain()
        now += 0.01

    assert polls <= most + 1


def test_a_queue_that_moves_is_asked_for_freely():
    """A finished job fills the allowance again."""
    allowance = PollAllowance()
    for _ in range(12):
        allowance.in_vain()
    held = allowance.wait_s(0.0, None)
    allowance.done()

    assert held > 0
    assert allowance.wait_s(0.0, None) == 0


def test_a_server_of_ours_counts_nothing():
    """Nobody else is on it."""
    allowance = PollAllowance(is_unlimited=True)
    for _ in range(100):
        allowance.in_vain()

    assert allowance.wait_s(0.0, None) == 0
