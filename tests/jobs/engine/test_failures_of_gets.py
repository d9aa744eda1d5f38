"""What each failure of a free call does, through `df.sam.segment`: polls, results, downloads, limits, the history."""

from __future__ import annotations

import sqlite3

import pandas as pd
import pytest

from samframe import errors
from samframe.server import Fault
from samframe.testing import Chaos

GET_MOVES = [
    Chaos.RESET_AFTER_HEADERS,
    Chaos.RESET_AFTER_BODY,
    Chaos.CLOSE_AFTER_BODY,
    Chaos.HALF_HEADERS,
    Chaos.HALF_ANSWER,
    Chaos.HALF_ANSWER_RESET,
    Chaos.SHORT_LENGTH,
    Chaos.LONG_LENGTH,
    Chaos.BROKEN_CHUNKS,
    Chaos.GZIP_BOMB,
    Chaos.GARBAGE,
    Chaos.BAD_GATEWAY,
    Chaos.HTML_OK,
]


@pytest.mark.parametrize("move", GET_MOVES)
def test_a_get_that_goes_wrong_is_healed_without_a_post(chaos_world, move):
    """Asking again is free: the first two results and downloads go wrong, the third are right.

    An output that is refused for its encoding is left to the next call.
    """
    for on in ("result",) if move is Chaos.GZIP_BOMB else ("result", "output"):
        for call in (1, 2):
            chaos_world.server.script(move, on=on, call=call)

    out = chaos_world.run(1)

    assert out["status"].tolist() == ["completed"]
    assert len(chaos_world.server.billed) == 1


@pytest.mark.parametrize("move", [Chaos.DEEP_JSON, Chaos.HUGE_JSON, Chaos.FOREIGN_URLS, Chaos.ODD_ID])
def test_a_result_with_ill_will_is_healed(chaos_world, move):
    """JSON of any depth and size, and ids and URLs of another host, are asked for again or ignored."""
    chaos_world.server.script(move, on="result", call=1)

    out = chaos_world.run(1)

    assert out["status"][0] == ("unread" if move is Chaos.FOREIGN_URLS else "completed")
    assert len(chaos_world.server.billed) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault.DROP_ANSWER,
        Fault.HALF_ANSWER,
        Fault.SERVER_ERROR_500,
        Fault.BAD_GATEWAY_502,
        Fault.UNAVAILABLE_503,
        Fault.GATEWAY_TIMEOUT_504,
        Fault.TRUNCATED_JSON,
        Fault.STUCK_QUEUED,
        Fault.STUCK_PROCESSING,
        Fault.EXPIRED,
        Fault.NO_COST,
        Fault.NAN_COST,
    ],
)
def test_trouble_with_results_costs_nothing(world, fault):
    """Five rows, the first eight results go wrong: every row completes, each is billed once."""
    world.server.script(fault, on="result", times=8)

    out = world.run(5)

    assert (out["status"] == "completed").all()
    assert (world.server.counters.submits, world.server.counters.billed) == (5, 5)


def test_a_server_that_refuses_early_results_is_asked_for_the_status(make_world):
    """Where a result answers 400 before the job is done, the status is polled."""
    world = make_world(early_result="refuse", latency_s=1.3)

    out = world.run(3)

    assert (out["status"] == "completed").all()
    assert world.server.counters.polls > 0
    assert world.server.counters.submits == 3


def test_a_429_holds_everybody_and_costs_nothing(world):
    """After the reset every row goes through, none twice."""
    world.server.script(Fault.RATE_LIMITED, times=1, reset_in_s=0.2)

    out = world.run(3)

    assert (out["status"] == "completed").all()
    assert (world.server.counters.billed, world.server.counters.submits) == (3, 4)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-rate-limit-reset-at-utc": "soon"},
        {"x-rate-limit-reset-at-utc": "2001-01-01T00:00:00Z"},
        {"x-rate-limit-reset-at-utc": "", "retry-after": "-1"},
        {"x-rate-limit-reset-at-utc": "nan", "retry-after": "nan"},
    ],
)
def test_a_429_with_an_odd_header_is_waited_out(world, headers):
    """In the past, garbage or empty: the run waits a little and goes on."""
    world.server.script(Fault.RATE_LIMITED, times=1, headers=headers)

    out = world.run(2)

    assert (out["status"] == "completed").all()


