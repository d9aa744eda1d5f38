"""A run that is stopped: from a handle, by cancelling the coroutine, by a second Ctrl-C while an answer is awaited."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import samframe
from samframe.jobs import JobState, Ledger
from samframe.server import Fault

CHILD = Path(__file__).parents[1] / "child_segment.py"


def wait_for(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def ids_known(world):
    with Ledger(world.store) as ledger:
        return all(ledger.knows_request(job.request_id) for job in world.server.jobs)


def test_stop_of_a_handle_sends_nothing_more(make_world):
    """run.stop() returns at once; ids are kept, the frame so far is there, and the next call collects for free."""
    world = make_world(latency_s=0.1, workers=2)
    run = world.frame(60).sam.start(client=world.client, store=world.store, progress=False)
    wait_for(lambda: world.server.counters.accepted >= 10)
    run.stop()
    frame = run.result()
    submits = world.server.counters.submits
    again = world.run(60)

    assert run.is_done
    assert {"running", "cancelled"} <= set(frame["status"])
    assert world.server.counters.submits == 60
    assert submits < 60
    assert (again["status"] == "completed").all()
    assert world.server.counters.billed == 60


def test_a_stop_after_the_end_is_harmless(make_world):
    """``stop()`` of a run that has ended changes nothing and raises nothing."""
    world = make_world(latency_s=0.01)
    run = world.frame(2).sam.start(client=world.client, store=world.store, progress=False)
    frame = run.result()

    run.stop()

    assert run.result()["status"].tolist() == frame["status"].tolist() == ["completed"] * 2


def test_a_cancelled_coroutine_keeps_its_ids(make_world):
    """Asyncio's cancel, as its Ctrl-C does it: POSTs in flight are answered and kept; last_run() has the frame."""
    world = make_world(latency_s=0.1, workers=2)

    async def main():
        call = world.frame(60).sam.asegment(client=world.client, store=world.store, progress=False)
        task = asyncio.create_task(call)
        while world.server.counters.accepted < 10:  # noqa: ASYNC110 - a server in a thread sets no events
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    submits = world.server.counters.submits
    time.sleep(0.3)

    assert world.server.counters.submits == submits < 60
    assert ids_known(world)
    assert samframe.last_run().is_done
    assert len(samframe.last_run().frame) == 60


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send there")
def test_a_second_interrupt_does_not_wait_for_answers(make_world):
    """The first waits for the POSTs in flight; the second returns within a second, and they are in doubt."""
    world = make_world()
    world.server.script(Fault.SLOW_BODY, times=None, delay_s=30.0)
    child = subprocess.Popen(
        [sys.executable, str(CHILD), world.server.base_url, str(world.store), "4"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: world.server.counters.accepted >= 1)
    child.send_signal(signal.SIGINT)
    time.sleep(1.5)
    is_waiting = child.poll() is None
    second = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    seconds = time.monotonic() - second
    with Ledger(world.store) as ledger:
        ledger.lookup([record["key"] for record in ledger.records()])
        in_doubt = ledger.records(states=JobState.IN_DOUBT)

    assert is_waiting
    assert "KeyboardInterrupt" in err
    assert seconds < 25  # the answer would have taken 30
    assert len(in_doubt) == world.server.counters.accepted


def test_a_stop_before_the_first_image_is_read_sends_nothing(make_world):
    """Stopped at once: every row is cancelled, nobody is asked."""
    world = make_world()
    run = world.frame(3).sam.start(client=world.client, store=world.store, progress=False)
    run.stop()
    frame = run.result()

    assert set(frame["status"]) <= {"cancelled", "running", "completed"}
    assert world.server.counters.submits <= 1
