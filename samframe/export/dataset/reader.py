"""A dataset's folder back to the frame that it was made of."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from samframe.errors import MaskError
from samframe.export.files import FileEntry, Manifest, location_of, open_folder, read_manifest
from samframe.export.rows import ROW_NUMBER, read_notes, table_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from samframe.export.files import Folder

__all__ = ["read_dataset"]

#: A writer may remove files between the manifest's reading and theirs; the next manifest names those that are there.
_TRIES = 5


def read_dataset(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    filters: Any = None,
    image_root: str | os.PathLike[str] | None = None,
    images: str = "original",
) -> pd.DataFrame:
    """Read a dataset's folder; the frame is the one that was written.

    Parameters
    ----------
    path : path or fsspec URL
        The folder.
    columns : sequence of str, optional
        Columns to read; all by default.
    filters : list or pyarrow.compute.Expression, optional
        Rows to read, as in :func:`pyarrow.parquet.read_table`.
    image_root : path, optional
        Where the images are, if they lie apart from the dataset.
    images : {"original", "copied"}
        Whether image cells name the images that were exported, or the dataset's own copies.

    Raises
    ------
    FileNotFoundError
        If there is no dataset.
    MaskError
        If it is damaged.
    """
    folder = open_folder(path)
    for attempt in range(_TRIES):
        manifest = read_manifest(folder, kinds={"data"})
        try:
            table = _read(folder, manifest, columns, filters)
        except FileNotFoundError as error:
            if attempt == _TRIES - 1 or read_manifest(folder, kinds=()).generation == manifest.generation:
                raise MaskError(f"{folder.shown}: a file is missing: {error}") from error
            continue
        break
    index = manifest.index if filters is None else {}
    root = None if image_root is None else os.path.abspath(image_root)  # noqa: PTH100 - links stay as they are written
    return table_frame(table, folder=location_of(folder), image_root=root, index=index, images=images)


def _read(folder: Folder, manifest: Manifest, columns: Sequence[str] | None, filters: Any) -> pa.Table:
    condition = pq.filters_to_expression(filters) if isinstance(filters, list) else filters
    if columns is None and condition is None:
        tables = [_read_whole(folder, entry) for entry in manifest.files]
    else:
        tables = [_read_part(folder, entry.path, columns, condition) for entry in manifest.files]
    table = pa.concat_tables(tables)
    if ROW_NUMBER in table.column_names:
        table = table.sort_by(ROW_NUMBER)
    return table


def _read_whole(folder: Folder, entry: FileEntry) -> pa.Table:
    """Read a data file, once its bytes are those that were written."""
    with folder.open(entry.path) as handle:
        data = handle.read()
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise MaskError(
            f"{folder.shown}: {entry.path} is damaged: its SHA-256 is another. See samframe.verify"
        )
    return pq.read_table(pa.BufferReader(data))


def _read_part(folder: Folder, path: str, columns: Sequence[str] | None, condition: Any) -> pa.Table:
    with folder.open(path) as handle:
        try:
            file = pq.ParquetFile(handle, page_checksum_verification=True)
            schema = file.schema_arrow
            wanted = None if columns is None else _with_needed(schema, columns)
            if condition is None:
                return file.read(columns=wanted)
            # All columns that a condition may ask for are read, then those that are wanted are kept.
            import pyarrow.dataset as pads  # noqa: PLC0415 - loaded where rows are chosen

            table = pads.dataset(file.read()).scanner(filter=condition).to_table()
            return (table if wanted is None else table.select(wanted)).replace_schema_metadata(
                schema.metadata
            )
        except (pa.ArrowException, OSError, KeyError) as error:
            raise MaskError(f"{folder.shown}: {path} is damaged: {error}") from error


def _with_needed(schema: pa.Schema, columns: Sequence[str]) -> list[str]:
    """Return the columns that are wanted, with the index and with what their cells are made of."""
    missing = [name for name in columns if name not in schema.names]
    if missing:
        raise KeyError(f"there is no column {missing[0]!r}")
    notes, described = read_notes(schema), (schema.pandas_metadata or {}).get("index_columns", [])
    needed = [*columns, *(name for name in described if isinstance(name, str))]
    needed += [name for name in notes.derived if name == ROW_NUMBER or notes.image_col in columns]
    return list(dict.fromkeys(name for name in needed if name in schema.names))
