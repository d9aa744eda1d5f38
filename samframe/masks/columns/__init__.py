"""Columns of masks without pandas' array: the pool, measures, set operations, parts, groups, checks."""

from samframe.masks.columns.base import MaskColumn
from samframe.masks.columns.check import checked_pool, sound_masks
from samframe.masks.columns.coerce import is_missing, pixel_stack, rle_columns, strict_mask, to_mask, to_masks
from samframe.masks.columns.groups import combined_groups
from samframe.masks.columns.keys import parse_key, pool_keys, pool_ranks
from samframe.masks.columns.measures import areas
from samframe.masks.columns.ops import MaskOps
from samframe.masks.columns.pool import MaskPool, distinct

__all__ = [
    "MaskColumn",
    "MaskOps",
    "MaskPool",
    "areas",
    "checked_pool",
    "combined_groups",
    "distinct",
    "is_missing",
    "parse_key",
    "pixel_stack",
    "pool_keys",
    "pool_ranks",
    "rle_columns",
    "sound_masks",
    "strict_mask",
    "to_mask",
    "to_masks",
]
