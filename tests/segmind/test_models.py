"""Profiles of models: what each takes, the exact body it is sent, and what is refused before that."""

import pytest

import samframe
from samframe.errors import OptionError
from samframe.segmind import SAM2, SAM3, Model, Setting, encode_body, find_model

ASKED = {
    "image": "u",
    "prompt": None,
    "points": (),
    "remove_points": (),
    "boxes": (),
    "overlay_mask": False,
    "base64": False,
    "several": False,
    "own": (),
}


@pytest.mark.parametrize(
    ("model", "asked", "body"),
    [
        (SAM2, {"prompt": "a"}, b'{"image": "u", "overlay_mask": false, "base64": false, "prompt": "a"}'),
        (
            SAM2,
            {"points": ((1, 2),), "base64": True},
            b'{"image": "u", "overlay_mask": false, "base64": true, "coordinates": "[1,2]"}',
        ),
        (
            SAM2,
            {"points": ((1, 2), (3, 4)), "remove_points": ((5, 6),), "overlay_mask": True},
            (
                b'{"image": "u", "overlay_mask": true, "base64": false, "coordinates": "[[1,2],[3,4]]", '
                b'"remove_coordinates": "[5,6]"}'
            ),
        ),
        (
            SAM3,
            {"prompt": "a"},
            (
                b'{"image": "u", "return_preview": true, "return_overlay": false, "return_masks": false, '
                b'"text_prompt": "a"}'
            ),
        ),
        (
            SAM3,
            {"points": ((300, 400),)},
            (
                b'{"image": "u", "return_preview": true, "return_overlay": false, "return_masks": false, '
                b'"points_input": "[[300,400]]", "point_labels_input": "[[1]]"}'
            ),
        ),
        (
            SAM3,
            {"points": ((1, 2), (3, 4)), "remove_points": ((5, 6),), "several": True},
            (
                b'{"image": "u", "return_preview": false, "return_overlay": false, "return_masks": true, '
                b'"points_input": "[[1,2],[3,4],[5,6]]", "point_labels_input": "[[1,1,0]]"}'
            ),
        ),
        (
            SAM3,
            {"prompt": "a", "boxes": ((1, 2, 3, 4),), "overlay_mask": True, "own": (("threshold", 0.4),)},
            (
                b'{"image": "u", "return_preview": false, "return_overlay": true, "return_masks": false, '
                b'"text_prompt": "a", "boxes_input": "[[1,2,3,4]]", "threshold": 0.4}'
            ),
        ),
    ],
)
def test_the_exact_body(model, asked, body):
    """Each model gets its own fields, and only those that there is something for."""
    assert encode_body(model.body(**{**ASKED, **asked})) == body


def test_a_slug_without_a_profile_is_named_with_the_way_out():
    """The message names the known models and how to give one's own."""
    with pytest.raises(
        OptionError, match=r"(?s)sam3-imag.*Did you mean 'sam3-image'.*samframe\.Model\(slug="
    ):
        find_model("sam3-imag")


@pytest.mark.parametrize("model", ["", None, 3, " "])
def test_no_slug(model):
    """What is no text is no slug."""
    with pytest.raises(OptionError, match="slug of a model"):
        find_model(model)


def test_a_profile_of_ones_own():
    """Its fields are used as they are named, and it needs one input at least."""
    own = Model(
        slug="mine", prompt=None, points="clicks", settings=(Setting(name="k", kind="integer", least=1),)
    )

    assert find_model(own) is own
    assert own.body(**{**ASKED, "prompt": "left out", "points": ((1, 2),)}) == {
        "image": "u",
        "clicks": "[1,2]",
    }
    with pytest.raises(OptionError, match="neither a prompt nor points nor boxes"):
        Model(slug="none", prompt=None, points=None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"threshhold": 0.4}, "Did you mean 'threshold'"),
        ({"threshold": 2}, "a number from 0.1 to 1"),
        ({"threshold": "0.4"}, "a number from 0.1 to 1"),
        ({"threshold": float("nan")}, "a number from 0.1 to 1"),
        ({"max_masks": 1.5}, "a whole number from 0 to 100"),
        ({"max_masks": True}, "a whole number from 0 to 100"),
        ([("threshold", 0.4)], "a mapping"),
    ],
)
def test_parameters_are_checked(given, words):
    """Names and ranges are checked before anything is sent."""
    with pytest.raises(OptionError, match=words):
        SAM3.check_parameters(given)


def test_a_parameter_at_its_default_is_not_sent():
    """It would make another key for the same job."""
    assert SAM3.check_parameters({"threshold": 0.5, "max_masks": 3}) == (("max_masks", 3),)
    with pytest.raises(OptionError, match="no parameters of its own"):
        SAM2.check_parameters({"threshold": 0.5})


def test_requests_are_compared_whatever_their_writing():
    """The history may tell numbers as lists, and leave out what is at its default."""
    body = SAM3.body(**{**ASKED, "prompt": "a ", "points": ((1, 2),), "own": (("threshold", 0.4),)})
    told = {"image": "u", "text_prompt": "a", "points_input": [[1, 2]], "threshold": 0.4}

    assert SAM3.facts_of(body) == SAM3.facts_of(told)
    assert SAM3.facts_of(body) != SAM3.facts_of({**told, "threshold": 0.3})


def test_models_as_a_frame():
    """One row a model: what it takes, what it costs."""
    table = samframe.models()

    assert table["slug"].tolist() == ["sam-v2-image", "sam3-image"]
    assert table["boxes"].tolist() == [False, True]
    assert table["price_usd"].tolist() == [0.002, 0.005]
