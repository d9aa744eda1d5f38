"""Groups of mask columns, as pandas groups them: one mask a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.masks._groups import combined_groups

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["combine_groups"]


def combine_groups(groups: Any, *, of_all: bool) -> pd.Series:
    """Return what any mask, or what all masks of each group cover.

    Parameters
    ----------
    groups : SeriesGroupBy
        Of a column of dtype ``mask``.
    of_all : bool
        The intersection; else the union.

    Returns
    -------
    Series of dtype mask
        A row a group, indexed and ordered by pandas; NA where all masks of a group are missing.

    Raises
    ------
    MaskError
        If the masks of a group are not of one size.
    """
    masks: pd.Series = groups.obj
    index: pd.Index[Hashable] = groups.size().index
    numbers = groups.ngroup().fillna(-1).to_numpy(dtype=np.int64)  # no group where the key is missing
    return pd.Series(
        combined_groups(masks.array, numbers, len(index), of_all=of_all), index=index, name=masks.name
    )
