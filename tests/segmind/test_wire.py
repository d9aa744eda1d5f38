"""The pure wire: every row of the contract's error table, and broken answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from samframe.ground.contract import RESET_HEADER
from samframe.segmind import CallError, Failure, RemoteState, encode_body
from samframe.segmind.wire import read_credits, read_history, read_job, read_submit, read_upload

ID = "0f8b1f0e-6a3e-4c8e-9d3a-1b2c3d4e5f60"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def as_json(**fields):
    return json.dumps(fields).encode()


def failure(read, status, body=b"", headers=None):
    with pytest.raises(CallError) as caught:
        read(status, headers or {}, body)
    return caught.value


SUBMIT_ERRORS = [
    (400, as_json(error="image is required"), Failure.BAD_INPUT),
    (401, as_json(error="Invalid API key"), Failure.UNAUTHENTICATED),
    (401, HTML, Failure.UNAUTHENTICATED),
    (403, as_json(error="not allowed"), Failure.FORBIDDEN),
    (404, as_json(error="Model x not found"), Failure.NO_MODEL),
    (404, HTML, Failure.NO_MODEL),
    (405, HTML, Failure.NO_MODEL),
    (406, as_json(error="Insufficient credits"), Failure.NO_CREDITS),
    (406, as_json(error="Team spend limit reached"), Failure.NO_CREDITS),
    (406, b"", Failure.NO_CREDITS),
    (406, as_json(error="Invalid content type"), Failure.BAD_CONTENT_TYPE),
    (406, as_json(error="Content-Type must be JSON"), Failure.BAD_CONTENT_TYPE),
    (406, as_json(error="overlay_mask must be boolean"), Failure.BAD_INPUT),
    (408, b"", Failure.LOST),
    (410, as_json(error="retired"), Failure.RETIRED),
    (413, HTML, Failure.BAD_INPUT),
    (422, as_json(error="Unprocessable"), Failure.BAD_INPUT),
    (422, as_json(status="FAILED", error="Unprocessable"), Failure.BAD_INPUT),
    (429, as_json(error="Rate limit"), Failure.RATE_LIMITED),
    (500, as_json(error="Internal server error"), Failure.SERVER_ERROR),
    (500, HTML, Failure.LOST),
    (500, b"[1]", Failure.LOST),
    (502, as_json(error="x"), Failure.LOST),
    (502, HTML, Failure.LOST),
    (503, b"", Failure.LOST),
    (504, HTML, Failure.LOST),
    (520, HTML, Failure.LOST),
    (301, HTML, Failure.REDIRECTED),
    (307, b"", Failure.REDIRECTED),
    (308, b"", Failure.REDIRECTED),
]


@pytest.mark.parametrize(("status", "body", "kind"), SUBMIT_ERRORS)
def test_each_error_of_a_submit_has_its_kind(status, body, kind):
    """Every row of the contract's error table, as the answer to a submit."""
    error = failure(read_submit, status, body)

    assert (error.kind, error.status_code) == (kind, status)


GET_ERRORS = [
    (400, as_json(error="not completed"), Failure.LOST),
    (401, as_json(error="Invalid API key"), Failure.UNAUTHENTICATED),
    (403, b"", Failure.FORBIDDEN),
    (404, as_json(error="Request not found"), Failure.NOT_FOUND),
    (404, HTML, Failure.NOT_FOUND),
    (405, HTML, Failure.NO_MODEL),
    (406, as_json(error="Insufficient credits"), Failure.NO_CREDITS),
    (408, b"", Failure.LOST),
    (422, HTML, Failure.LOST),
    (422, as_json(detail="no status"), Failure.LOST),
    (429, b"", Failure.RATE_LIMITED),
    (500, as_json(error="x"), Failure.LOST),
    (502, HTML, Failure.LOST),
    (503, b"", Failure.LOST),
    (200, HTML, Failure.LOST),
    (200, b"", Failure.LOST),
    (200, as_json(status=None), Failure.LOST),
    (200, as_json(request_id=ID), Failure.LOST),
    (302, b"", Failure.REDIRECTED),
]


