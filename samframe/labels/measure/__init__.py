"""Masks measured against truth: COCO's twelve numbers, what was hit and what was not, and how sure that is."""

from samframe.labels.measure.intervals import draw_interval, ratio_interval
from samframe.labels.measure.matching import Queue, queue_of
from samframe.labels.measure.objects import Objects, Overlaps, find_overlaps
from samframe.labels.measure.pairing import (
    EXTRA,
    HIT,
    IGNORED,
    KINDS,
    MISSED,
    WRONG_LABEL,
    Pairing,
    pair_objects,
)
from samframe.labels.measure.precision import (
    AREAS,
    COCO_NAMES,
    RECALLS,
    THRESHOLDS,
    Curves,
    curves_of,
    summarise,
)

__all__ = [
    "AREAS",
    "COCO_NAMES",
    "EXTRA",
    "HIT",
    "IGNORED",
    "KINDS",
    "MISSED",
    "RECALLS",
    "THRESHOLDS",
    "WRONG_LABEL",
    "Curves",
    "Objects",
    "Overlaps",
    "Pairing",
    "Queue",
    "curves_of",
    "draw_interval",
    "find_overlaps",
    "pair_objects",
    "queue_of",
    "ratio_interval",
    "summarise",
]
