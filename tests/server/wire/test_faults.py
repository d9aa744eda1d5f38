"""The fault plan: what each fault does to a request, and whether the job behind it was accepted."""

from __future__ import annotations

import io
import logging
import time

import httpx
import pytest
from PIL import Image

from samframe.server import Fault

RESET = "x-rate-limit-reset-at-utc"
ERRORS = [
    (Fault.RATE_LIMITED, 429),
    (Fault.UNAUTHORIZED_401, 401),
    (Fault.FORBIDDEN_403, 403),
    (Fault.MODEL_UNKNOWN_404, 404),
    (Fault.WRONG_VERB_405, 405),
    (Fault.NO_CREDITS_406, 406),
    (Fault.RETIRED_410, 410),
    (Fault.REFUSED_BODY_422, 422),
    (Fault.SERVER_ERROR_500, 500),
    (Fault.BAD_GATEWAY_502, 502),
    (Fault.UNAVAILABLE_503, 503),
    (Fault.GATEWAY_TIMEOUT_504, 504),
    (Fault.REDIRECT_307, 307),
]


@pytest.mark.parametrize(("fault", "status_code"), ERRORS)
@pytest.mark.parametrize("accepted", [False, True])
def test_error_answers_before_and_after_acceptance(peer, fault, status_code, accepted):
    """An error may come in place of the work or after it; the next request is well."""
    peer.server.script(fault, on="submit", accepted=accepted)
    codes = [peer.post().status_code, peer.post().status_code]

    assert codes == [status_code, 200]
    assert peer.server.counters.accepted == 1 + accepted


@pytest.mark.parametrize("fault", [Fault.BAD_GATEWAY_502, Fault.GATEWAY_TIMEOUT_504, Fault.WRONG_VERB_405])
def test_proxies_answer_in_html(peer, fault):
    """These come from a proxy, which knows no JSON."""
    peer.server.script(fault, on="status")
    answer = peer.status("x")

    assert answer.headers["content-type"].startswith("text/html")


def test_drop_before_accepts_nothing(peer):
    """The connection is closed before anything is done."""
    peer.server.script(Fault.DROP_BEFORE)

    with pytest.raises(httpx.TransportError):
        peer.post()
    assert (peer.server.counters.submits, peer.server.counters.accepted) == (1, 0)


@pytest.mark.parametrize("fault", [Fault.DROP_ANSWER, Fault.HALF_ANSWER])
def test_lost_answer_is_accepted_and_billed(peer, fault):
    """The job runs and is billed although its submit never got a whole answer."""
    peer.server.script(fault)

    with pytest.raises(httpx.TransportError):
        peer.post()
    peer.server.settle()
    assert (peer.server.counters.accepted, peer.server.counters.billed) == (1, 1)


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_ANSWER, Fault.HALF_ANSWER, Fault.HANG])
def test_lost_connections_are_quiet(peer, fault, caplog):
    """Nothing is logged about a connection that was closed on purpose."""
    peer.server.script(fault)

    with caplog.at_level(logging.WARNING), pytest.raises(httpx.TransportError):
        peer.http.post("/v2/sam-v2-image", json=peer.body(), timeout=0.3)
    peer.server.stop()
    assert caplog.records == []


@pytest.mark.parametrize("accepted", [False, True])
def test_hang_ends_with_the_clients_patience(peer, accepted):
    """No answer comes; whether the job was accepted is scripted."""
    peer.server.script(Fault.HANG, accepted=accepted)

    with pytest.raises(httpx.ReadTimeout):
        peer.http.post("/v2/sam-v2-image", json=peer.body(), timeout=0.2)
    assert peer.server.counters.accepted == accepted


def test_slow_body_takes_its_time(peer):
    """The body comes in drops: each read is quick, all of them together are not."""
    peer.server.script(Fault.SLOW_BODY, on="credits", delay_s=0.3)
    start = time.monotonic()
    answer = peer.http.get("/v1/get-user-credits", timeout=0.2)

    assert time.monotonic() - start >= 0.25
    assert answer.json()["credits"] == 0.0