@pytest.mark.parametrize(("status", "body", "kind"), GET_ERRORS)
def test_each_error_of_a_get_has_its_kind(status, body, kind):
    """Every row of the contract's error table, as the answer to a status or result call."""
    assert failure(read_job, status, body).kind is kind


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        HTML,
        as_json(status="QUEUED"),
        as_json(request_id=""),
        as_json(request_id=None),
        as_json(request_id=[ID]),
        as_json(request_id=ID)[:-3],
        b"\xff\xfe" + as_json(request_id=ID),
        b"[" * 100_000 + b"]" * 100_000,
        b'{"request_id": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_2xx_without_a_good_id_is_lost(body):
    """Such a submit may run and be billed: it is neither accepted nor refused."""
    assert failure(read_submit, 200, body).kind is Failure.LOST


@pytest.mark.parametrize("request_id", ["../../x", f"{{{ID}}}", f" {ID}", "a/b", "x" * 300])
def test_an_id_that_may_not_stand_in_a_path_is_foreign(request_id):
    """Such a job cannot be asked for: it is told by a kind of its own, and never taken for refused."""
    assert failure(read_submit, 200, as_json(request_id=request_id)).kind is Failure.FOREIGN_ID


@pytest.mark.parametrize("request_id", [17, ID.replace("-", ""), f"urn:uuid:{ID}", "job_8f3a"])
def test_an_id_need_not_be_a_uuid(request_id):
    """Whatever is safe in a path is the job's id."""
    assert read_submit(200, {}, as_json(request_id=request_id)) == str(request_id)


def test_an_unknown_status_is_told_in_its_own_word():
    """A job with a word that nobody knows is not done, and not lost."""
    answer = read_job(200, {}, as_json(request_id=ID, status="HALF_DONE"))

    assert answer.state not in {RemoteState.COMPLETED, RemoteState.FAILED}
    assert "HALF_DONE" in repr(answer)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_good_id_is_returned(status):
    """Any 2xx with a UUID is an accepted job, whatever else the answer holds or lacks."""
    assert read_submit(status, {}, as_json(request_id=ID, status_url="http://evil/x")) == ID


def test_an_upper_case_id_is_taken_as_it_came():
    """The API decides how it spells its ids."""
    assert read_submit(200, {}, as_json(request_id=ID.upper())) == ID.upper()


@pytest.mark.parametrize(
    ("metrics", "cost"),
    [
        ('{"cost": 0.002}', 0.002),
        ('{"cost": "0.002"}', 0.002),
        ('{"cost": NaN}', None),
        ('{"cost": Infinity}', None),
        ('{"cost": -1}', None),
        ('{"cost": true}', None),
        ('{"cost": null}', None),
        ('{"cost": [1]}', None),
        ('{"cost": "free"}', None),
        ('{"cost": ' + "9" * 400 + "}", None),
        ("{}", None),
        ("[]", None),
        ("null", None),
        ('"x"', None),
    ],
)
def test_a_cost_that_is_no_sum_is_none(metrics, cost):
    """Money is a finite number of at least 0, or unknown."""
    body = f'{{"status": "COMPLETED", "metrics": {metrics}}}'.encode()

    assert read_job(200, {}, body).metrics.cost == cost


def test_missing_metrics_are_unknown():
    """A result without metrics is a result."""
    answer = read_job(200, {}, as_json(status="COMPLETED", output="u"))

    assert (answer.state, answer.metrics.inference_time, answer.output) == (RemoteState.COMPLETED, None, "u")


def test_an_overdrawn_account_is_told():
    """A balance may be below 0, a cost may not."""
    answer = read_job(200, {}, as_json(status="COMPLETED", metrics={"remaining_credits": -0.5, "cost": -0.5}))

    assert (answer.metrics.remaining_credits, answer.metrics.cost) == (-0.5, None)


def test_a_failed_job_comes_as_422():
    """FAILED is served with HTTP 422 and carries its reason."""
    answer = read_job(422, {}, as_json(status="FAILED", error="Prompt is Mandatory"))

    assert (answer.state, answer.error) == (RemoteState.FAILED, "Prompt is Mandatory")


@pytest.mark.parametrize("status", ["completed", "Completed", "COMPLETED"])
def test_states_in_any_case(status):
    """A state is known by its word, not by its case."""
    assert read_job(200, {}, as_json(status=status)).state is RemoteState.COMPLETED


def test_a_deep_answer_to_a_poll_is_lost():
    """JSON nested 100,000 deep is noise, not a crash."""
    assert failure(read_job, 200, b'{"status":' + b"[" * 100_000 + b"]" * 100_000 + b"}").kind is Failure.LOST


def test_a_deep_error_text_is_no_crash():
    """An error that is itself nested nearly too deep to write is named by its kind."""
    for depth in (100, 900, 2000, 20_000):
        body = b'{"error": ' + b"[" * depth + b"]" * depth + b"}"

        assert failure(read_submit, 400, body).kind is Failure.BAD_INPUT


