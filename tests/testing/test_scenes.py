from __future__ import annotations

import numpy as np
import pytest

from samframe.server.engines.drawn import COLOURS, SHAPES
from samframe.server.engines.drawn.text import parse_prompt
from samframe.testing import REPORTING_SEEDS, STYLES, TUNING_SEEDS, make_scene

SEEDS = (1, 5003)


@pytest.fixture(scope="module", params=[(style, seed) for style in STYLES for seed in SEEDS], ids=str)
def scene(request):
    return make_scene(*request.param, size=256)


def test_a_scene_is_a_function_of_its_arguments():
    """The same style, seed and size give the same scene; another seed gives another."""
    first, again, other = (make_scene("clutter", seed, size=128) for seed in (3, 3, 4))

    assert np.array_equal(first.image, again.image)
    assert first.prompts.keys() == again.prompts.keys()
    assert not np.array_equal(first.image, other.image)


def test_the_stream_of_random_numbers_has_not_moved():
    """A scene's contents are pinned, so that figures of different days speak of the same scenes."""
    pinned = make_scene("flat", 1, size=128)

    assert (pinned.background, [(o.colour, o.shape) for o in pinned.objects]) == (
        "blue",
        [
            ("pink", "square"),
            ("grey", "cross"),
            ("yellow", "star"),
            ("grey", "ring"),
            ("pink", "circle"),
            ("green", "rectangle"),
        ],
    )


def test_a_scene_has_the_promised_parts(scene):
    """Four to seven objects with masks that share no pixel, in a uint8 image."""
    masks = np.array([o.mask for o in scene.objects])

    assert 4 <= len(scene.objects) <= 7
    assert (scene.image.shape, scene.image.dtype) == ((256, 256, 3), np.uint8)
    assert masks.sum(axis=0).max() == 1
    assert masks.sum(axis=(1, 2)).min() > 100
    assert all(o.shape in SHAPES and o.colour in COLOURS for o in scene.objects)


def test_points_lie_where_they_say(scene):
    """Positives lie on the visible part, removes outside it."""
    for i, o in enumerate(scene.objects):
        asked = scene.points(i, 3, 2)

        assert len(asked["points"]) == 3
        assert all(o.mask[y, x] for x, y in asked["points"])
        assert len(asked["remove_points"]) == 2
        assert not any(o.mask[y, x] for x, y in asked["remove_points"])


def test_prompts_mean_their_masks(scene):
    """Every prompt is in the grammar, its mask is not empty, and the background is all but the objects."""
    for prompt, truth in scene.prompts.items():
        parse_prompt(prompt)

        assert truth.any(), prompt
    objects = np.logical_or.reduce([o.mask for o in scene.objects])
    assert np.array_equal(scene.prompts["background"], ~objects)


def test_a_colour_and_shape_means_all_that_have_both():
    """Two crosses of one colour make one prompt, in the plural, with the union."""
    scene = make_scene("flat", 2, size=256)
    crosses = [o.mask for o in scene.objects if (o.colour, o.shape) == ("white", "cross")]

    assert len(crosses) == 2
    assert np.array_equal(scene.prompts["white crosses"], crosses[0] | crosses[1])


def test_absent_things_are_absent(scene):
    """No object has the colour and shape that an absent prompt asks for."""
    assert scene.absent_prompts
    for prompt in scene.absent_prompts:
        query = parse_prompt(prompt)
        matches = [
            o for o in scene.objects if query.colour in (None, o.colour) and query.shape in (None, o.shape)
        ]

        assert matches == [], prompt


def test_clutter_hides_some_and_never_most():
    """Objects cover one another, and at least .6 of each stays visible."""
    visible = [o.visible for seed in range(5000, 5004) for o in make_scene("clutter", seed, size=128).objects]

    assert min(visible) >= 0.58
    assert min(visible) < 0.95


def test_camouflage_is_of_one_colour():
    """Only the pattern tells objects from the ground."""
    scene = make_scene("camo", 5, size=128)

    assert {o.colour for o in scene.objects} == {scene.background}


def test_tuning_and_reporting_share_no_seed():
    """A figure is never reported on a seed that was tuned on."""
    assert not set(TUNING_SEEDS) & set(REPORTING_SEEDS)


@pytest.mark.parametrize(("style", "size"), [("cubist", 256), ("flat", 63)])
def test_an_unknown_style_or_a_tiny_size_is_an_error(style, size):
    """The message says what is wrong."""
    with pytest.raises(ValueError, match="must be"):
        make_scene(style, 0, size=size)
