"""Frames with mask columns to Arrow tables and back, with what is needed to read them stated in versioned metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from samframe.errors import MaskError, OptionError
from samframe.ground.frame import FOLDER_ATTR
from samframe.masks.array import MaskArray, MaskDtype
from samframe.masks.arrow import STORAGE_TYPE, is_mask_type, masks_from_arrow, masks_to_arrow
from samframe.masks.columns import measures as _columns

if TYPE_CHECKING:
    from collections.abc import Hashable


__all__ = ["from_arrow", "to_arrow"]

_MOST_DETAIL = 300

#: Where the metadata stand in an Arrow schema, and so in a Parquet file.
METADATA_KEY = b"samframe"
#: Version of the metadata. A reader refuses another major version and ignores what a later minor version adds.
METADATA_VERSION = "1.0"
_ENCODING = "coco-rle"
_BBOX_TYPE = pa.struct([pa.field(name, pa.int32(), nullable=False) for name in ("x", "y", "width", "height")])


def to_arrow(df: pd.DataFrame, *, preserve_index: bool | None = None) -> pa.Table:
    """Return a frame as an Arrow table that any reader understands.

    A mask column ``m`` becomes ``struct<h: int32, w: int32, counts: binary>``, the counts COCO's compressed RLE bytes.
    Beside it stand ``m_area`` (int64, pixels) and ``m_bbox`` (struct of int32: x, y, width, height), for readers
    to filter by; :func:`from_arrow` leaves them out again. The schema has no Arrow extension type.

    Parameters
    ----------
    df : pandas.DataFrame
        Any frame; column names are unique.
    preserve_index : bool, optional
        As in :meth:`pyarrow.Table.from_pandas`: by default the index is kept, a RangeIndex as metadata only.

    Raises
    ------
    OptionError
        If column names repeat or have levels, masks are the index, or a name like ``m_area`` is taken already.
    """
    mask_columns = _mask_columns(df)
    plain = df.copy(deep=False)
    plain.attrs = {name: value for name, value in df.attrs.items() if name != FOLDER_ATTR}
    for position in range(len(df.columns)):
        if isinstance(df.dtypes.iloc[position], MaskDtype):
            plain.isetitem(position, np.full(len(df), None, dtype=object))
    try:
        table = pa.Table.from_pandas(plain, preserve_index=preserve_index)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        detail = "; ".join(str(part) for part in error.args) or str(error)
        raise OptionError(
            f"The frame cannot be an Arrow table: {detail[:_MOST_DETAIL]}. Convert that column."
        ) from error
    described: dict[str, dict[str, str]] = {}
    for label in mask_columns:
        array, name = df[label].array, str(label)
        at = table.schema.get_field_index(name)
        table = table.set_column(at, pa.field(name, STORAGE_TYPE), _chunked(masks_to_arrow(array)))
        boxes = _boxes(array)  # first: where the runs are decoded for them, the areas are known too
        table = table.add_column(at + 1, f"{name}_area", _areas(array))
        table = table.add_column(at + 2, pa.field(f"{name}_bbox", _BBOX_TYPE), boxes)
        described[name] = {"encoding": _ENCODING, "area": f"{name}_area", "bbox": f"{name}_bbox"}
    return table.replace_schema_metadata(_metadata(table.schema, described))


def from_arrow(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a frame, its masks as dtype ``mask``.

    Parameters
    ----------
    table : pyarrow.Table
        As :func:`to_arrow` makes it, or any other: columns of the type ``struct<h: int32, w: int32, counts: binary>``
        become masks without metadata too (other programs drop them).

    Raises
    ------
    MaskError
        If the metadata are damaged, were written by a later major version, or a value is no mask.
    """
    described = _read_metadata(table.schema)
    derived = {column.get(kind) for column in described.values() for kind in ("area", "bbox")}
    derived -= {None, *described}
    table = table.select([at for at, name in enumerate(table.column_names) if name not in derived])
    is_mask = [field.name in described or is_mask_type(field.type) for field in table.schema]
    masks: dict[int, MaskArray] = {}
    plain = table
    for at in np.flatnonzero(is_mask).tolist():
        name = table.column_names[at]
        try:
            masks[at] = masks_from_arrow(table.column(at), MaskArray)
        except MaskError as error:
            raise MaskError(f"Column {name!r}: {error}") from error
        plain = plain.set_column(at, name, pa.nulls(len(table)))
    return _put_masks(_to_pandas(plain), plain, masks)


