"""Floors of mean IoU on drawn scenes whose seeds the engine was not tuned on. The benchmark does the larger table."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from samframe.server.engines.drawn import EngineRefused
from samframe.testing import REPORTING_SEEDS, make_scene

SEEDS = REPORTING_SEEDS[:2]
PLAIN_STYLES = ("flat", "noisy", "texture", "clutter")
scene_of = functools.cache(make_scene)


def iou(first, second):
    return (first & second).sum() / (first | second).sum()


@pytest.mark.parametrize(
    ("style", "floor"), [("flat", 0.95), ("noisy", 0.95), ("texture", 0.95), ("clutter", 0.80)]
)
def test_one_point_reaches_the_floor(engine, style, floor):
    """The innermost point of an object is enough to find it."""
    scenes = [scene_of(style, seed) for seed in SEEDS]
    reached = [
        iou(engine.segment(scene.image, **o.points()).mask, o.mask)
        for scene in scenes
        for o in scene.objects[:3]
    ]

    assert np.mean(reached) >= floor


def test_three_points_and_two_removes_reach_the_floor(engine):
    """More points make no style worse than .93 in the mean."""
    objects = [(scene_of(style, SEEDS[0]), i) for style in PLAIN_STYLES for i in (1, 3)]
    reached = [
        iou(engine.segment(scene.image, **scene.points(i, 3, 2)).mask, scene.objects[i].mask)
        for scene, i in objects
    ]

    assert np.mean(reached) >= 0.93


def test_colour_and_shape_prompts_reach_the_floor(engine):
    """A colour and a shape name the union of all that have both; a refusal of what is there counts as 0."""
    reached = []
    for style in PLAIN_STYLES:
        scene = scene_of(style, SEEDS[1])
        for prompt in {f"{o.colour} {o.shape}" for o in scene.objects[:3]}:
            truth = np.logical_or.reduce([o.mask for o in scene.objects if f"{o.colour} {o.shape}" == prompt])
            try:
                reached.append(iou(engine.segment(scene.image, prompt=prompt).mask, truth))
            except EngineRefused:
                reached.append(0.0)

    assert np.mean(reached) >= 0.80


@pytest.mark.parametrize("style", PLAIN_STYLES)
def test_absent_things_are_always_refused(engine, style):
    """Of the things that are not in the scene none is found."""
    scene = scene_of(style, SEEDS[0])
    found = []
    for prompt in scene.absent_prompts[-3:]:
        try:
            engine.segment(scene.image, prompt=prompt)
        except EngineRefused:
            continue
        found.append(prompt)

    assert found == []