@pytest.mark.parametrize(
    ("fault", "is_spoilt"),
    [
        (Fault.EMPTY_OUTPUT, lambda raw, good: raw == b""),
        (Fault.HTML_OUTPUT, lambda raw, good: raw.startswith(b"<html>")),
        (Fault.TRUNCATED_OUTPUT, lambda raw, good: raw == good[: len(good) // 2]),
        (
            Fault.CORRUPT_OUTPUT,
            lambda raw, good: len(raw) == len(good) and sum(map(int.__ne__, raw, good)) == 1,
        ),
    ],
)
def test_spoilt_files_come_with_200(peer, fault, is_spoilt):
    """A file may be spoilt while HTTP says that all is well; the next download is good."""
    url = peer.run()["output"]
    peer.server.script(fault, on="output")
    spoilt, good = peer.http.get(url), peer.http.get(url)

    assert (spoilt.status_code, good.status_code) == (200, 200)
    assert is_spoilt(spoilt.content, good.content)
    assert Image.open(io.BytesIO(good.content)).size == (64, 48)


def test_gone_output(peer):
    """A file may be missing once."""
    url = peer.run()["output"]
    peer.server.script(Fault.GONE_OUTPUT, on="output")

    assert [peer.http.get(url).status_code, peer.http.get(url).status_code] == [404, 200]


def test_truncated_json_is_framed_well(peer):
    """Half of the JSON, with a Content-Length that fits: only a parser can tell."""
    peer.server.script(Fault.TRUNCATED_JSON)
    answer = peer.post()

    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()
    assert peer.server.counters.accepted == 1


def test_submit_answers_that_break_the_contract(peer):
    """No id, an id that is a path, URLs of another host: each job was accepted."""
    for fault in (Fault.NO_REQUEST_ID, Fault.ODD_REQUEST_ID, Fault.FOREIGN_URLS):
        peer.server.script(fault)
    without, odd, foreign = (peer.post().json() for _ in range(3))

    assert "request_id" not in without
    assert odd["request_id"] == "../../x"
    assert foreign["status_url"].startswith("https://collector.example/")
    assert peer.server.counters.accepted == 3


def test_outputs_of_the_wrong_type(peer):
    """The output may be null, a list or an object, and the cost may be missing or NaN."""
    request_id = peer.run()["request_id"]
    faults = [Fault.OUTPUT_NULL, Fault.OUTPUT_LIST, Fault.OUTPUT_DICT, Fault.NO_COST, Fault.NAN_COST]
    for fault in faults:
        peer.server.script(fault, on="result")
    null, listed, held, no_cost, nan_cost = (peer.result(request_id).json() for _ in faults)
    url = peer.result(request_id).json()["output"]

    assert (null["output"], listed["output"], held["output"]) == (None, [url], {"url": url})
    assert "cost" not in no_cost["metrics"]
    assert nan_cost["metrics"]["cost"] != nan_cost["metrics"]["cost"]


def test_result_may_be_missing_once(peer):
    """COMPLETED, yet the result answers 404 the first time."""
    request_id = peer.run()["request_id"]
    peer.server.script(Fault.EXPIRED, on="result")

    assert [peer.result(request_id).status_code for _ in range(2)] == [404, 200]
    assert peer.status(request_id).status_code == 200


@pytest.mark.parametrize(
    ("fault", "state"), [(Fault.STUCK_QUEUED, "QUEUED"), (Fault.STUCK_PROCESSING, "PROCESSING")]
)
def test_stuck_for_ever_until_healed(peer, fault, state):
    """A job may look unfinished for ever; healing shows that it was done."""
    request_id = peer.run()["request_id"]
    peer.server.script(fault, on="status", times=None)
    stuck = {peer.status(request_id).json()["status"] for _ in range(5)}
    peer.server.heal()

    assert stuck == {state}
    assert peer.status(request_id).json()["status"] == "COMPLETED"


def test_job_fails(peer):
    """A submit may be accepted and its job doomed."""
    peer.server.script(Fault.JOB_FAILS)
    doomed, well = peer.submit(), peer.submit()
    peer.server.settle()

    assert [peer.status(doomed).status_code, peer.status(well).status_code] == [422, 200]
    assert (peer.server.counters.failed, peer.server.counters.billed) == (1, 1)


def test_rate_limited_names_its_reset(peer):
    """A scripted 429 carries a reset as far ahead as scripted, or a broken one."""
    peer.server.script(Fault.RATE_LIMITED, reset_in_s=3600.0)
    peer.server.script(Fault.RATE_LIMITED, headers={RESET: "soon", "retry-after": "nan"})
    ahead, broken = peer.post(), peer.post()

    assert ahead.headers[RESET].endswith("Z")
    assert (broken.headers[RESET], broken.headers["retry-after"]) == ("soon", "nan")
    assert peer.server.counters.refused_429 == 2


def test_redirect_leads_to_another_host(peer):
    """Where a redirect goes, the key must not."""
    peer.server.script(Fault.REDIRECT_307)

    assert peer.post().headers["location"] == "https://collector.example/v2/sam-v2-image"


def test_after_and_times(peer):
    """A rule may let some requests pass and meet several."""
    peer.server.script(Fault.UNAVAILABLE_503, after=1, times=2)

    assert [peer.post().status_code for _ in range(4)] == [200, 503, 503, 200]


def test_rules_are_met_in_order_and_by_endpoint(peer):
    """Each request takes the first rule that names its endpoint, or any."""
    peer.server.script(Fault.SERVER_ERROR_500, on="status")
    peer.server.script(Fault.UNAVAILABLE_503, on="any")

    assert [peer.post().status_code, peer.status("x").status_code, peer.post().status_code] == [503, 500, 200]


def test_unknown_endpoint_is_refused(peer):
    """A typing error in a test is told at once."""
    with pytest.raises(ValueError, match="names no endpoint"):
        peer.server.script(Fault.HANG, on="poll")


def test_json_faults_leave_files_alone(peer):
    """A fault of JSON that meets a file, or of a file that meets none, changes nothing."""
    url = peer.run()["output"]
    peer.server.script(Fault.NO_REQUEST_ID, on="any")
    peer.server.script(Fault.CORRUPT_OUTPUT, on="any")
    first, second = peer.http.get(url), peer.http.get("/v1/get-user-credits")

    assert Image.open(io.BytesIO(first.content)).size == (64, 48)
    assert second.status_code == 200