@pytest.mark.parametrize("on", ["result", "output"])
def test_a_429_on_a_get_costs_no_post(world, on):
    """Polls and downloads may be limited too."""
    world.server.script(Fault.RATE_LIMITED, on=on, times=1, reset_in_s=0.2)

    out = world.run(3)

    assert (out["status"] == "completed").all()
    assert world.server.counters.submits == 3


def test_a_401_in_the_middle_keeps_the_ids(make_world):
    """The key is withdrawn while jobs run: they are told as running, and the next run collects them free."""
    world = make_world(latency_s=0.3)
    world.server.script(Fault.UNAUTHORIZED_401, on="result", times=None)

    with pytest.raises(errors.AuthenticationError) as caught:
        world.run(2)
    world.server.heal()
    out = world.run(2)

    assert "running" in set(caught.value.frame["status"])
    assert (out["status"] == "completed").all()
    assert world.server.counters.billed == 2


def test_an_expired_record_is_found_in_the_history(world):
    """A run that ended after its submit: an hour later the history still has the output."""
    world.server.script(Fault.UNAUTHORIZED_401, on="result", times=None)
    with pytest.raises(errors.AuthenticationError):
        world.run(1)
    world.server.heal()
    world.server.settle()
    world.server.expire()
    age(world.store, hours=2)
    out = world.run(1)

    assert out["status"].tolist() == ["completed"]
    assert world.server.counters.history == 1
    assert world.server.counters.submits == 1


def test_a_job_that_the_history_does_not_know_is_lost(world):
    """Told as lost and probably billed; with consent the history is asked once more before it is paid again."""
    world.server.script(Fault.UNAUTHORIZED_401, on="result", times=None)
    with pytest.raises(errors.AuthenticationError):
        world.run(1)
    world.server.heal()
    world.server.expire()
    age(world.store, hours=2)
    world.server.script(Fault.EXPIRED, on="history_item", times=None)
    first, second = world.run(1), world.run(1)
    world.server.heal()
    third = world.run(1, retry="lost")

    assert [out["status"][0] for out in (first, second, third)] == ["lost", "lost", "completed"]
    assert 'retry="lost"' in first["error"][0]
    assert world.server.counters.submits == 1


def age(store, *, hours):
    """Let the ledger's submits be that much older."""
    database = sqlite3.connect(store / "ledger.sqlite3")
    with database:
        database.execute("UPDATE jobs SET submitted_at = submitted_at - ?", [hours * 3600])
    database.close()


def test_a_job_in_doubt_is_found_in_the_history(world):
    """An image of a URL and the same prompt: the lost answer's job is collected, without a second POST."""
    url = world.client.hosts.gateway + "/assets/none.png"
    df = pd.DataFrame({"image": [url], "prompt": ["boy"]})
    world.server.script(Fault.DROP_ANSWER)
    first = world.run(df)
    world.server.settle()
    second = world.run(df)

    assert first["status"].tolist() == ["in_doubt"]
    # The local server cannot fetch such a URL: that the job FAILED is what its history tells.
    assert second["status"].tolist() == ["failed"]
    assert world.server.counters.submits == 1


def test_a_history_of_other_jobs_proves_nothing(world):
    """The same image with another prompt, or the same prompt with another image, is another job."""
    url = world.client.hosts.gateway + "/assets/none.png"
    others = pd.DataFrame({"image": [url, url + "?2"], "prompt": ["girl", "boy"]})
    df = pd.DataFrame({"image": [url], "prompt": ["boy"]})
    world.run(others)
    world.server.script(Fault.DROP_BEFORE)
    first, second = world.run(df), world.run(df)

    assert first["status"].tolist() == second["status"].tolist() == ["in_doubt"]
    assert world.server.counters.accepted == 2
