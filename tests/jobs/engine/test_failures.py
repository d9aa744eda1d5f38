"""What each failure of a submit does, through `df.sam.segment`: lines of the failure table, with the server's bill."""

from __future__ import annotations

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


def test_a_server_error_is_waited_out(world):
    """A 500 with a JSON error refused the job for certain: asked again for a minute, twelve times at most."""
    world.server.script(Fault.SERVER_ERROR_500, times=None)

    out = world.run(1)

    assert out["status"].tolist() == ["failed"]
    assert out["attempts"].tolist() == [12]
    assert (world.server.counters.submits, world.server.counters.billed) == (12, 0)


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
    ],
)
def test_a_submit_that_goes_wrong_below_http_is_billed_once(chaos_world, move):
    """The server bills first and faults after: one POST a row, whatever comes back, and in doubt."""
    chaos_world.server.script(move)

    out = chaos_world.run(2)

    assert out["status"].tolist() == ["in_doubt"] * 2
    assert len(chaos_world.server.billed) == 2


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
