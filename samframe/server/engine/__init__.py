"""The offline engine: a region grower of colour and texture that stands in where there is no key and no network.

It is not SAM 2, has learned nothing and names no objects. Its text prompts follow a closed grammar of colours and
drawn shapes, and it refuses whatever it cannot do.
"""

from __future__ import annotations

from samframe.server.engine._engine import OfflineEngine
from samframe.server.engine._types import ENGINE_NAME, Engine, EngineRefused, Segmentation
from samframe.server.engine._vocabulary import COLOURS, RANKS, SHAPES, vocabulary_text

__all__ = [
    "COLOURS",
    "ENGINE_NAME",
    "RANKS",
    "SHAPES",
    "Engine",
    "EngineRefused",
    "OfflineEngine",
    "Segmentation",
    "vocabulary_text",
]
