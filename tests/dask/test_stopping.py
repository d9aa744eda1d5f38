"""Ctrl-C while Dask computes: no partition sends anything more, and the same call goes on."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time

import dask
import dask.dataframe as dd
import pytest

import samframe.dask  # noqa: F401 - registers what is tested


def interrupt_when(service, accepted):
    """Send this process a SIGINT once the service has accepted so many jobs."""

    def wait():
        while service.counters.accepted < accepted:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait, daemon=True).start()


def wait_for_silence(service):
    """Wait until no job has been accepted for more than a second, and return how many were."""
    known, since = service.counters.accepted, time.monotonic()
    while time.monotonic() - since < 1.2:
        time.sleep(0.1)
        if service.counters.accepted != known:
            known, since = service.counters.accepted, time.monotonic()
    return known


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["threads", "processes", "cluster"])
def test_ctrl_c_stops_the_partitions(scheduler, service, options, make_frame, partitioned, paid, request):
    """Of 200 rows at ten a second few were sent; computed again, all are stored and none was paid for twice."""
    kwargs = {"scheduler": scheduler}
    if scheduler == "cluster":
        request.getfixturevalue("client")
        kwargs = {}
    ddf = partitioned(make_frame(200, 200))
    slow = ddf.sam.segment(rate_limit=600, **options)
    interrupt_when(service, 20)
    with pytest.raises(KeyboardInterrupt):
        slow.compute(**kwargs)
    sent = wait_for_silence(service)
    out = ddf.sam.segment(**options).compute(scheduler="threads")

    assert sent < 120
    assert (out["status"] == "completed").all()
    assert set(paid(service).values()) == {1}


def test_an_interrupted_result_can_be_computed_again(service, options, make_frame, partitioned):
    """The stop is for that computation; the same lazy frame goes on where it ended."""
    out = partitioned(make_frame(60)).sam.segment(rate_limit=600, **options)
    interrupt_when(service, 5)
    with pytest.raises(KeyboardInterrupt):
        out.compute(scheduler="threads")
    wait_for_silence(service)

    assert (out.compute(scheduler="threads")["status"] == "completed").all()
    assert service.counters.accepted == 60


def test_a_partition_handed_over_is_stopped(two_machines, service, options, make_frame, partitioned):
    """The machine of the ledger sends nothing more for a task of another one that nobody wants any more."""
    with dask.config.set({"samframe.ledger-host": "127.0.0.2"}):
        out = partitioned(make_frame(100, 100), 2).sam.segment(rate_limit=600, **options)
    elsewhere = [address for address in two_machines.nthreads() if "//127.0.0.1:" in address]
    future = two_machines.compute(out, workers=elsewhere, allow_other_workers=False)
    while service.counters.accepted < 5:
        assert not future.done()
        time.sleep(0.02)
    future.cancel()

    assert wait_for_silence(service) < 50


def interrupt():
    raise KeyboardInterrupt


def interrupt_a_computation():
    with pytest.raises(KeyboardInterrupt):
        dask.delayed(interrupt)().compute(scheduler="threads")


@pytest.fixture
def flags(tmp_path, monkeypatch):
    """List the files in the folder for temporary ones, which is the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return lambda: sorted(file.name for file in (tmp_path / "tmp").glob("samframe-stop-*"))


def test_the_next_computation_removes_what_a_stop_left(service, options, make_frame, partitioned, flags):
    """A stop leaves files until Dask computes anything again in this process."""
    partitioned(make_frame(4)).sam.segment(**options)
    interrupt_a_computation()
    left = flags()
    dask.delayed(int)("1").compute(scheduler="threads")

    assert left
    assert flags() == []


def test_success_while_an_interrupt_is_handled_stops_nothing(
    service, options, make_frame, partitioned, flags
):
    """In an except block of a KeyboardInterrupt a computation that goes well is no stop."""
    out = partitioned(make_frame(4)).sam.segment(**options)
    try:
        interrupt()
    except KeyboardInterrupt:
        done = out.compute(scheduler="threads")

    assert (done["status"] == "completed").all()
    assert flags() == []


def test_another_process_is_not_refused(service, options, make_frame, flags, tmp_path):
    """A lazy frame that was stopped here is computed where it is sent to, and a Ctrl-C there leaves no file behind."""
    out = dd.from_pandas(make_frame(8), npartitions=2).sam.segment(**options)
    interrupt_a_computation()
    before = flags()
    (tmp_path / "frame").write_bytes(pickle.dumps(out))
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "frame")], capture_output=True, text=True, check=False
    )

    assert child.stdout.split() == ["completed", "1"], child.stderr
    assert flags() == before


CHILD = """
import dask, pathlib, pickle, sys, tempfile
import samframe.dask
out = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
print(*set(out.compute(scheduler="threads")["status"]))
def interrupt():
    raise KeyboardInterrupt
try:
    dask.delayed(interrupt)().compute(scheduler="threads")
except KeyboardInterrupt:
    print(sum(1 for _ in pathlib.Path(tempfile.gettempdir()).glob(f"samframe-stop-{__import__('os').getpid()}-*")))
"""
