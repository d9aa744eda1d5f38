"""A job is collected by the account that paid, and a server of ours that is gone never billed anything."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap

import pandas as pd
import pytest

import samframe
from samframe.jobs import Ledger

OTHER_KEY = "SG_0123456789abcdef"


def leave_running(world, rows):
    """Send jobs and stop before they are done, as a stop in the notebook does."""
    run = world.frame(rows).sam.start(client=world.client, store=world.store, progress=False)
    while world.server.counters.accepted < rows + 1:
        pass
    run.stop()
    run.result()


def test_another_key_does_not_ask_for_the_jobs(make_world):
    """They stay submitted, the message names the fingerprint; the right key collects them for nothing."""
    world = make_world(latency_s=1.0, workers=4)
    world.run(world.frame(1).assign(prompt="first"))
    leave_running(world, 2)
    other = world.run(2, client=samframe.Client(OTHER_KEY, base_url=world.server.base_url))
    with Ledger(world.store) as ledger:
        left = {record["state"] for record in ledger.records()}
    collected = world.run(2)

    assert other["status"].tolist() == ["running"] * 2
    assert other["error"].str.contains("another API key").all()
    assert OTHER_KEY not in " ".join(other["error"])
    assert "lost" not in left
    assert collected["status"].tolist() == ["completed"] * 2
    assert world.server.counters.accepted == 3


def test_lost_jobs_are_looked_for_before_they_are_paid_again(make_world):
    """retry="lost" asks the history by id first, and collects what it has."""
    world = make_world()
    world.run(1)
    with Ledger(world.store) as ledger:
        key = ledger.records()[0]["key"]
        asyncio.run(_lose(ledger, key))
    out = world.run(1, retry="lost")

    assert out["status"].tolist() == ["completed"], out["error"].tolist()
    assert world.server.counters.accepted == 1


async def _lose(ledger, key):
    def work(db):
        db.execute("UPDATE jobs SET state = 'lost', artifact = NULL, mask_counts = NULL WHERE key = ?", [key])

    await ledger._writer.write(work)


DEATH = """
import os, sys, pandas as pd, samframe
from samframe.jobs.ledger.life import JobLives
store, at = sys.argv[1:]
kept = getattr(JobLives, at)
def dying(self, *args, **kwargs):
    done = kept(self, *args, **kwargs)
    async def end():
        await done
        os._exit(9)
    return end()
setattr(JobLives, at, dying)
from samframe.testing import sample_photo
df = pd.DataFrame({"image": [sample_photo("coffee")], "at": [(260, 190)]})
df.sam.segment(prompt_col=None, coordinates_col="at", client=samframe.offline(), store=store, progress=False)
"""


@pytest.mark.parametrize("at", ["claim", "submitted", "completed"])
def test_an_offline_run_that_died_is_simply_done_again(tmp_path, at):
    """Each offline() is a new server: what it does not know was never billed, and the word does not occur."""
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DEATH), str(tmp_path), at], check=False, timeout=60
    )
    from samframe.testing import sample_photo  # noqa: PLC0415 - here only

    df = pd.DataFrame({"image": [sample_photo("coffee")], "at": [(260, 190)]})
    with samframe.offline() as client:
        out = df.sam.segment(
            prompt_col=None, coordinates_col="at", client=client, store=tmp_path, progress=False
        )
    with Ledger(tmp_path) as ledger:
        told = ledger.to_frame().to_string()

    assert ended.returncode == 9
    assert out["status"].tolist() == ["completed"], out["error"].tolist()
    assert "billed" not in told


CHILD = """
import sys, pandas as pd, samframe
from samframe.testing import sample_photo
df = pd.DataFrame({"image": [sample_photo("coffee")] * 6, "at": [(200 + 20 * i, 190) for i in range(6)]})
with samframe.offline() as client:
    out = df.sam.segment(prompt_col=None, coordinates_col="at", client=client, store=sys.argv[1], progress=False)
assert (out["status"] == "completed").all(), out[["status", "error"]].to_string()
"""


def test_three_processes_share_a_store_with_a_server_each(tmp_path):
    """Each waits for what another has out, and all of them get every mask."""
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    errors = [child.communicate(timeout=120)[1] for child in children]

    assert [child.returncode for child in children] == [0, 0, 0], "\n".join(errors)
