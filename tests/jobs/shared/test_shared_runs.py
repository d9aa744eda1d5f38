"""Several processes, one run: one pace and one budget over real HTTP, and what is left when one is killed."""

from __future__ import annotations

import ast
import collections
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import samframe
from samframe.server import DrawnEngine, LocalServer, ServerConfig

CHILD = Path(__file__).parents[1] / "child_shared.py"


@pytest.fixture
def serve():
    """Start a service that bills, with further options of the test's."""
    servers = []

    def start(**options):
        config = ServerConfig(
            engine=DrawnEngine(variants=8), workers=32, latency_s=0.1, price_usd=0.002, **options
        )
        servers.append(LocalServer(config).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def start(server, store, first, last, *limits):
    command = [sys.executable, str(CHILD), server.base_url, str(store), str(first), str(last), "name"]
    return subprocess.Popen([*command, *map(str, limits)], stdout=subprocess.PIPE, text=True)


def counts(child):
    out, _ = child.communicate(timeout=100)
    return collections.Counter(ast.literal_eval(out.split("counts", 1)[1].strip()))


def test_processes_share_one_pace(serve, tmp_path):
    """Three processes told a limit of 1,200 a minute keep to it together: a stall apart, nothing is refused."""
    server = serve(rate_limit=20, rate_kind="token", rate_window_s=1.0)
    children = [start(server, tmp_path, 50 * n, 50 * n + 50, 1200) for n in range(3)]
    done = sum(map(counts, children), collections.Counter())

    assert done["completed"] == 150
    assert server.counters.refused_429 <= 7  # of 150; one refusal may meet all that are out
    assert server.post_times[-1] - server.post_times[0] >= 0.9 * 150 / 20


def test_processes_share_one_budget(serve, tmp_path):
    """Three processes with one max_cost bill no more than it, to the job."""
    server = serve()
    children = [start(server, tmp_path, 50 * n, 50 * n + 50, 6000, 0.05) for n in range(3)]
    done = sum(map(counts, children), collections.Counter())

    assert server.counters.billed == 25
    assert (done["completed"], done["skipped"]) == (25, 125)


def test_equal_rows_of_two_processes_are_paid_once(serve, tmp_path):
    """Three processes with the same rows: each job is paid once, and all get every mask."""
    server = serve()
    done = [counts(child)["completed"] for child in [start(server, tmp_path, 0, 60, 6000) for _ in range(3)]]

    assert done == [60, 60, 60]
    assert server.counters.accepted == 60


def test_one_killed_holds_nobody_up_and_is_not_paid_again(serve, tmp_path):
    """One of two processes is killed midway: the other ends, and a re-run pays for no job twice."""
    server = serve()
    killed, other = (start(server, tmp_path, 100 * n, 100 * n + 100, 1200) for n in range(2))
    while server.counters.accepted < 40:
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    assert counts(other)["completed"] == 100
    counts(start(server, tmp_path, 0, 100, 6000))

    accepted = collections.Counter(job.prompt for job in server.jobs)
    assert max(accepted.values()) == 1
    assert len(accepted) >= 196  # the four POSTs of the killed one may be in doubt


def test_the_shared_run_goes_on_in_threads(serve, tmp_path):
    """Calls from threads of one process share the pace and the budget too."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - this test only

    server = serve()
    client = samframe.Client("SG_0123456789abcdef", base_url=server.base_url)

    def call(number):
        images = [np.full((16, 16, 3), 10 * number + at, dtype=np.uint8) for at in range(10)]
        frame = pd.DataFrame({"image": images, "prompt": "thing"})
        return samframe.segment(
            frame, client=client, store=tmp_path, shared="t", max_cost=0.03, progress=False
        )

    with ThreadPoolExecutor(3) as pool:
        frames = list(pool.map(call, range(3)))

    assert server.counters.billed == 15
    assert sum((frame["status"] == "completed").sum() for frame in frames) == 15


@pytest.mark.parametrize("name", ["", "  ", 7])
def test_a_run_is_shared_by_name(name):
    """An empty name, or what is no text, is refused."""
    with pytest.raises(samframe.OptionError, match="shared"):
        samframe.segment(pd.DataFrame({"image": [], "prompt": []}), shared=name)
