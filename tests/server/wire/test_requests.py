"""What a job's parameters may be, and the words with which the others FAIL."""

from __future__ import annotations

import pytest

from samframe.server.wire.requests import JobRequest, read_points


def failure(peer, **fields):
    request_id = peer.submit(**fields)
    peer.server.settle()
    answer = peer.status(request_id)
    return answer.json().get("error") if answer.status_code == 422 else None


@pytest.mark.parametrize("prompt", [None, "", "  "])
def test_neither_prompt_nor_points_fails_the_job(peer, prompt):
    """A body without both is accepted and FAILS later, in the API's words."""
    assert failure(peer, prompt=prompt) == "Prompt is Mandatory and must be string"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"prompt": 7}, "Prompt is Mandatory and must be string"),
        ({"overlay_mask": "no"}, "overlay_mask must be boolean"),
        ({"base64": 1}, "base64 must be boolean"),
        ({"prompt": None, "coordinates": "[1]"}, "coordinates must be JSON text"),
        ({"prompt": None, "coordinates": [1, 2]}, "coordinates must be JSON text"),
        (
            {"prompt": None, "coordinates": "[1, 2]", "remove_coordinates": "x"},
            "remove_coordinates must be JSON",
        ),
    ],
)
def test_bad_parameters_surface_as_failed(peer, fields, words):
    """Wrong types are accepted and FAIL, naming the field."""
    assert words in failure(peer, **fields)


def test_points_alone_make_a_job(peer):
    """A row with coordinates only needs no prompt."""
    assert failure(peer, prompt=None, coordinates="[3, 4]", remove_coordinates="[[5, 6]]") is None


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("[834,74]", ((834.0, 74.0),)),
        ("[[839,74],[844,20.5]]", ((839.0, 74.0), (844.0, 20.5))),
        ("[]", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_points_are_read(text, points):
    """One point or a list of points, x before y."""
    assert read_points(text, name="coordinates") == points


@pytest.mark.parametrize(
    "text",
    ["{}", "[1]", "[1,2,3]", "[[1,2],3]", '["1","2"]', "[true,1]", "[NaN,1]", "[1,2", "7", "[[[1,2]]]"],
)
def test_other_text_is_no_point(text):
    """Everything else is refused, and the message shows what is right."""
    with pytest.raises(ValueError, match=r"coordinates must be JSON text such as"):
        read_points(text, name="coordinates")


def test_prompt_wins_over_points():
    """With a prompt, coordinates are not even read."""
    request = JobRequest.read({"image": "x", "prompt": "boy", "coordinates": "broken"})

    assert (request.prompt, request.points) == ("boy", ())


def test_defaults_are_the_apis():
    """overlay_mask is true and base64 false where they are not sent."""
    request = JobRequest.read({"image": "x", "prompt": "boy"})

    assert (request.overlay_mask, request.inline) == (True, False)
