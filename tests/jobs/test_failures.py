"""What each failure does, through `df.sam.segment`: the lines of the failure table, with the server's own bill."""

from __future__ import annotations

import sqlite3

import pandas as pd
import pytest

from samframe import errors
from samframe.server import Fault
from samframe.testing import Chaos

RUN_STOPPERS = [
    (Fault.UNAUTHORIZED_401, errors.AuthenticationError, 401),
    (Fault.FORBIDDEN_403, errors.PermissionDeniedError, 403),
    (Fault.MODEL_UNKNOWN_404, errors.ModelUnavailableError, 404),
    (Fault.WRONG_VERB_405, errors.ModelUnavailableError, 405),
    (Fault.NO_CREDITS_406, errors.CreditsError, 406),
    (Fault.RETIRED_410, errors.ModelUnavailableError, 410),
    (Fault.REDIRECT_307, errors.ContractError, 307),
]


@pytest.mark.parametrize(("fault", "kind", "status"), RUN_STOPPERS)
def test_what_stops_the_run(world, fault, kind, status):
    """One call tells it, one exception says it, the frame is on it, and nothing was charged."""
    world.server.script(fault, times=None)

    with pytest.raises(kind) as caught:
        world.run(5)

    assert caught.value.status_code == status
    assert caught.value.frame["status"].tolist() == ["cancelled"] * 5
    assert caught.value.frame["error"].str.contains("Nothing was charged").all()
    assert (world.server.counters.submits, world.server.counters.accepted) == (1, 0)


@pytest.mark.parametrize(("fault", "kind", "status"), [RUN_STOPPERS[0], RUN_STOPPERS[4]])
def test_a_run_that_was_stopped_goes_on_where_it_ended(world, fault, kind, status):
    """Rows done before are kept on the exception; the next call pays for the rest alone."""
    world.server.script(fault, after=2, times=None)
    with pytest.raises(kind) as caught:
        world.run(6)
    world.server.heal()
    done = (caught.value.frame["status"] == "completed").sum()
    out = world.run(6)

    assert done >= 2
    assert (out["status"] == "completed").all()
    assert world.server.counters.billed == 6


def test_a_refused_content_type_is_the_servers_contract(serve_json, tmp_path):
    """406 "Invalid content type" is no lack of credits."""
    world = serve_json(406, {"error": "Invalid content type"})

    with pytest.raises(errors.ContractError, match="form"):
        world.run(2)


def test_credits_that_are_short_tell_the_balance(make_world):
    """The exception names what is left and what the rest would need; what was paid is kept."""
    world = make_world(credits_usd=0.005)

    with pytest.raises(errors.CreditsError, match=r"\$0\.001") as caught:
        world.run(5)

    assert (caught.value.frame["status"] == "completed").sum() == 2
    assert world.server.counters.billed == 2


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_input_fails_its_row_alone(serve_json, status):
    """Each row is asked for once, and says what the API said; the run goes on."""
    world = serve_json(status, {"error": "prompt too long"})

    out = world.run(3)

    assert out["status"].tolist() == ["failed"] * 3
    assert out["error"].str.contains("prompt too long").all()
    assert out["error"].str.contains("Not billed").all()
    assert len(world.server.seen) == 3


def test_a_refused_row_leaves_the_others(world):
    """422 on one submit of three."""
    world.server.script(Fault.REFUSED_BODY_422, times=1)

    out = world.run(3)

    assert sorted(out["status"]) == ["completed", "completed", "failed"]
    assert world.server.counters.submits == 3


def test_a_server_error_is_tried_three_times(world):
    """A 500 with a JSON error refused the job for certain: two retries, then the row failed."""
    world.server.script(Fault.SERVER_ERROR_500, times=None)

    out = world.run(1)

    assert out["status"].tolist() == ["failed"]
    assert out["attempts"].tolist() == [3]
    assert (world.server.counters.submits, world.server.counters.billed) == (3, 0)


def test_a_server_error_that_passes_is_healed(world):
    """The second try goes through, and is billed once."""
    world.server.script(Fault.SERVER_ERROR_500, times=1)

    out = world.run(1)

    assert out["status"].tolist() == ["completed"]
    assert world.server.counters.billed == 1


LOST = [
    (Fault.BAD_GATEWAY_502, True),
    (Fault.UNAVAILABLE_503, True),
    (Fault.GATEWAY_TIMEOUT_504, True),
    (Fault.BAD_GATEWAY_502, False),
    (Fault.DROP_ANSWER, True),
    (Fault.DROP_BEFORE, False),
    (Fault.HALF_ANSWER, True),
    (Fault.TRUNCATED_JSON, True),
    (Fault.NO_REQUEST_ID, True),
    (Fault.ODD_REQUEST_ID, True),
]


