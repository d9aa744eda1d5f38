"""One frame, one Parquet file: masks as a plain struct that other readers understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from samframe.errors import MaskError
from samframe.export.dataset.cells import storable_cells
from samframe.ground.files import atomic_write
from samframe.masks import from_arrow, to_arrow

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["read_parquet", "write_parquet"]


def write_parquet(
    df: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    preserve_index: bool | None = None,
    compression: str = "zstd",
    compression_level: int | None = None,
    row_group_size: int | None = None,
) -> None:
    """Write a frame with masks to one Parquet file.

    The file appears whole or not at all. Pages carry checksums. See :func:`samframe.to_arrow` for the columns;
    paths are written as text, Pillow images and pixel arrays as the bytes of PNG files.

    Parameters
    ----------
    df : pandas.DataFrame
        Any frame.
    path : str or os.PathLike
        The file; its folder must exist. An existing file is replaced.
    preserve_index : bool, optional
        As in :meth:`pyarrow.Table.from_pandas`: by default the index is kept, a RangeIndex as metadata only.
    compression, compression_level : str, int, optional
        As in :func:`pyarrow.parquet.write_table`.
    row_group_size : int, optional
        Rows a row group.

    Raises
    ------
    OptionError
        If the frame cannot be a table (see :func:`samframe.to_arrow`).
    OSError
        If the file cannot be written.
    """
    table = to_arrow(storable_cells(df), preserve_index=preserve_index)
    ordinary = ordinary_leaves(table.schema)
    with atomic_write(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression=compression,
            compression_level=compression_level,
            row_group_size=row_group_size,
            # Counts hardly repeat and have no useful minimum: a dictionary and statistics would only take room.
            use_dictionary=ordinary,
            write_statistics=ordinary,
            write_page_checksum=True,
        )


def read_parquet(
    path: str | os.PathLike[str], *, columns: Sequence[str] | None = None, filters: Any = None
) -> pd.DataFrame:
    """Read a Parquet file; its masks come back as dtype ``mask``.

    Parameters
    ----------
    path : str or os.PathLike
        A file written by :func:`write_parquet` or by any program that keeps the struct.
    columns : sequence of str, optional
        Columns to read; all by default.
    filters : list or pyarrow.compute.Expression, optional
        Rows to read, as in :func:`pyarrow.parquet.read_table`; a mask column's ``_area`` and ``_bbox`` can be used.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    MaskError
        If the file is no sound Parquet file, its metadata are damaged or of a later major version, or a mask is none.
    FileNotFoundError
        If there is no such file.
    """
    try:
        table = pq.read_table(
            path,
            columns=None if columns is None else list(columns),
            filters=filters,
            page_checksum_verification=True,
        )
    except pa.ArrowInvalid as error:
        raise MaskError(f"{path} is no sound Parquet file: {error}") from error
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
            raise
        raise MaskError(f"{path} is no sound Parquet file: {error}") from error
    return from_arrow(table)


def ordinary_leaves(schema: pa.Schema) -> list[str]:
    """Return the dotted paths of leaf columns, as Parquet names them, without the counts of masks."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    parquet_schema = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    paths = [parquet_schema.column(at).path for at in range(len(parquet_schema))]
    return [path for path in paths if not path.endswith(".counts")]
