"""Arithmetic on decoded runs: set operations, areas, boxes, overlaps, for one mask or many at once."""

from samframe.masks.runs.matrix import intersection_matrix, iou_matrix
from samframe.masks.runs.overlap import boxes_meet, shared_pixels
from samframe.masks.runs.toggles import (
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
    "boxes_meet",
    "centroids",
    "chunks",
    "column_spans",
    "covered_runs",
    "gather",
    "intersection_matrix",
    "intersection_runs",
    "iou_matrix",
    "paired_intersection",
    "shared_pixels",
    "union_runs",
    "xor_runs",
]
