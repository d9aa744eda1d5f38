"""The mask dtype in Dask: an example for its metadata, and unions and intersections per group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import numpy as np
from dask.dataframe.extensions import make_array_nonempty

from samframe.masks import Mask, MaskArray, MaskDtype

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

__all__ = ["intersection", "union"]


@make_array_nonempty.register(MaskDtype)
def _example(_dtype: MaskDtype) -> MaskArray:
    """Return two elements that stand for any: Dask infers from them what an operation gives."""
    return MaskArray.from_masks([Mask.from_numpy(np.eye(2, dtype=bool)), None])


def _reduced(name: str) -> Callable[[Any], pd.Series]:
    def reduce(groups: Any) -> pd.Series:
        return groups.agg(lambda masks: getattr(masks.sam, name)()).astype("mask")

    return reduce


#: What any, or what all masks of a group cover: ``ddf.groupby("image")["mask"].agg(samframe.dask.union)``.
union = dd.Aggregation("union", chunk=_reduced("union"), agg=_reduced("union"))
intersection = dd.Aggregation("intersection", chunk=_reduced("intersection"), agg=_reduced("intersection"))
