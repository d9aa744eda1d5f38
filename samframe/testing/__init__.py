"""Things to test against: scenes with known masks, hard masks, photographs, a server that misbehaves, hostile text.

The scenes and the offline engine share one author and one list of colours and shapes, so a score on these scenes is a
check that the engine works as meant, not a claim about photographs. It was tuned on `TUNING_SEEDS` and is reported on
`REPORTING_SEEDS`, which share no seed.
"""

from __future__ import annotations

from samframe.testing.chaos import Chaos, ChaosCall, ChaosServer
from samframe.testing.hard_masks import hard_masks
from samframe.testing.hostile import HOSTILE_TEXTS
from samframe.testing.photos import SAMPLE_PHOTOS, PhotoPrompt, sample_photo
from samframe.testing.scenes import REPORTING_SEEDS, STYLES, TUNING_SEEDS, Scene, SceneObject, make_scene

__all__ = [
    "HOSTILE_TEXTS",
    "REPORTING_SEEDS",
    "SAMPLE_PHOTOS",
    "STYLES",
    "TUNING_SEEDS",
    "Chaos",
    "ChaosCall",
    "ChaosServer",
    "PhotoPrompt",
    "Scene",
    "SceneObject",
    "hard_masks",
    "make_scene",
    "sample_photo",
]
