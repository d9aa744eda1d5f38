"""What the state machine stands on: its deaths come before and after every kind of write, and none is missed."""

from __future__ import annotations

import asyncio
import time

import pytest
from lives import Death, FastLoop, Process, mortal_ledger

from samframe.images import read_image
from samframe.jobs import Job, Ledger, Parameters, job_key
from samframe.segmind import Metrics

INTENT = {"base": "https://api.segmind.com", "body_hash": "0" * 64, "consent": "run", "fingerprint": None}
ID = "00000000-0000-4000-8000-000000000001"


def make_job() -> Job:
    image = read_image("https://example.org/1.png")
    fields = {"prompt": "boy", "points": (), "remove_points": (), "parameters": Parameters()}
    key = job_key(identity=INTENT["base"], image_identity=image.identity, **fields)
    return Job(key=key, image=image, row=0, **fields)


STEPS = {
    "claim": lambda ledger, job: ledger.claim(job, **INTENT, from_states=frozenset()),
    "submitted": lambda ledger, job: ledger.submitted(job.key, ID),
    "completed": lambda ledger, job: ledger.completed(job.key, "{}", metrics=Metrics(), engine=None),
    "stored": lambda ledger, job: ledger.stored(job.key, artifact="a", size=1, mask=None, note=None),
}
#: The state after each of these steps, by the ledger that is opened afterwards.
STATES = {"claim": "submitting", "submitted": "submitted", "completed": "completed", "stored": "stored"}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("is_written", [False, True])
def test_a_process_dies_before_and_after_each_write(tmp_path, step, is_written):
    """Before: the world never sees the write. After: it is on the disk, and who waited for it never hears of it."""
    steps = list(STEPS)
    before = steps[: steps.index(step)]
    ledger = mortal_ledger(Process(2 * len(before) + is_written), lambda: 0.0)(tmp_path)

    async def main():
        for name in [*before, step]:
            await STEPS[name](ledger, make_job())

    with pytest.raises(Death):
        asyncio.run(main())
    ledger.close()
    with Ledger(tmp_path) as after:
        states = [record["state"] for record in after.records()]

    seen = step if is_written else (before or [None])[-1]
    assert states == ([STATES[seen]] if seen is not None else [])


def test_a_jumping_clock_waits_for_threads():
    """An hour of sleep is skipped; a thread's half second, and the end of the threads, are not."""

    async def main():
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(3600.0)
        hour = loop.time() - began
        async with asyncio.timeout(60.0):  # would be over at once, if it were skipped
            await asyncio.to_thread(time.sleep, 0.5)
        loop.run_in_executor(None, time.sleep, 0.5)  # the loop's end waits for it
        return hour

    with asyncio.Runner(loop_factory=FastLoop) as runner:
        assert runner.run(main()) >= 3600.0
