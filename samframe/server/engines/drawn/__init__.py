"""The offline engine: a region grower of colour and texture that stands in where there is no key and no network.

It is not SAM 2, has learned nothing and names no objects. Its text prompts follow a closed grammar of colours and
drawn shapes, and it refuses whatever it cannot do.
"""

from __future__ import annotations

from samframe.server.engines.drawn.engine import OfflineEngine
from samframe.server.engines.drawn.vocabulary import COLOURS, RANKS, SHAPES, vocabulary_text
from samframe.server.protocol import ENGINE_NAME, Engine, EngineRefused, Segmentation

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
