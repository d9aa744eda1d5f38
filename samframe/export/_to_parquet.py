"""`to_parquet`: which form a path asks for, one file or a dataset's folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.export._parquet import write_parquet

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["to_parquet"]

#: What one Parquet file's name ends in, upper case too.
FILE_ENDINGS = (".parquet", ".pq")


def to_parquet(df: pd.DataFrame, path: str | os.PathLike[str], **options: Any) -> None:
    """Write a frame with masks to Parquet.

    Parameters
    ----------
    df : pandas.DataFrame
        Any frame with unique column names.
    path : str or os.PathLike
        A name that ends in ``.parquet`` or ``.pq``: one file, which appears whole or not at all; masks are plain
        structs that other readers understand, with area and box beside them.
    **options
        Of the one file: those of :func:`samframe.export.write_parquet`.

    Raises
    ------
    OptionError
        If the frame cannot be a table (see :func:`samframe.to_arrow`), or the path has another ending.
    OSError
        If it cannot be written.
    """
    if not os.fspath(path).casefold().endswith(FILE_ENDINGS):
        raise OptionError(f"One Parquet file's name ends in .parquet or .pq, unlike {os.fspath(path)!r}.")
    write_parquet(df, path, **options)
