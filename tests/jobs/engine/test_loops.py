"""The caller's own event loop may be of any kind: tasks that start at once, and loops in debug mode."""

from __future__ import annotations

import asyncio
import sys

import pytest


def eager_loop():
    loop = asyncio.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    return loop


def debug_loop():
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 60.0
    return loop


#: Tasks that start at once came with Python 3.12.
LOOPS = [debug_loop] if sys.version_info < (3, 12) else [debug_loop, eager_loop]


@pytest.fixture(params=LOOPS, ids=lambda loop: loop.__name__)
def run_in_loop(request):
    """Run a coroutine in a loop of the kind."""

    def run(coroutine):
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(coroutine)

    return run


def test_asegment_runs_in_any_loop(run_in_loop, world):
    """Rows are paid once, a second run sends nothing."""
    options = {"client": world.client, "store": world.store, "progress": False}
    df = world.frame(12)

    first = run_in_loop(df.sam.asegment(**options))
    second = run_in_loop(df.sam.asegment(**options))

    assert first["status"].tolist() == ["completed"] * 12
    assert first["mask"].equals(second["mask"])
    assert world.server.counters.accepted == 12


def test_runs_share_a_loop(run_in_loop, world):
    """Two runs of equal rows at once in one loop, with one pace and budget: each row is paid once."""
    options = {"client": world.client, "store": world.store, "progress": False, "shared": "both"}
    df = world.frame(12)

    async def main():
        return await asyncio.gather(df.sam.asegment(**options), df.sam.asegment(**options))

    outs = run_in_loop(main())

    assert [out["status"].tolist() for out in outs] == [["completed"] * 12] * 2
    assert world.server.counters.accepted == 12


def test_shared_images_are_uploaded_once(run_in_loop, world):
    """Many rows of one image, sent by one upload."""
    options = {"client": world.client, "store": world.store, "progress": False, "upload_shared": 2}

    out = run_in_loop(world.frame(6).sam.asegment(**options))

    assert out["status"].tolist() == ["completed"] * 6
    assert world.server.counters.accepted == 6


def test_a_cancelled_task_leaves_its_rows_to_the_next(run_in_loop, make_world):
    """What was accepted before the cancellation is collected free."""
    world = make_world(latency_s=0.3)
    options = {"client": world.client, "store": world.store, "progress": False}
    df = world.frame(8)

    async def main():
        task = asyncio.get_running_loop().create_task(df.sam.asegment(**options))
        while world.server.counters.accepted < 3:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_in_loop(main())
    out = world.run(df)

    assert out["status"].tolist() == ["completed"] * 8
    assert world.server.counters.accepted == 8
