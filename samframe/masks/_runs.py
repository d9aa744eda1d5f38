"""Arithmetic on decoded runs, for columns of masks: one door to `_toggles` (each mask) and `_matrix` (all pairs)."""

from samframe.masks._matrix import intersection_matrix, iou_matrix
from samframe.masks._toggles import (
    areas,
    bboxes,
    centroids,
    chunks,
    column_spans,
    covered_runs,
    gather,
    intersection_runs,
    paired_intersection,
    union_runs,
    xor_runs,
)

__all__ = [
    "areas",
    "bboxes",
    "centroids",
    "chunks",
    "column_spans",
    "covered_runs",
    "gather",
    "intersection_matrix",
    "intersection_runs",
    "iou_matrix",
    "paired_intersection",
    "union_runs",
    "xor_runs",
]
