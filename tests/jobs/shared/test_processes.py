"""Real processes on one ledger: killed, interrupted, terminated, side by side.

At full length: `SAMFRAME_KILLS=60 SAMFRAME_KILL_ROWS=400 SAMFRAME_SHARED_ROWS=1000 pytest` this file.
"""

from __future__ import annotations

import ast
import collections
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from samframe.jobs import JobState, Ledger
from samframe.server import DrawnEngine, Fault, LocalServer, ServerConfig

CHILD = Path(__file__).parents[1] / "child_segment.py"
KILLS = int(os.environ.get("SAMFRAME_KILLS", "8"))
KILL_ROWS = int(os.environ.get("SAMFRAME_KILL_ROWS", "120"))
SHARED_ROWS = int(os.environ.get("SAMFRAME_SHARED_ROWS", "200"))
POSTS_AT_ONCE = 4
#: A child's end is waited for so long, on a machine that has other work as well.
CHILD_S = max(100, KILL_ROWS, SHARED_ROWS)

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send there")


@pytest.fixture
def server():
    """A service with eight workers that bills."""
    config = ServerConfig(engine=DrawnEngine(variants=8), workers=8, latency_s=0.1, price_usd=0.002)
    with LocalServer(config) as running:
        yield running


def start(server: LocalServer, store: Path, rows: int, *retry: str) -> subprocess.Popen[str]:
    """Start a child and wait until it is about to segment."""
    child = subprocess.Popen(
        [sys.executable, str(CHILD), server.base_url, str(store), str(rows), *retry],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "ready", child.communicate()[1]
    return child


def wait_until_accepted(server: LocalServer, jobs: int) -> None:
    """Wait until the service has accepted so many jobs, however slow the machine is."""
    ends = time.monotonic() + 60.0
    while server.counters.accepted < jobs and time.monotonic() < ends:
        time.sleep(0.01)


def finish(child: subprocess.Popen[str]) -> dict[str, int]:
    """Wait for a child's own end and return its rows by status."""
    out, err = child.communicate(timeout=CHILD_S)
    assert child.returncode == 0, err
    return ast.literal_eval(out.split("counts", 1)[1].strip())


def states(store: Path) -> collections.Counter:
    with Ledger(store) as ledger:
        return collections.Counter(record["state"] for record in ledger.records())


def doubtful(store: Path) -> set[str]:
    """Return the prompts of jobs in doubt, after looking them up as the next run would."""
    with Ledger(store) as ledger:
        ledger.lookup([record["key"] for record in ledger.records()])
        return {record["prompt"] for record in ledger.records(states=[JobState.IN_DOUBT])}


@pytest.mark.slow
@pytest.mark.timeout(max(900, 50 * KILLS))
def test_kill_9_again_and_again_pays_for_nothing_twice(server, tmp_path):
    """Killed at random moments: nothing is paid twice, no id is orphaned, at most four rows a kill are in doubt."""
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    ever_in_doubt: set[str] = set()
    for _ in range(KILLS):
        child = start(server, tmp_path, KILL_ROWS)
        time.sleep(chance.uniform(0.05, 1.2))
        child.kill()
        child.communicate()
        now_in_doubt = doubtful(tmp_path)
        assert len(now_in_doubt - ever_in_doubt) <= POSTS_AT_ONCE
        ever_in_doubt |= now_in_doubt

    accepted = collections.Counter(job.prompt for job in server.jobs)
    with Ledger(tmp_path) as ledger:
        orphans = [
            job
            for job in server.jobs
            if not ledger.knows_request(job.request_id) and job.prompt not in ever_in_doubt
        ]
    finish(start(server, tmp_path, KILL_ROWS))
    healed = finish(start(server, tmp_path, KILL_ROWS, "in_doubt"))
    posts = server.counters.submits
    again = finish(start(server, tmp_path, KILL_ROWS))

    assert max(accepted.values(), default=0) <= 1
    assert orphans == []
    assert healed["completed"] == again["completed"] == KILL_ROWS
    assert server.counters.submits == posts
    paid_again = collections.Counter(job.prompt for job in server.jobs)
    assert {prompt for prompt, count in paid_again.items() if count > 1} <= ever_in_doubt


@pytest.mark.slow
@pytest.mark.timeout(max(900, 50 * KILLS))
@pytest.mark.parametrize("is_proven", [False, True])
def test_an_output_host_that_is_down_for_half_the_kills(server, tmp_path, is_proven):
    """Killed again and again while no output can be had, then while it can: none paid twice, none lost, all stored."""
    if is_proven:
        finish(start(server, tmp_path, 1))
    chance = random.Random(11)  # noqa: S311 - moments, no secrets
    ever_in_doubt: set[str] = set()
    server.script(Fault.SERVER_ERROR_500, on="output", times=None)
    for number in range(KILLS):
        if number == KILLS // 2:
            in_vain = server.counters.accepted
            server.heal()
        child = start(server, tmp_path, KILL_ROWS)
        time.sleep(chance.uniform(0.05, 1.2))
        child.kill()
        child.communicate()
        ever_in_doubt |= doubtful(tmp_path)
    finish(start(server, tmp_path, KILL_ROWS))
    healed = finish(start(server, tmp_path, KILL_ROWS, "in_doubt"))
    accepted = collections.Counter(job.prompt for job in server.jobs)

    assert is_proven or in_vain <= 1 + len(ever_in_doubt), "no second job before the first one's mask"
    assert {prompt for prompt, count in accepted.items() if count > 1} <= ever_in_doubt
    assert healed["completed"] == KILL_ROWS
    assert states(tmp_path) == {"stored": KILL_ROWS}


@pytest.mark.timeout(CHILD_S + 100)
def test_two_processes_on_one_ledger_share_the_jobs(server, tmp_path):
    """Two processes segment the same frame at the same time: each job is paid once, both get every mask."""
    rows = SHARED_ROWS
    children = [start(server, tmp_path, rows) for _ in range(2)]

    counts = [finish(child) for child in children]

    assert [count["completed"] for count in counts] == [rows, rows]
    assert server.counters.accepted == rows


@needs_signals
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, None), (signal.SIGTERM, 143)])
def test_a_signal_stops_after_the_ids_are_kept(server, tmp_path, number, code):
    """Ctrl-C and SIGTERM: POSTs in flight are answered and kept, none follows, and the text says what is where."""
    child = start(server, tmp_path, 300)
    wait_until_accepted(server, 8)
    child.send_signal(number)
    _, err = child.communicate(timeout=30)
    submits = server.counters.submits
    time.sleep(0.5)

    assert child.returncode == (code if code is not None else child.returncode)
    assert child.returncode != 0
    assert code is not None or "rows stored" in err
    assert server.counters.submits == submits
    assert 0 < server.counters.accepted < 300
    with Ledger(tmp_path) as ledger:
        assert all(ledger.knows_request(job.request_id) for job in server.jobs)
    assert states(tmp_path)["in_doubt"] == states(tmp_path)["submitting"] == 0


@needs_signals
def test_what_was_running_is_collected_free(server, tmp_path):
    """After a Ctrl-C, the same call collects the running jobs with GETs only and sends just the rest."""
    child = start(server, tmp_path, 100)
    wait_until_accepted(server, 8)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)

    counts = finish(start(server, tmp_path, 100))

    assert counts["completed"] == 100
    assert server.counters.accepted == 100
