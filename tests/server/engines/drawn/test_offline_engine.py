from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from samframe.errors import SamframeError
from samframe.server.engines.drawn import ENGINE_NAME, EngineRefused


def test_a_point_selects_the_thing_under_it(engine, card):
    """One point on the red square gives the square, not the other red thing."""
    found = engine.segment(card, points=[(35, 35)])

    assert found.mask[20:50, 20:50].mean() > 0.98
    assert found.mask.sum() < 1.03 * 900


def test_the_answer_names_its_engine(engine, card):
    """No mask of the offline engine passes for SAM 2's."""
    found = engine.segment(card, points=[(35, 35)])

    assert found.detail["engine"] == ENGINE_NAME
    assert ENGINE_NAME.startswith("offline/")
    assert 0 < found.score <= 1


def test_several_points_give_the_union(engine, card):
    """A point on each of two things selects both."""
    found = engine.segment(card, points=[(35, 35), (55, 90)])

    assert found.mask.sum() == pytest.approx(1800, rel=0.04)


def test_fractions_of_a_pixel_belong_to_the_pixel(engine, card):
    """A point at 49.9 lies in column 49, the square's last."""
    assert engine.segment(card, points=[(49.9, 49.9)]).mask.sum() == pytest.approx(900, rel=0.04)


@pytest.mark.parametrize(
    ("prompt", "pixels"),
    [
        ("red square", 900),
        ("red objects", 900 + 2821),
        ("squares", 1800),
        ("blue", 900),
        ("largest object", 2821),
        ("leftmost red object", 900),
        ("bottommost square", 900),
        ("background", 24000 - 1800 - 2821),
    ],
)
def test_text_selects_by_colour_shape_and_rank(engine, card, prompt, pixels):
    """A prompt without a rank means all that match; a rank means one."""
    assert engine.segment(card, prompt=prompt).mask.sum() == pytest.approx(pixels, rel=0.03)


@pytest.mark.parametrize("prompt", ["green square", "blue circle", "red star", "white square"])
def test_what_is_not_there_is_refused(engine, card, prompt):
    """The engine never falls back to some other thing, nor to the background."""
    with pytest.raises(EngineRefused, match=f"nothing in the image matches '{prompt}'"):
        engine.segment(card, prompt=prompt)


def test_with_a_prompt_points_are_ignored(engine, card):
    """As on the wire: not even a point outside the image matters beside a prompt."""
    found = engine.segment(card, prompt="blue square", points=[(9999, -1)], remove_points=[(55, 90)])

    assert found.mask[90, 55]


@pytest.mark.parametrize("point", [(-1, 5), (200, 5), (5, 120), (float("nan"), 5), (float("inf"), 5)])
@pytest.mark.parametrize("which", ["points", "remove_points"])
def test_a_point_outside_the_image_is_refused(engine, card, point, which):
    """Pixels count from 0; NaN lies nowhere."""
    asked = {"points": [(35, 35)], "remove_points": [(5, 5)]} | {which: [(35, 35), point]}
    with pytest.raises(EngineRefused, match="outside the image of 200 x 120"):
        engine.segment(card, **asked)


def test_a_remove_point_beside_a_point_is_refused(engine, card):
    """Two points that no edge parts cannot both be right."""
    with pytest.raises(EngineRefused, match="remove point"):
        engine.segment(card, points=[(35, 35)], remove_points=[(35, 35)])


def test_nothing_asked_is_refused(engine, card):
    """A remove point alone says nothing of what is wanted."""
    with pytest.raises(EngineRefused, match="neither"):
        engine.segment(card, remove_points=[(35, 35)])


def test_a_mask_of_most_of_the_image_is_refused(engine):
    """Where nothing stands out there is no object, but there is a background."""
    plain = np.full((60, 80, 3), 128, np.uint8)
    with pytest.raises(EngineRefused):
        engine.segment(plain, prompt="grey object")

    assert engine.segment(plain, prompt="background").mask.all()


@pytest.mark.parametrize(
    "rgb", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_another_kind_of_array_is_an_error(engine, rgb):
    """Grey, float and empty arrays are the caller's mistake, no refusal."""
    with pytest.raises(ValueError, match="must be uint8"):
        engine.segment(rgb, points=[(0, 0)])


def test_threads_may_share_an_engine(engine, card):
    """Four requests at once answer as one after the other."""
    asked = [{"prompt": "red square"}, {"points": [(140, 45)]}] * 2
    alone = [engine.segment(card, **a).mask for a in asked]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda a: engine.segment(card, **a).mask, asked))

    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_the_engine_leaves_the_image_and_the_random_numbers_alone(engine, card):
    """Nothing outside changes, and read-only arrays are fine."""
    before, state = card.copy(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global stream is the fact
    card.setflags(write=False)
    engine.segment(card, points=[(35, 35)])

    assert np.array_equal(card, before)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002 - the global stream is the fact


def test_a_refusal_is_one_of_our_errors():
    """The server catches one tree."""
    assert issubclass(EngineRefused, SamframeError)


def test_importing_samframe_loads_no_engine():
    """The engine and Pillow come with the server, not with the package."""
    program = "import sys, samframe; print([m for m in ('PIL', 'samframe.server.engines.drawn') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "[]"
