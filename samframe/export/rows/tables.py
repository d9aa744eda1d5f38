"""A frame as the table of a dataset's data files, and back: paths, nested cells and index as they were."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from samframe.errors import MaskError, OptionError
from samframe.export.files import relative_frame, restore_paths
from samframe.export.rows import nested as _nested
from samframe.masks import from_arrow, to_arrow

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from samframe.export.files import PathBase

__all__ = [
    "ANNOTATION_ID",
    "IMAGE_BYTES",
    "IMAGE_FILE",
    "ORIGIN",
    "ROW_NUMBER",
    "TableNotes",
    "frame_table",
    "read_notes",
    "table_frame",
]

#: Columns that a dataset adds, besides each mask's file; they are left out when it is read.
ANNOTATION_ID = "annotation_id"
IMAGE_FILE = "image_file"
IMAGE_BYTES = "image_bytes"
ROW_NUMBER = "row_number"
#: Column of what image cells were, where a dataset's own copies stand in their place; it is never written.
ORIGIN = "__samframe_origin__"

_KEY = b"samframe_dataset"
_VERSION = "1.0"
_INDEX = "index:"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNotes:
    """What is needed to make the frame of a data file's table; it stands in the file's own metadata.

    Attributes
    ----------
    image_col : str or None
        Column of images.
    derived : tuple of str
        Columns that the export added.
    paths : tuple of str
        Columns with stored paths; ``index:0`` is the first level of the index.
    path_base : {"dataset", "image_root"}
        What they are relative to.
    kinds : mapping
        Columns of nested cells, and what the cells were.
    labels : mapping
        Columns whose label is a number.
    """

    image_col: str | None = None
    derived: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    path_base: str = "dataset"
    kinds: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)


def frame_table(
    df: pd.DataFrame,
    added: Mapping[str, Any],
    *,
    base: PathBase | None,
    image_col: Hashable | None,
    error_col: Hashable | None,
) -> tuple[pa.Table, dict[str, Any]]:
    """Return a frame with the columns that the export adds as an Arrow table, and a RangeIndex apart.

    Parameters
    ----------
    df : DataFrame
        The user's frame.
    added : mapping of str to array
        Columns to add; None for one that each data file gets by itself.
    base : PathBase or None
        What paths are made relative to; None leaves them.
    image_col, error_col : column name or None
        Columns of images and of messages.

    Returns
    -------
    table : pyarrow.Table
        Its metadata do not depend on how many rows there are.
    index : dict
        Start, stop and step of a RangeIndex, {} for other indexes.

    Raises
    ------
    OptionError
        If a name is taken, or a column holds what no table can keep.
    """
    taken = [name for name in added if name in df.columns]
    if taken:
        raise OptionError(
            f"The column {taken[0]!r} is in the way: the dataset keeps its own under that name. Rename it."
        )
    texts = [str(label) for label in df.columns]
    labels = {text: label for text, label in zip(texts, df.columns, strict=True) if isinstance(label, int)}
    image_name, error_name = (None if name is None else str(name) for name in (image_col, error_col))
    # Arrow has text for names only, and warns of others.
    plain = df.set_axis(texts, axis=1) if any(not isinstance(label, str) for label in df.columns) else df
    plain, kinds = _nested.flatten(plain)
    marked: list[str] = []
    if base is not None:
        plain, marked = relative_frame(plain, base, image_col=image_name, error_col=error_name)
        plain, levels = _relative_index(plain, base, image_col)
        marked += levels
    notes = TableNotes(
        image_col=image_name,
        derived=tuple(added),
        paths=tuple(marked),
        path_base="dataset" if base is None else base.kind,
        kinds=kinds,
        labels=labels,
    )
    try:
        table = to_arrow(plain)
        for name, values in added.items():
            if values is not None:
                table = table.append_column(name, pa.array(values))
    except (pa.ArrowException, TypeError) as error:
        raise OptionError(f"The frame cannot be a table: {error}") from error
    return _noted(table, notes), _described(df.index)


def table_frame(
    table: pa.Table,
    *,
    folder: str | None,
    image_root: str | None = None,
    index: Mapping[str, Any],
    images: str = "original",
    keep: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the frame of a dataset's table.

    Parameters
    ----------
    table : pyarrow.Table
        All rows, or some.
    folder : str or None
        Where the dataset is: a path, or an fsspec URL. None for a file by itself.
    image_root : str, optional
        What paths are relative to that have no relation to the dataset.
    index : mapping
        Start, stop, step and name of the RangeIndex; {} for another index, or where not all rows are here.
    images : {"original", "copied"}
        Whether image cells name the images that were exported, or the dataset's own copies.
    keep : sequence of str
        Columns that the export added to be kept.

    Raises
    ------
    MaskError
        If the table is damaged.
    """
    notes = read_notes(table.schema)
    added = {name: table.column(name) for name in notes.derived if name in table.column_names}
    frame = from_arrow(table.drop_columns(list(added)))
    by_name = {str(label): at for at, label in enumerate(frame.columns)}
    root = folder if notes.path_base == "dataset" else image_root
    _restore_paths(frame, by_name, notes, root)
    for name, kind in notes.kinds.items():
        if name in by_name:
            frame.isetitem(by_name[name], _nested.restore(frame.iloc[:, by_name[name]], kind))
    if folder is not None and notes.image_col in by_name:
        _put_copies(frame, by_name[notes.image_col], added, folder, everywhere=images == "copied")
    if notes.labels:
        frame.columns = pd.Index(
            [notes.labels.get(str(label), label) for label in frame.columns], dtype=object
        )
    for name in keep:
        if name in added:
            frame[name] = added[name].to_numpy()
    if index:
        frame.index = pd.RangeIndex(index["start"], index["stop"], index["step"], name=index["name"])
    return frame


