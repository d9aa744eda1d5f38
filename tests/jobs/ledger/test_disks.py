"""Disks that take no more, at each write; stores that may not be written; ids that cannot be kept."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from samframe import errors
from samframe.jobs import Ledger
from samframe.server import DrawnEngine, LocalServer, ServerConfig

CHILD = Path(__file__).parents[1] / "child_small_disk.py"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no limits and users of this kind there")


@pytest.fixture
def server():
    """A service that bills."""
    with LocalServer(
        ServerConfig(engine=DrawnEngine(), latency_s=0.0, workers=4, price_usd=0.002)
    ) as running:
        yield running


def run_child(server, store, limit) -> str:
    done = subprocess.run(
        [sys.executable, str(CHILD), server.base_url, str(store), str(limit)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_ledger(store):
    with Ledger(store):
        return (store / "ledger.sqlite3").stat().st_size


@pytest.mark.parametrize("more", [1, 700, 4_096, 9_000, 20_000])
def test_a_disk_that_is_full_from_some_write_on_pays_for_nothing_twice(server, tmp_path, more):
    """The ledger can grow by so many bytes and no more; then there is room, and every row comes home, paid once."""
    told = run_child(server, tmp_path, make_ledger(tmp_path) + more)
    billed = server.counters.billed
    with Ledger(tmp_path) as ledger:
        unknown = [job for job in server.jobs if not ledger.knows_request(job.request_id)]
        ledger.lookup([record["key"] for record in ledger.records()])
        in_doubt = {record["prompt"] for record in ledger.records(states="in_doubt")}
    healed = run_child(server, tmp_path, 2**30)
    per_prompt = Counter(job.prompt for job in server.jobs)

    assert "statuses" in told
    assert {job.prompt for job in unknown} <= in_doubt
    assert max(per_prompt.values(), default=1) == 1
    assert healed.count("completed") == 6 - len(in_doubt)
    assert server.counters.billed >= billed


@pytest.mark.parametrize("limit", [1, 4_000])
def test_a_disk_with_no_room_for_a_ledger_spends_nothing(server, tmp_path, limit):
    """Without a durable intent there is no POST."""
    told = run_child(server, tmp_path / "store", limit)

    assert told.startswith("LedgerError")
    assert server.counters.requests == 0


def test_a_ledger_that_may_only_be_read_spends_nothing(server, tmp_path):
    """The store is another user's: refused before anybody is asked, and nothing in it is changed."""
    make_ledger(tmp_path)
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    tmp_path.parent.chmod(0o755)
    before = (tmp_path / "ledger.sqlite3").read_bytes()
    told = run_child(server, tmp_path, 0)
    tmp_path.chmod(0o755)

    assert told.startswith("LedgerError")
    assert server.counters.requests == 0
    assert (tmp_path / "ledger.sqlite3").read_bytes() == before


def test_an_id_that_the_ledger_cannot_keep_is_told_in_its_row(world, monkeypatch):
    """The job is accepted and the write of its id fails: the row is in doubt and names the id; the run ends."""

    def fails(self, key, request_id):
        return self._writer.write(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"))

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "submitted", fails)
        with pytest.raises(errors.LedgerError) as caught:
            world.run(3)
    job = world.server.jobs[0]
    row = caught.value.frame.iloc[0]

    assert row["status"] == "in_doubt"
    assert job.request_id in row["error"]
    assert world.server.counters.submits == 1


def test_a_server_that_repeats_an_id_puts_the_second_row_in_doubt(serve_json):
    """Two jobs cannot have one id: what the second has cost nobody knows."""
    same = {"request_id": "0f8b1f0e-6a3e-4c8e-9d3a-1b2c3d4e5f60", "status": "FAILED", "error": "blocked"}
    world = serve_json(200, same)
    out = world.run(3)

    assert sorted(out["status"]) == ["failed", "in_doubt", "in_doubt"]
    assert out["error"].str.contains("id of another job").sum() == 2
