"""The mask dtype in Dask: an example for its metadata, and unions and intersections per group."""

from __future__ import annotations

from functools import partial

import dask.dataframe as dd
import numpy as np
from dask.dataframe.extensions import make_array_nonempty

from samframe.frame import combine_groups
from samframe.masks import Mask, MaskArray, MaskDtype

__all__ = ["intersection", "union"]


@make_array_nonempty.register(MaskDtype)
def _example(_dtype: MaskDtype) -> MaskArray:
    """Return two elements that stand for any: Dask infers from them what an operation gives."""
    return MaskArray.from_masks([Mask.from_numpy(np.eye(2, dtype=bool)), None])


_union = partial(combine_groups, of_all=False)
_intersection = partial(combine_groups, of_all=True)

#: What any, or what all masks of a group cover: ``ddf.groupby("image")["mask"].agg(samframe.dask.union)``.
union = dd.Aggregation("union", chunk=_union, agg=_union)
intersection = dd.Aggregation("intersection", chunk=_intersection, agg=_intersection)