@pytest.mark.parametrize(("fault", "accepted"), LOST)
def test_a_lost_answer_is_never_posted_again(world, fault, accepted):
    """In doubt after one POST, in this run and in the next; with consent it is posted once more."""
    world.server.script(fault, times=1, accepted=accepted)
    first, second = world.run(1), world.run(1)
    submits = world.server.counters.submits
    third = world.run(1, retry="in_doubt")

    assert [first["status"][0], second["status"][0], third["status"][0]] == [
        "in_doubt",
        "in_doubt",
        "completed",
    ]
    assert submits == 1
    assert world.server.counters.submits == 2
    assert world.server.counters.accepted == 1 + accepted
    assert "may have cost $0.002" in first["error"][0]
    assert 'retry="in_doubt"' in first["error"][0]


@pytest.mark.parametrize(
    "move",
    [
        Chaos.RESET_AFTER_BODY,
        Chaos.CLOSE_AFTER_BODY,
        Chaos.HALF_HEADERS,
        Chaos.HALF_ANSWER,
        Chaos.HALF_ANSWER_RESET,
        Chaos.LONG_LENGTH,
        Chaos.BROKEN_CHUNKS,
        Chaos.GZIP_BOMB,
        Chaos.GARBAGE,
        Chaos.BAD_GATEWAY,
        Chaos.HTML_OK,
        Chaos.DEEP_JSON,
        Chaos.HUGE_JSON,
        Chaos.ODD_ID,
    ],
)
def test_a_submit_that_goes_wrong_below_http_is_billed_once(chaos_world, move):
    """The server bills first and faults after: one POST a row, whatever comes back, and in doubt."""
    chaos_world.server.script(move)

    out = chaos_world.run(2)

    assert out["status"].tolist() == ["in_doubt"] * 2
    assert len(chaos_world.server.billed) == 2


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
    """Asking again is free: the first two results and downloads go wrong, the third are right."""
    for on in ("result", "output"):
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

    assert out["status"][0] in {"completed", "failed"}
    assert out["status"][0] == ("failed" if move is Chaos.FOREIGN_URLS else "completed")
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


def test_a_failed_job_is_not_billed_and_not_sent_again(world):
    """FAILED is the row's own; the next run leaves it, retry="failed" sends it again."""
    df = pd.DataFrame({"image": world.frame()["image"], "prompt": ["nothing"]})
    first, second = world.run(df), world.run(df)
    submits = world.server.counters.submits
    world.run(df, retry="failed")

    assert first["status"].tolist() == second["status"].tolist() == ["failed"]
    assert "Not billed" in first["error"][0]
    assert (submits, world.server.counters.submits, world.server.counters.billed) == (1, 2, 0)


def test_not_sent_at_all_stops_the_run(world):
    """Nobody listens: three tries, then one exception that says that nothing was sent or charged."""
    world.server.stop()

    with pytest.raises(errors.ConnectionFailedError, match="nothing was sent or charged") as caught:
        world.run(4)

    assert caught.value.frame["status"].tolist() == ["cancelled"] * 4
    assert {attempt["outcome"] for attempt in world.attempts()} == {"not sent"}
    assert 3 <= len(world.attempts()) <= 12


def test_resets_before_anything_is_read_charge_nothing(chaos_world):
    """Every connection is reset on accept: no row is told as done, and nobody is billed."""
    chaos_world.server.script(Chaos.RESET_ON_CONNECT, on="connection")

    try:
        frame = chaos_world.run(2)
    except errors.ConnectionFailedError as error:
        frame = error.frame

    assert set(frame["status"]) <= {"cancelled", "in_doubt"}
    assert chaos_world.server.billed == ()


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
    """Told as lost and probably billed; it is paid again with consent alone."""
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
    assert world.server.counters.submits == 2


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


def test_the_key_is_in_no_file_and_no_frame(world):
    """The ledger with its journal, the artifacts, the frame, and the exception of a refused key."""
    world.server.script(Fault.DROP_ANSWER, times=1)
    out = world.run(3)
    world.server.script(Fault.UNAUTHORIZED_401, times=None)
    with pytest.raises(errors.AuthenticationError) as caught:
        world.run(5)
    frames = [out, caught.value.frame]
    shown = repr(caught.value) + "".join(str(frame.astype(object).to_dict()) for frame in frames)
    files = [path.read_bytes() for path in world.store.rglob("*") if path.is_file()]

    assert files
    assert b"feedface" not in b"".join(files) + shown.encode()
