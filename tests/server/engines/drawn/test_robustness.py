from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samframe.server.engines.drawn import EngineRefused

SIZES = [(1, 1), (1, 2), (2, 1), (3, 3), (7, 5), (1, 2048), (2048, 1), (2, 700), (17, 400)]


def picture(kind, height, width):
    rs = np.random.RandomState(7)
    if kind == "noise":
        return rs.randint(0, 256, (height, width, 3)).astype(np.uint8)
    rgb = np.full((height, width, 3), 200, np.uint8)
    if kind == "halves":
        rgb[:, : max(1, width // 3)] = (208, 40, 40)
    return rgb


def answer_or_refusal(engine, rgb, **asked):
    try:
        found = engine.segment(rgb, **asked)
    except EngineRefused as refusal:
        return str(refusal)
    assert found.mask.shape == rgb.shape[:2]
    assert found.mask.dtype == bool
    assert found.mask.any()
    assert 0 <= found.score <= 1
    return found


@pytest.mark.parametrize("kind", ["constant", "noise", "halves"])
@pytest.mark.parametrize("size_hw", SIZES)
def test_any_size_gives_a_mask_or_a_refusal(engine, size_hw, kind):
    """From one pixel to long strips, nothing but a sound mask or a reason comes back."""
    rgb = picture(kind, *size_hw)
    corner = (size_hw[1] - 1, size_hw[0] - 1)
    answers = [
        answer_or_refusal(engine, rgb, points=[(0, 0)]),
        answer_or_refusal(engine, rgb, points=[corner], remove_points=[(0, 0)]),
        answer_or_refusal(engine, rgb, prompt="red object"),
        answer_or_refusal(engine, rgb, prompt="background"),
    ]

    assert all(answers)


def test_the_largest_image_keeps_its_size(engine):
    """An image of 2048 x 2048 px is worked on small and answered whole."""
    rgb = picture("constant", 2048, 2048)
    rgb[400:1200, 600:1400] = (40, 80, 205)
    mask = engine.segment(rgb, points=[(1000, 800)]).mask

    assert mask.shape == (2048, 2048)
    assert mask.sum() == pytest.approx(800 * 800, rel=0.02)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size_hw=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    kind=st.sampled_from(["constant", "noise", "halves"]),
    points=st.lists(st.tuples(st.floats(-2, 42), st.floats(-2, 42)), max_size=4),
    removes=st.lists(st.tuples(st.floats(-2, 42), st.floats(-2, 42)), max_size=3),
)
def test_any_points_give_a_mask_or_a_refusal(engine, size_hw, kind, points, removes):
    """A mask holds every point and no remove point that was asked for."""
    answer = answer_or_refusal(engine, picture(kind, *size_hw), points=points, remove_points=removes)

    if not isinstance(answer, str):
        assert all(answer.mask[int(y), int(x)] for x, y in points)
        assert not any(answer.mask[int(y), int(x)] for x, y in removes)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=st.text(max_size=30))
def test_any_text_gives_a_mask_or_a_refusal(engine, prompt):
    """No text whatever raises anything else."""
    assert answer_or_refusal(engine, picture("halves", 20, 30), prompt=prompt)
