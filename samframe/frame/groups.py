"""Groups of mask columns, as pandas groups them: one mask a group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from samframe.masks.columns import combined_groups

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
        A row a group, indexed and ordered by pandas; NA where all masks of a group are missing, or it has no rows.

    Raises
    ------
    MaskError
        If the masks of a group are not of one size.
    """
    masks: pd.Series = groups.obj
    numbers = groups.ngroup().fillna(-1).to_numpy(dtype=np.int64)  # no group where the key is missing
    combined = combined_groups(masks.array, numbers, int(numbers.max(initial=-1)) + 1, of_all=of_all)
    # Categories without rows may be groups too, which have no number: pandas tells where each number belongs.
    by = groups._grouper  # noqa: SLF001 - the only way to the same groups of another column
    places = (
        pd.Series(numbers, index=masks.index).groupby(by, observed=groups.observed, sort=groups.sort).first()
    )
    found = combined.take(places.fillna(-1).to_numpy(dtype=np.int64), allow_fill=True)
    return pd.Series(found, index=places.index, name=masks.name)
