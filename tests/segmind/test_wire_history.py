"""The request history as it may come: envelopes that nobody documented, odd rows, errors."""

from __future__ import annotations

import json

import pytest

from samframe.segmind import CallError, Failure, RemoteState
from samframe.segmind.wire import read_history

ID = "0f8b1f0e-6a3e-4c8e-9d3a-1b2c3d4e5f60"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def as_json(**fields):
    return json.dumps(fields).encode()


def failure(read, status, body=b"", headers=None):
    with pytest.raises(CallError) as caught:
        read(status, headers or {}, body)
    return caught.value


def row(**fields):
    return {
        "request_id": "6ac958bd-14f4-465f-96d0-d8275682cacf",
        "model_status": "COMPLETED",
        "request_body": {"image": "https://x/a.png", "prompt": "boy"},
        "generation_url": "https://images.segmind.com/a.png",
    } | fields


ONE = row(request_id=ID)
OTHER = row()


@pytest.mark.parametrize(
    "envelope",
    [
        [ONE, OTHER],
        {"data": [ONE, OTHER]},
        {"data": {"rows": {"items": [ONE, OTHER]}}},
        {"columns": ["request_id", "error"], "data": [ONE, OTHER]},
        {"errors": [], "data": [ONE, OTHER]},
        {"filters": [{"name": "model"}], "results": [ONE, OTHER]},
        {"request_id": "6ac958bd-14f4-465f-96d0-d8275682cacf", "data": [ONE, OTHER]},
        {"edges": [{"node": ONE}, {"node": OTHER}]},
        [[ONE, OTHER]],
    ],
    ids=repr,
)
def test_history_rows_are_found_in_any_envelope(envelope):
    """The envelope is not documented: rows are found at any depth, in their order."""
    rows = read_history(200, {}, json.dumps(envelope).encode())

    assert [row.request_id for row in rows] == [ONE["request_id"], OTHER["request_id"]]


@pytest.mark.parametrize("envelope", [ONE, {"data": ONE}, {"success": True, "data": [ONE]}], ids=repr)
def test_one_request_of_the_history_in_any_envelope(envelope):
    """A single request's answer may be the row itself."""
    assert [row.request_id for row in read_history(200, {}, json.dumps(envelope).encode())] == [ID]


@pytest.mark.parametrize("empty", [[], {}, {"data": []}, {"data": None}, "x", 5, {"data": [1, "x", None]}])
def test_a_history_without_rows_is_empty(empty):
    """Nothing found is no error."""
    assert read_history(200, {}, json.dumps(empty).encode()) == []


def test_the_inputs_may_come_as_json_text():
    """request_body is the inputs, or their JSON text."""
    text = json.dumps({"image": "https://x/a.png", "prompt": "boy"})
    rows = read_history(
        200, {}, json.dumps([row(request_body=text), row(request_body="{"), row(request_body=5)]).encode()
    )

    assert [row.inputs for row in rows] == [{"image": "https://x/a.png", "prompt": "boy"}, {}, {}]


def test_rows_with_odd_ids_are_left_out():
    """An id that is no UUID is never built into a URL."""
    rows = read_history(200, {}, json.dumps([row(request_id="../../x"), row(request_id=None), ONE]).encode())

    assert [row.request_id for row in rows] == [ID]


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("COMPLETED", RemoteState.COMPLETED),
        ("SUCCESS", RemoteState.COMPLETED),
        ("failed", RemoteState.FAILED),
        ("PENDING", RemoteState.QUEUED),
        ("???", None),
        (None, None),
    ],
)
def test_states_of_the_history(word, state):
    """The history has words of its own; one that is not known is no state."""
    assert read_history(200, {}, json.dumps([row(model_status=word)]).encode())[0].state is state


def test_a_deep_history_is_walked_without_recursion():
    """Nesting that JSON just takes does not exhaust Python's stack."""
    body = b"[" * 900 + json.dumps(ONE).encode() + b"]" * 900

    assert [row.request_id for row in read_history(200, {}, body)] == [ID]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"", Failure.NOT_FOUND),
        (401, b"", Failure.UNAUTHENTICATED),
        (500, b"", Failure.LOST),
        (200, HTML, Failure.LOST),
        (429, b"", Failure.RATE_LIMITED),
        (302, b"", Failure.REDIRECTED),
    ],
)
def test_errors_of_the_history(status, body, kind):
    """The history fails like every other GET."""
    assert failure(read_history, status, body).kind is kind
