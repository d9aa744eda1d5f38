"""The engine that draws ellipses."""

from __future__ import annotations

import numpy as np
import pytest

from samframe.server import DrawnEngine
from samframe.server.engines.drawn import EngineRefused

SHA = "0" * 64


def draw(**asked):
    return DrawnEngine().draw((60, 90), **{"image_sha256": SHA, "prompt": "boy"} | asked).mask


def test_same_question_same_mask():
    """The ellipse depends on image, prompt and points alone."""
    assert np.array_equal(draw(), draw())


@pytest.mark.parametrize(
    "asked", [{"prompt": "girl"}, {"image_sha256": "1" * 64}, {"prompt": None, "points": [(1, 2)]}]
)
def test_other_question_other_mask(asked):
    """A mask given to the wrong row is seen."""
    assert not np.array_equal(draw(), draw(**asked))


def test_prompt_wins_over_points():
    """With a prompt, points are ignored, as on the wire."""
    assert np.array_equal(draw(), draw(points=[(1, 2)], remove_points=[(3, 4)]))


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 200), (480, 640)])
def test_mask_is_neither_empty_nor_full(size_hw):
    """Every image gets some foreground, of its own size."""
    masks = [DrawnEngine().draw(size_hw, image_sha256=SHA, prompt=str(i)).mask for i in range(20)]

    assert all(mask.shape == size_hw and mask.dtype == bool for mask in masks)
    if size_hw == (480, 640):
        assert all(0.04 < mask.mean() < 0.21 for mask in masks)


def test_refused_prompts():
    """A prompt that is to be refused is, with the reason in the message."""
    with pytest.raises(EngineRefused, match="Nothing in the image matches 'fog'"):
        DrawnEngine(refuse={"fog"}).draw((9, 9), image_sha256=SHA, prompt="fog")


def test_pixels_make_an_ellipse_too():
    """Asked like any other engine, it hashes the pixels."""
    rgb = np.zeros((30, 40, 3), np.uint8)

    assert np.array_equal(
        DrawnEngine().segment(rgb, prompt="boy").mask, DrawnEngine().segment(rgb.copy(), prompt="boy").mask
    )


def test_few_variants_for_load():
    """With few variants many questions share their ellipses."""
    engine = DrawnEngine(variants=4)
    masks = {engine.draw((30, 40), image_sha256=SHA, prompt=str(i)).mask.tobytes() for i in range(64)}

    assert len(masks) == 4
