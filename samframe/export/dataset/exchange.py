"""`to_parquet` and `read_parquet`: which form a path asks for, one file or a dataset's folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.export.dataset import parquet as _parquet
from samframe.export.dataset.reader import read_dataset
from samframe.export.dataset.writer import write_dataset
from samframe.ground.signature import with_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from samframe.export.report import ExportReport

__all__ = ["read_parquet", "to_parquet"]

#: What one Parquet file's name ends in, upper case too.
FILE_ENDINGS = (".parquet", ".pq")


@with_options(_parquet.write_parquet, write_dataset)
def to_parquet(df: pd.DataFrame, path: str | os.PathLike[str], **options: Any) -> ExportReport | None:
    """Write a frame with masks to Parquet: one file, or a dataset's folder.

    Parameters
    ----------
    df : pandas.DataFrame
        Any frame with unique column names.
    path : str or os.PathLike
        A name that ends in ``.parquet`` or ``.pq``: one file, which appears whole or not at all; masks are plain
        structs that other readers understand, with area and box beside them. Any other: a dataset's folder, with one
        file a mask and a manifest; an fsspec URL will do.
    **options
        Of the one file: those of :func:`samframe.export.write_parquet`. Of the folder: those of
        :func:`samframe.export.write_dataset`.

    Returns
    -------
    ExportReport or None
        What was written into the folder, measured by reading it back. None for one file.

    Raises
    ------
    OptionError
        If the frame cannot be a table (see :func:`samframe.to_arrow`), or an option is wrong.
    OSError
        If it cannot be written.
    """
    write = _parquet.write_parquet if _is_file(path) else write_dataset
    try:
        return write(df, path, **options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        form = "one Parquet file" if _is_file(path) else "a dataset's folder"
        raise OptionError(f"{str(error).rpartition(' ')[2]} is no option of {form}.") from None


@with_options(_parquet.read_parquet, read_dataset)
def read_parquet(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    filters: Any = None,
    **options: Any,
) -> pd.DataFrame:
    """Read a Parquet file or a dataset's folder; its masks come back as dtype ``mask``.

    Parameters
    ----------
    path : str or os.PathLike
        A file with masks, of samframe or of any program that keeps the struct; or a folder that
        :func:`samframe.to_parquet` made, an fsspec URL too.
    columns : sequence of str, optional
        Columns to read; all by default.
    filters : list or pyarrow.compute.Expression, optional
        Rows to read, as in :func:`pyarrow.parquet.read_table`; a mask column's ``_area`` and ``_bbox`` can be used.
    **options
        Of a folder: ``image_root``, where the images are if they lie apart from it; ``images="copied"``, to have image
        cells name the dataset's own copies.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    MaskError
        If a file is no sound Parquet file, its metadata are damaged or of a later major version, or a mask is none.
    FileNotFoundError
        If there is no such file or dataset.
    """
    if _is_file(path) or os.path.isfile(path):  # noqa: PTH113 - a URL is no Path
        return _parquet.read_parquet(path, columns=columns, filters=filters, **options)
    return read_dataset(path, columns=columns, filters=filters, **options)


def _is_file(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path).casefold().endswith(FILE_ENDINGS)