def _mask_columns(df: pd.DataFrame) -> list[Hashable]:
    """Return the labels of the mask columns, after checking that the frame can be a table."""
    if isinstance(df.columns, pd.MultiIndex):
        raise OptionError("An Arrow table has one level of column names: flatten df.columns first.")
    if not df.columns.is_unique:
        repeated = df.columns[df.columns.duplicated()][0]
        raise OptionError(f"An Arrow table has unique column names, but {repeated!r} repeats: rename one.")
    levels = [df.index.get_level_values(level) for level in range(df.index.nlevels)]
    if any(isinstance(level.dtype, MaskDtype) for level in levels):
        raise OptionError("Masks as an index cannot be stored: use df.reset_index() first.")
    labels = [label for label in df.columns if isinstance(df[label].dtype, MaskDtype)]
    for label in labels:
        for taken in (f"{label}_area", f"{label}_bbox"):
            if taken in df.columns:
                raise OptionError(
                    f"The column {taken!r} is in the way: area and box of {label!r} are stored under that name. "
                    "Rename or drop it."
                )
    return labels


def _chunked(array: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _areas(array: MaskArray) -> pa.Array:
    return pa.array(_columns.areas(array.pool, array.positions), mask=array.isna())


def _boxes(array: MaskArray) -> pa.StructArray:
    sides = _columns.bboxes(array.pool, array.positions).astype(np.int32).T
    children = [pa.array(np.ascontiguousarray(side)) for side in sides]
    return pa.StructArray.from_arrays(children, fields=list(_BBOX_TYPE), mask=pa.array(array.isna()))


def _metadata(schema: pa.Schema, described: dict[str, dict[str, str]]) -> dict[bytes, bytes]:
    """Return the table's metadata: pandas' own, with masks named objects, and samframe's."""
    metadata = dict(schema.metadata or {})
    pandas_metadata = json.loads(metadata[b"pandas"])
    columns = []
    for column in pandas_metadata["columns"]:
        if column["field_name"] in described:
            column |= {"pandas_type": "object", "numpy_type": "object", "metadata": None}
        columns.append(column)
        for kind, dtype in (("area", "Int64"), ("bbox", "object")):
            if name := described.get(column["field_name"], {}).get(kind):
                columns.append(
                    {
                        "name": name,
                        "field_name": name,
                        "pandas_type": dtype.lower(),
                        "numpy_type": dtype,
                        "metadata": None,
                    }
                )
    metadata[b"pandas"] = json.dumps(pandas_metadata | {"columns": columns}).encode()
    metadata[METADATA_KEY] = json.dumps({"version": METADATA_VERSION, "columns": described}).encode()
    return metadata


def _read_metadata(schema: pa.Schema) -> dict[str, dict[str, str]]:
    """Return what the metadata say of each mask column that the table has, {} where there are none.

    Raises
    ------
    MaskError
        If they are damaged or were written by a later major version.
    """
    raw = (schema.metadata or {}).get(METADATA_KEY)
    if raw is None:
        return {}
    try:
        metadata: Any = json.loads(raw)
        version, columns = metadata["version"], metadata["columns"]
        major = int(str(version).split(".")[0])
        sound = isinstance(columns, dict) and all(isinstance(column, dict) for column in columns.values())
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MaskError(
            "The samframe metadata of this table are damaged: they are no JSON object with a version."
        ) from error
    if major != int(METADATA_VERSION.split(".", maxsplit=1)[0]):
        raise MaskError(
            f"This table was written with metadata version {version}; this samframe reads version {METADATA_VERSION}. "
            "Update samframe to read it."
        )
    if not sound:
        raise MaskError("The samframe metadata of this table are damaged: their columns are no JSON objects.")
    present = {name: column for name, column in columns.items() if schema.get_field_index(name) >= 0}
    for name, column in present.items():
        if column.get("encoding") != _ENCODING or not all(
            isinstance(value, str) for value in column.values()
        ):
            raise MaskError(
                f"Column {name!r}: unknown mask encoding {column.get('encoding')!r} in the metadata."
            )
    return present


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    try:
        return table.to_pandas()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise MaskError(f"The pandas metadata of this table are damaged: {error!r}") from error


def _put_masks(df: pd.DataFrame, table: pa.Table, masks: dict[int, MaskArray]) -> pd.DataFrame:
    """Put mask arrays, keyed by their position in the table, into the frame that was made of it."""
    indices = (table.schema.pandas_metadata or {}).get("index_columns", [])
    labels = [at for at, name in enumerate(table.column_names) if name not in indices]
    if len(labels) != df.shape[1] or not set(masks) <= set(labels):
        raise MaskError(
            "The pandas metadata of this table are damaged: its index columns do not fit the table."
        )
    for at, array in masks.items():
        df.isetitem(labels.index(at), array)
    return df
