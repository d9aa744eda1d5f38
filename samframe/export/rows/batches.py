"""Rows of a frame, a Parquet file or a dataset's folder, some at a time, so that memory does not grow with rows."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from samframe.errors import MaskError, OptionError
from samframe.export.files import location_of, open_folder, read_manifest
from samframe.export.rows.tables import ANNOTATION_ID, IMAGE_BYTES, IMAGE_FILE, read_notes, table_frame

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from samframe.export.files import Folder

__all__ = ["Batch", "iter_batches"]

_BUFFER_BYTES = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows.

    Attributes
    ----------
    frame : DataFrame
        The columns that were asked for, as far as the source has them; masks as dtype ``mask``.
    start : int
        Position of the first row in the source.
    has_labels : bool
        Whether the index says more than the position.
    """

    frame: pd.DataFrame
    start: int
    has_labels: bool


def iter_batches(
    source: pd.DataFrame | str | os.PathLike[str], columns: Sequence[Hashable], *, batch_rows: int
) -> Iterator[Batch]:
    """Yield the rows of a source in order.

    Parameters
    ----------
    source : DataFrame or path
        A frame, a Parquet file, or a dataset's folder (fsspec URLs too).
    columns : sequence of column names
        What is wanted; what the source lacks is left out.
    batch_rows : int
        Rows at a time, at most.

    Raises
    ------
    OptionError
        If the source is none of these.
    MaskError
        If a file is damaged.
    FileNotFoundError
        If there is no such file.
    """
    if isinstance(source, pd.DataFrame):
        yield from _frame_batches(source, columns, batch_rows)
        return
    if not isinstance(source, str | os.PathLike):
        raise OptionError(
            f"A frame, a Parquet file or a dataset's folder is wanted, not a {type(source).__name__}."
        )
    text = os.fspath(source)
    if text.casefold().endswith((".parquet", ".pq")):
        folder, name = open_folder(os.path.dirname(text) or "."), os.path.basename(text)  # noqa: PTH119, PTH120 - may be a URL
        parts, location = [name], None
    else:
        folder = open_folder(text)
        location = location_of(folder)
        parts = [file.path for file in read_manifest(folder, kinds={"data"}).files]
    yield from _part_batches(folder, parts, columns, location, batch_rows)


def _frame_batches(df: pd.DataFrame, columns: Sequence[Hashable], batch_rows: int) -> Iterator[Batch]:
    present = [name for name in columns if name in df.columns]
    repeated = [name for name in present if isinstance(df[name], pd.DataFrame)]
    if repeated:
        raise OptionError(f"The frame has several columns named {repeated[0]!r}; rename all but one.")
    has_labels = not isinstance(df.index, pd.RangeIndex)
    chosen = df[present]
    for start in range(0, len(df), batch_rows):
        yield Batch(frame=chosen.iloc[start : start + batch_rows], start=start, has_labels=has_labels)


def _part_batches(
    folder: Folder,
    parts: Sequence[str],
    columns: Sequence[Hashable],
    location: str | None,
    batch_rows: int,
) -> Iterator[Batch]:
    start = 0
    for part in parts:
        with folder.open(part) as handle:
            try:
                # With a buffer, pages are read one by one: pandas writes a million rows into one row group.
                file = pq.ParquetFile(handle, page_checksum_verification=True, buffer_size=_BUFFER_BYTES)
                wanted, has_labels = _present(file.schema_arrow, columns)
                for rows in file.iter_batches(batch_size=batch_rows, columns=wanted):
                    table = pa.Table.from_batches([rows])
                    # The dataset's own copies of images are there wherever the dataset is.
                    frame = table_frame(
                        table, folder=location, index={}, images="copied", keep=[ANNOTATION_ID]
                    )
                    yield Batch(frame=frame, start=start, has_labels=has_labels)
                    start += len(frame)
            except (pa.ArrowException, OSError) as error:
                if isinstance(error, FileNotFoundError | PermissionError):
                    raise
                raise MaskError(f"{part} is no sound Parquet file: {error}") from error


def _present(schema: pa.Schema, columns: Sequence[Hashable]) -> tuple[list[str], bool]:
    """Return which columns of a file to read, those of its index too, and whether its index is more than a range."""
    try:
        described = json.loads((schema.metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    except (ValueError, AttributeError):
        raise MaskError("The pandas metadata of this file are damaged.") from None
    labels = [name for name in described if isinstance(name, str) and name in schema.names]
    notes = read_notes(schema)
    wanted = [str(name) for name in columns]
    if notes.image_col in wanted:
        wanted += [IMAGE_FILE, IMAGE_BYTES]
    chosen = [name for name in dict.fromkeys([*wanted, *labels]) if name in schema.names]
    return chosen, bool(labels)
