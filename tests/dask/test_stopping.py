"""Ctrl-C while Dask computes: no partition sends anything more, and the same call goes on."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest


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
