"""Splits as a column: drawn once, looked at, kept in the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from samframe.errors import OptionError
from samframe.export.rows import Picture, PictureReader, image_name
from samframe.export.splits.likeness import NEAR_DUPLICATE_BITS
from samframe.export.splits.links import Links
from samframe.export.splits.options import ExportCall

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Mapping

__all__ = ["split"]


def split(
    df: pd.DataFrame,
    fractions: Mapping[str, float],
    *,
    seed: int = 0,
    stratify: Hashable | None = None,
    group: Hashable | None = None,
    near_duplicates: int | None = NEAR_DUPLICATE_BITS,
    image_col: Hashable = "image",
    image_root: str | os.PathLike[str] | None = None,
) -> pd.Series:
    """Return the split of each row, so that no image is seen in two.

    Rows of one image (equal bytes, or near-duplicates by a perceptual hash: scaled, re-encoded, brightened) and rows of
    one group stay together, through others too. The draw depends on the seed and on what the rows are, not on their
    order. The exporters draw in the same way, among the rows that they can write.

    Parameters
    ----------
    df : DataFrame
        Any frame with images; masks are not needed.
    fractions : mapping of str to float
        ``{"train": 0.8, "val": 0.2}``; they sum to 1, and are met as closely as whole clusters of rows allow.
    seed : int
        Another one gives another draw.
    stratify : column name, optional
        Each value of this column is divided by the fractions.
    group : column name, optional
        Rows of one value (a patient, a video) never straddle splits.
    near_duplicates : int or None
        Of 63 bits, how many the hashes of near-duplicates may differ in. None compares bytes only, and decodes nothing.
    image_col : column name
    image_root : path, optional
        A folder that confines image paths; relative ones start there.

    Returns
    -------
    Series
        Categorical, named ``"split"``, with the frame's index. Pass ``split="split"`` to an exporter to use it.

    Raises
    ------
    OptionError
        If a column is missing or an option wrong.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from samframe.export import split
    >>> images = [np.full((8, 8, 3), 40 * number, np.uint8) for number in range(5)]
    >>> df = pd.DataFrame({"image": [*images, images[0]]})
    >>> drawn = split(df, {"train": 0.8, "val": 0.2}, near_duplicates=None)
    >>> drawn[0] == drawn[5]
    True
    """
    call = ExportCall(
        split=fractions, seed=seed, stratify=stratify, group=group, near_duplicates=near_duplicates
    )
    for name in (image_col, stratify, group):
        if name is not None and name not in df.columns:
            raise OptionError(f"There is no column {name!r}.")
    shares = call.fractions or {}
    groups, strata = (None if name is None else df[name].tolist() for name in (group, stratify))
    reader, links = PictureReader(image_root), Links()
    for position, cell in enumerate(df[image_col].tolist()):
        found = reader.open(cell)
        picture = found if isinstance(found, Picture) else None
        links.add(
            image=_key(cell, picture),
            picture=picture if near_duplicates is not None else None,
            group=None if groups is None else groups[position],
            stratum=None if strata is None else strata[position],
        )
    drawn, _ = links.draw(
        shares, seed=seed, near_duplicates=near_duplicates, is_stratified=stratify is not None
    )
    made = pd.Categorical.from_codes(drawn.to_numpy(), dtype=pd.CategoricalDtype(list(shares)))
    return pd.Series(made, index=df.index, name="split")


def _key(cell: object, picture: Picture | None) -> str | None:
    """Return what tells images apart: the digest of their bytes, else what the cell says, None where it is empty."""
    if picture is not None and picture.sha256 is not None:
        return picture.sha256
    return image_name(cell, picture) or None
