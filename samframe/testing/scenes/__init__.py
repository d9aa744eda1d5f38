"""Drawn scenes with known truth."""

from samframe.testing.scenes.scene import (
    REPORTING_SEEDS,
    STYLES,
    TUNING_SEEDS,
    Scene,
    SceneObject,
    make_scene,
)

__all__ = ["REPORTING_SEEDS", "STYLES", "TUNING_SEEDS", "Scene", "SceneObject", "make_scene"]
