"""Starting and stopping, counters, and several servers side by side."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import httpx
import pytest

from samframe.server import DrawnEngine, Fault, LocalServer, ServerConfig

DRAWN = ServerConfig(engine=DrawnEngine())


def test_starts_and_stops_promptly():
    """A server starts in less than half a second and stops in less (the best of three: machines are busy)."""
    times = []
    for _ in range(3):
        start = time.monotonic()
        with LocalServer(DRAWN) as server:
            assert httpx.get(server.base_url + "/x").status_code == 404
        times.append(time.monotonic() - start)

    assert min(times) < 0.5


def test_stops_with_requests_in_flight(peer):
    """Hanging requests and running jobs do not hold a stop up, and no thread is left."""
    peer.server.script(Fault.HANG, accepted=True)

    def post():
        with pytest.raises(httpx.TransportError):
            peer.post()

    thread = threading.Thread(target=post)
    thread.start()
    while peer.server.counters.accepted == 0:
        time.sleep(0.005)
    start = time.monotonic()
    peer.server.stop()
    thread.join(timeout=5)

    assert time.monotonic() - start < 1.0
    assert "samframe-server" not in {t.name for t in threading.enumerate() if t.is_alive()}


def test_counters_outlive_the_server(make_peer):
    """What was counted can be read after the stop."""
    peer = make_peer()
    peer.run()
    peer.server.stop()

    assert (peer.server.counters.submits, peer.server.counters.billed) == (1, 1)
    assert peer.server.jobs[0].state == "COMPLETED"


def test_counters_by_route(peer):
    """Each request is counted once, by its route."""
    result = peer.run()
    peer.status(result["request_id"])
    peer.http.get(result["output"])
    peer.http.get("/v1/get-user-credits")
    peer.http.get("/inference-request/request-history")
    counters = peer.server.counters

    assert (counters.submits, counters.polls, counters.results, counters.downloads) == (1, 1, 1, 1)
    assert (counters.credits, counters.history, counters.requests) == (1, 1, 6)
    assert len(peer.server.post_times) == 1


def test_two_servers_know_nothing_of_each_other(make_peer):
    """Each has its own port, jobs and faults."""
    one, other = make_peer(), make_peer()
    one.server.script(Fault.UNAVAILABLE_503, on="any", times=None)
    other.submit()

    assert one.server.base_url != other.server.base_url
    assert (one.server.counters.accepted, other.server.counters.accepted) == (0, 1)


def test_port_can_be_chosen():
    """A server can come back where another one was."""
    with LocalServer(DRAWN) as first:
        port = int(first.base_url.rpartition(":")[2])
    with LocalServer(DRAWN, port=port) as second:
        assert second.base_url == first.base_url

        with pytest.raises(OSError, match="in use"):
            LocalServer(DRAWN, port=port).start()


def test_unstarted_server_says_so():
    """Counters of a server that was never started are an error, not zeros."""
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = LocalServer(DRAWN).counters


def test_key_is_in_no_repr():
    """The key that a server asks for is shown nowhere."""
    assert "SG_secret" not in repr(ServerConfig(api_key="SG_secret"))


def test_interpreter_ends_without_a_stop():
    """A server that is never stopped does not keep Python from ending, nor makes it complain."""
    code = (
        "from samframe.server import *\n"
        "import httpx\n"
        "s = LocalServer(ServerConfig(engine=DrawnEngine(), latency_s=60.0)).start()\n"
        "print(httpx.get(s.base_url + '/x').status_code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "404\n", "")
