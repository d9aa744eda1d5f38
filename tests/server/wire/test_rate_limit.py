"""The rate limit: what it counts, what it refuses, and how it writes the time of its reset."""

from __future__ import annotations

from datetime import datetime

import pytest

from samframe.server.wire.limits import FixedWindow, TokenBucket, write_reset

RESET = "x-rate-limit-reset-at-utc"


class Clock:
    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_429_carries_the_reset_and_no_retry_after(make_peer, clock):
    """A refused submit names the end of the window in the API's one header, and no job is made."""
    peer = make_peer(rate_limit=2, clock=clock)
    answers = [peer.post() for _ in range(3)]
    refused = answers[2]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert datetime.fromisoformat(refused.headers[RESET]).timestamp() == clock.now + 60
    assert "retry-after" not in refused.headers
    assert refused.json() == {"error": "Rate limit exceeded"}
    assert (peer.server.counters.accepted, peer.server.counters.refused_429) == (2, 1)


def test_window_opens_again(make_peer, clock):
    """After the reset the next window lets as many in."""
    peer = make_peer(rate_limit=1, clock=clock)
    codes = [peer.post().status_code, peer.post().status_code]
    clock.now += 60

    assert [*codes, peer.post().status_code] == [200, 429, 200]


def test_polls_are_free_by_default(make_peer, clock):
    """Status, result, credits and history are let through a closed gate."""
    peer = make_peer(rate_limit=1, clock=clock)
    request_id = peer.submit()
    peer.server.settle()

    assert peer.post().status_code == 429
    assert [peer.status(request_id).status_code, peer.result(request_id).status_code] == [200, 200]


def test_polls_may_count(make_peer, clock):
    """Where polls count, a poll beyond the limit is refused, a download never."""
    peer = make_peer(rate_limit=3, polls_count=True, clock=clock)
    result = peer.run()
    codes = [peer.status(result["request_id"]).status_code for _ in range(2)]

    assert codes == [200, 429]
    assert peer.http.get(result["output"]).status_code == 200


def test_fixed_window_starts_with_its_first_request():
    """Not with the clock's minute."""
    window = FixedWindow(2, 60.0)

    assert [window.admit(t) for t in (30.0, 80.0, 89.0, 90.0, 91.0, 149.0)] == [
        None,
        None,
        90.0,
        None,
        None,
        150.0,
    ]


def test_token_bucket_fills_evenly():
    """Ten a second after a burst of two; a refused request takes nothing."""
    bucket = TokenBucket(10.0, 2)
    admitted = [bucket.admit(t) for t in (0.0, 0.0, 0.0, 0.05, 0.125, 0.15)]

    assert [at is None for at in admitted] == [True, True, False, False, True, False]
    assert admitted[2] == pytest.approx(0.1)
    assert admitted[5] == pytest.approx(0.2)


def test_token_bucket_over_the_wire(make_peer, clock):
    """600 a minute let ten in at once, then one every 100 ms."""
    peer = make_peer(rate_limit=600, rate_kind="token", clock=clock)
    codes = [peer.post().status_code for _ in range(11)]
    clock.now += 0.1

    assert codes == [200] * 10 + [429]
    assert [peer.post().status_code, peer.post().status_code] == [200, 429]


@pytest.mark.parametrize(
    ("reset_format", "text"),
    [("iso", "2023-11-14T22:13:20.250Z"), ("epoch", "1700000001"), ("epoch_ms", "1700000000250")],
)
def test_reset_formats(reset_format, text):
    """A reset is written in one of three ways, never earlier than it is."""
    assert write_reset(1_700_000_000.25, reset_format=reset_format) == text