def read_notes(schema: pa.Schema) -> TableNotes:
    """Return a data file's notes, empty ones where it has none.

    Raises
    ------
    MaskError
        If they are damaged, or of a later major version.
    """
    raw = (schema.metadata or {}).get(_KEY)
    if raw is None:
        return TableNotes()
    try:
        content = json.loads(raw)
        if str(content.pop("version")).split(".", maxsplit=1)[0] != _VERSION.split(".", maxsplit=1)[0]:
            raise MaskError("This dataset was written by a later samframe: update samframe to read it.")
        known: dict[str, Any] = {
            name: content[name] for name in TableNotes.__dataclass_fields__ if name in content
        }
        for name in ("derived", "paths"):
            known[name] = tuple(map(str, known.get(name, ())))
        return TableNotes(**known)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, MaskError):
            raise
        raise MaskError("The notes in this data file are damaged.") from error


def _restore_paths(
    frame: pd.DataFrame, by_name: Mapping[str, int], notes: TableNotes, root: str | None
) -> None:
    for name in notes.paths:
        if name.startswith(_INDEX):
            level = int(name.removeprefix(_INDEX))
            stored = frame.index.get_level_values(level).to_series(index=range(len(frame)))
            frame.index = _with_level(frame.index, level, restore_paths(stored, root))
        elif name in by_name:
            frame.isetitem(by_name[name], restore_paths(frame.iloc[:, by_name[name]], root))


def _described(index: pd.Index) -> dict[str, Any]:
    if not isinstance(index, pd.RangeIndex):
        return {}
    name = index.name if isinstance(index.name, str | int) else None
    return {"start": index.start, "stop": index.stop, "step": index.step, "name": name}


def _noted(table: pa.Table, notes: TableNotes) -> pa.Table:
    """Put the notes into the metadata, and take from pandas' own what depends on the number of rows."""
    metadata = dict(table.schema.metadata or {})
    described = json.loads(metadata[b"pandas"])
    described["index_columns"] = [
        dict(level, start=0, stop=0, step=1) if isinstance(level, dict) else level
        for level in described["index_columns"]
    ]
    metadata[b"pandas"] = json.dumps(described).encode()
    content = {
        "version": _VERSION,
        "image_col": notes.image_col,
        "derived": notes.derived,
        "paths": notes.paths,
        "path_base": notes.path_base,
        "kinds": dict(notes.kinds),
        "labels": dict(notes.labels),
    }
    metadata[_KEY] = json.dumps(content).encode()
    return table.replace_schema_metadata(metadata)


def _relative_index(
    df: pd.DataFrame, base: PathBase, image_col: Hashable | None
) -> tuple[pd.DataFrame, list[str]]:
    marked = []
    for level in range(df.index.nlevels):
        values = df.index.get_level_values(level)
        column = pd.DataFrame(values.to_series(index=range(len(df))))
        changed, found = relative_frame(column, base, image_col=image_col, error_col=None)
        if found:
            marked.append(f"{_INDEX}{level}")
            df = df.set_axis(_with_level(df.index, level, changed.iloc[:, 0]), axis=0)
    return df, marked


def _with_level(index: pd.Index, level: int, column: pd.Series) -> pd.Index:
    """Return an index with the values of one level replaced."""
    values = pd.Index(column.array, dtype=column.dtype, name=index.names[level])
    if not isinstance(index, pd.MultiIndex):
        return values
    levels = [values if at == level else index.get_level_values(at) for at in range(index.nlevels)]
    return pd.MultiIndex.from_arrays(levels, names=index.names)


def _put_copies(
    frame: pd.DataFrame, at: int, added: Mapping[str, Any], folder: str, *, everywhere: bool
) -> None:
    """Put the dataset's own images where the cells held images in memory, or everywhere."""
    for name in (IMAGE_FILE, IMAGE_BYTES):
        if name not in added:
            continue
        copies = added[name].to_pylist()
        cells = list(frame.iloc[:, at].astype(object).array)
        chosen = [
            copy is not None
            and (everywhere or bool(pd.isna(cell)) if not isinstance(cell, bytes) else everywhere)
            for cell, copy in zip(cells, copies, strict=True)
        ]
        if any(chosen):
            found = [f"{folder.rstrip('/')}/{copy}" if isinstance(copy, str) else copy for copy in copies]
            merged = [
                copy if is_chosen else cell
                for cell, copy, is_chosen in zip(cells, found, chosen, strict=True)
            ]
            frame.isetitem(at, pd.Series(merged, index=frame.index, dtype=object))
            if everywhere:
                frame[ORIGIN] = pd.Series(
                    [None if isinstance(cell, bytes) else cell for cell in cells],
                    index=frame.index,
                    dtype=object,
                )
