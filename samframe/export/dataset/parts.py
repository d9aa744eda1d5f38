"""The data files of a dataset: which rows go into which, written and read back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from samframe.errors import MaskError
from samframe.export.dataset.parquet import ordinary_leaves
from samframe.export.files import safe_name
from samframe.export.rows import IMAGE_BYTES
from samframe.ground.cells import text_or_none

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from numpy.typing import NDArray

    from samframe.export.files import FileEntry, Store
    from samframe.export.rows import Picture

__all__ = ["Part", "PartOptions", "plan_parts", "write_parts"]

#: Bytes of images in a data file, about, where they are embedded.
_EMBEDDED_BYTES = 64 * 1024**2
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
#: Longer values would not fit into a folder's name once encoded.
_MAX_ENCODED = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOptions:
    """How data files are cut and compressed."""

    rows_per_file: int
    row_group_size: int
    compression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One data file to write.

    Attributes
    ----------
    stem : str
        Its path up to the content's hash.
    rows : ndarray of int64
        Positions of its rows in the frame, ascending.
    """

    stem: str
    rows: NDArray[np.int64]


def plan_parts(
    df: pd.DataFrame,
    partition_by: Sequence[Hashable],
    embedded: Sequence[Picture | None] | None,
    options: PartOptions,
) -> list[Part]:
    """Cut a frame into data files. Cuts depend on the rows before them only: rows that are added change the last file.

    Parameters
    ----------
    df : DataFrame
        The frame.
    partition_by : sequence of column names
        Columns whose values are folders.
    embedded : sequence of Picture or None, optional
        Each row's image, where they are embedded: files are cut by size then, too.
    options : PartOptions
        Rows a file.
    """
    sizes = None if embedded is None else [0 if picture is None else picture.n_bytes for picture in embedded]
    parts = []
    for folder, rows in _groups(df, partition_by):
        for number, piece in enumerate(_cut(rows, sizes, options.rows_per_file)):
            parts.append(Part(stem=f"data/{folder}part-{number:05d}", rows=piece))
    return parts or [Part(stem="data/part-00000", rows=np.arange(0))]


def write_parts(
    table: pa.Table,
    parts: Sequence[Part],
    embedded: Sequence[Picture | None] | None,
    store: Store,
    options: PartOptions,
) -> Iterator[FileEntry]:
    """Write the data files, and read the masks of each back.

    Raises
    ------
    MaskError
        If what was read back is not what was written.
    ImageError
        If an image to embed can no longer be read.
    """
    for part in parts:
        rows = part.rows
        is_run = len(rows) == 0 or rows[-1] - rows[0] + 1 == len(rows)
        piece = (
            table.slice(int(rows[0]) if len(rows) else 0, len(rows)) if is_run else table.take(pa.array(rows))
        )
        if embedded is not None:
            piece = piece.append_column(IMAGE_BYTES, _image_bytes([embedded[row] for row in rows.tolist()]))
        data = _parquet_bytes(piece, options)
        _check_read_back(piece, data, part.stem)
        digest = hashlib.sha256(data).hexdigest()
        yield store.stage(f"{part.stem}-{digest[:16]}.parquet", data, rows=len(rows))


def _groups(df: pd.DataFrame, partition_by: Sequence[Hashable]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield each folder within ``data/``, with its rows, in the order of their first rows."""
    if not partition_by:
        yield "", np.arange(len(df))
        return
    codes = np.zeros(len(df), dtype=np.int64)
    for name in partition_by:
        part, _ = pd.factorize(df[name].astype(object).map(_value_text, na_action=None))
        codes = pd.factorize(codes * (len(df) + 1) + part)[0]
    taken: set[str] = set()
    for code in range(int(codes.max(initial=-1)) + 1):
        rows = np.flatnonzero(codes == code)
        folders = [
            f"{_encoded(str(name), set())}={_encoded(_value_text(df[name].iloc[rows[0]]), taken)}"
            for name in partition_by
        ]
        yield "/".join([*folders, ""]), rows


def _value_text(value: object) -> str:
    text = text_or_none(value)
    return _HIVE_NULL if text is None else text


def _encoded(text: str, taken: set[str]) -> str:
    """Return a text as Hive writes it into a path, so that readers decode it; what is too long gets a name instead."""
    encoded = quote(text, safe="", errors="surrogatepass")
    return encoded if 0 < len(encoded) <= _MAX_ENCODED else safe_name(text, taken=set(taken))


def _cut(rows: NDArray[np.int64], sizes: list[int] | None, rows_per_file: int) -> Iterator[NDArray[np.int64]]:
    if sizes is None:
        for start in range(0, len(rows), rows_per_file):
            yield rows[start : start + rows_per_file]
        return
    start, filled = 0, 0
    for at, row in enumerate(rows.tolist()):
        if at > start and (at - start >= rows_per_file or filled + sizes[row] > _EMBEDDED_BYTES):
            yield rows[start:at]
            start, filled = at, 0
        filled += sizes[row]
    if start < len(rows):
        yield rows[start:]


def _image_bytes(pictures: Sequence[Picture | None]) -> pa.Array:
    """Return the bytes of images, those that rows share read once."""
    known: dict[str | None, bytes | None] = {None: None}
    digests = [None if picture is None else picture.sha256 for picture in pictures]
    for digest, picture in zip(digests, pictures, strict=True):
        if picture is not None and digest not in known:
            known[digest] = picture.read()
    return pa.array([known[digest] for digest in digests], type=pa.binary())


def _parquet_bytes(table: pa.Table, options: PartOptions) -> bytes:
    sink = pa.BufferOutputStream()
    ordinary = [leaf for leaf in ordinary_leaves(table.schema) if leaf != IMAGE_BYTES]
    pq.write_table(
        table,
        sink,
        compression=options.compression,
        row_group_size=options.row_group_size,
        use_dictionary=[*ordinary, IMAGE_BYTES],
        # Images that rows share are stored once, however large.
        dictionary_pagesize_limit=2 * _EMBEDDED_BYTES if IMAGE_BYTES in table.column_names else None,
        write_statistics=ordinary,
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def _check_read_back(table: pa.Table, data: bytes, stem: str) -> None:
    masks = [name for name in table.column_names if pa.types.is_struct(table.schema.field(name).type)]
    back = pq.read_table(pa.BufferReader(data), columns=masks, page_checksum_verification=True)
    for name in masks:
        if not back.column(name).equals(table.column(name)):
            raise MaskError(
                f"{stem}: column {name!r} was not read back as it was written. The dataset is as it was."
            )
