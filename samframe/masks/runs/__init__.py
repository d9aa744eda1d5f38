"""Arithmetic on decoded runs: set operations, areas, boxes, overlaps, for one mask or many at once."""

from samframe.masks.runs.matrix import intersection_matrix
from samframe.masks.runs.overlap import boxes_meet, shared_pixels
from samframe.masks.runs.toggles import (
    areas,
    bases_of,
    bboxes,
    centroids,
    chunks,
    column_spans,
    covered_runs,
    gather,
    intersection_runs,
    lay_apart,
    lay_out,
    paired_intersection,
    union_runs,
    whole_runs,
    xor_runs,
)

__all__ = [
    "areas",
    "bases_of",
    "bboxes",
    "boxes_meet",
    "centroids",
    "chunks",
    "column_spans",
    "covered_runs",
    "gather",
    "intersection_matrix",
    "intersection_runs",
    "lay_apart",
    "lay_out",
    "paired_intersection",
    "shared_pixels",
    "union_runs",
    "whole_runs",
    "xor_runs",
]