def test_an_error_is_one_short_printable_line():
    """Line breaks, terminal escapes, half characters and direction marks do not reach a row's error."""
    text = str(
        failure(read_submit, 400, b'{"error": "a\\nb\\u001b[31m\\ud800\\u202e c' + b"x" * 9999 + b'"}')
    )

    assert text.isprintable()
    assert text.startswith("a b [31m c")
    assert len(text) <= 300
    assert text.encode("utf-8")


def test_an_engine_name_with_half_a_character_can_be_stored():
    """What goes to the ledger can be written as UTF-8."""
    answer = read_job(200, {}, b'{"status": "COMPLETED", "engine": "x\\ud800y"}')

    assert answer.engine.encode("utf-8")


@pytest.mark.parametrize("field", ["error", "message", "detail"])
def test_the_words_of_an_error_are_found(field):
    """The text is taken from error, message or detail."""
    assert str(failure(read_submit, 400, as_json(**{field: "boy is no model"}))) == "boy is no model"


def test_a_429_tells_its_wait():
    """The reset is taken against the server's own Date."""
    headers = {RESET_HEADER: "1000000030", "date": "Sun, 09 Sep 2001 01:46:40 GMT"}

    assert failure(read_submit, 429, b"", headers).wait_s == 30


def test_a_429_without_a_usable_header_tells_none():
    """Garbage is no time."""
    assert failure(read_job, 429, b"", {RESET_HEADER: "soon", "retry-after": "nan"}).wait_s is None


@pytest.mark.parametrize("name", ["file_urls", "urls"])
def test_uploaded_urls_under_either_name(name):
    """The contract has two names for them."""
    assert read_upload(200, {}, as_json(**{name: ["https://a/1.png"]})) == ["https://a/1.png"]


@pytest.mark.parametrize("body", [b"", as_json(), as_json(file_urls="x"), as_json(file_urls=[1])])
def test_an_upload_without_urls_is_lost(body):
    """An upload's answer is checked before it is used."""
    assert failure(read_upload, 200, body).kind is Failure.LOST


def test_credits():
    """The balance may come as numbers or text, and may be overdrawn."""
    balance = read_credits(200, {}, b'{"credits": "12.5", "free-credits": 1}')
    overdrawn = read_credits(200, {}, b'{"credits": -2}')

    assert (balance.credits, balance.free_credits) == (12.5, 1.0)
    assert (overdrawn.credits, overdrawn.free_credits) == (-2.0, 0.0)


@pytest.mark.parametrize("body", [b"{}", b'{"credits": NaN}', b'{"credits": null}', b"[]", HTML])
def test_credits_that_are_no_number(body):
    """No balance is made up."""
    assert failure(read_credits, 200, body).kind is Failure.LOST


@settings(max_examples=200, deadline=None)
@given(image=st.text(max_size=40), prompt=st.none() | st.text(max_size=8))
@example(image='a"b', prompt=None)
@example(image="a\\u0041", prompt="x")
@example(image="iVBORw0KGgo=/+", prompt="a wheel")
def test_an_encoded_body_says_what_the_body_says(image, prompt):
    """Whatever is in the image's text, plain or to be escaped."""
    body = {"image": image, "overlay_mask": False, "base64": True, "prompt": prompt}

    assert json.loads(encode_body(body)) == body


READERS = (read_submit, read_job, read_history, read_upload, read_credits)


def words_of(read, status, body):
    """Return what a reader's CallError says, "" where it raises none. Another error is this test's failure."""
    try:
        read(status, {}, body)
    except CallError as error:
        return str(error)
    return ""


@settings(max_examples=100, deadline=None)
@given(status=st.integers(100, 599), body=st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_no_answer_raises_anything_but_a_call_error(status, body):
    """Whatever comes over the wire, a reader returns or raises CallError."""
    words = [words_of(read, status, body) for read in READERS]

    assert all(map(str.isprintable, words))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "error", "metrics", "request_id", "output", "x"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(status=st.sampled_from([200, 400, 404, 406, 422, 429, 500]), content=json_values)
def test_no_json_raises_anything_but_a_call_error(status, content):
    """Well-formed JSON of any shape under the contract's own names is read or refused."""
    body = json.dumps(content).encode()
    words = [words_of(read, status, body) for read in READERS]

    assert all(map(str.isprintable, words))
