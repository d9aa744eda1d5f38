"""Hugging Face datasets of masks: in memory, or as Parquet files, read without the library too."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from samframe.errors import LabelError, MaskError, OptionError
from samframe.labels.frame import LabelRows
from samframe.labels.label_maps import masks_of_numbers, read_numbers
from samframe.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

__all__ = ["read_huggingface"]

_MASKS = ("mask", "label_map", "annotation", "segmentation_mask", "segmentation", "label")
_STANDARD = frozenset({"image", "mask", "label", "error", "split", "bbox", "area"})
_MOST = 65_535
_VOID = 255


def read_huggingface(
    source: Any,
    *,
    image_col: str = "image",
    mask_col: str | None = None,
    label_col: str | None = "label",
    labels: Mapping[int, str] | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read a Hugging Face dataset of masks, or of label maps, as a frame.

    Parameters
    ----------
    source : Dataset, DatasetDict or path
        In memory, or a Parquet file, or a folder of them, such as :func:`samframe.to_huggingface` writes; for these the
        library datasets is not needed.
    image_col : str
        Column of images.
    mask_col : str, optional
        Column of masks (black and white, one object a row) or of label maps (numbers of classes, one image a row).
        None: the first there is of ``mask``, ``label_map``, ``annotation``, ``segmentation_mask``, ``segmentation``,
        ``label``.
    label_col : str, optional
        Column of the labels of masks: numbers of a ClassLabel, or text.
    labels : mapping or sequence of str, optional
        Names by number. None: the ClassLabel's, or those that samframe wrote beside a label map; else the number in
        text.

    Returns
    -------
    DataFrame
        A row a mask, or a row a class of an image: ``image`` (a path, or the file's bytes), ``label``, ``mask``,
        ``category_id``, ``annotation_id``, ``prompt`` and what other plain columns there are, ``split``, ``error``. A
        row that cannot be read has NA as mask, and ``error`` says why.

    Raises
    ------
    LabelError
        If the source has no columns of images and masks, or a file is damaged.
    OptionError
        If the source is none of these, or a column that was named is missing.
    FileNotFoundError
        If there is no such file or folder.
    """
    rows = LabelRows()
    for split, schema, batches in _tables(source):
        column = _mask_column(schema, mask_col, image_col)
        names = _names(schema, column, label_col, labels)
        at = 0
        for batch in batches:
            for row in batch:
                _add(rows, row, f"row {at}", split, names, (image_col, column, label_col))
                at += 1
    return rows.frame("category_id", "annotation_id", "prompt", "split")


def _tables(source: Any) -> Iterator[tuple[str | None, pa.Schema, Iterator[list[dict[str, Any]]]]]:
    """Yield the splits of a source: name, schema, and batches of rows."""
    if isinstance(source, str | os.PathLike):
        yield from _files(Path(source).expanduser())
    elif isinstance(source, Mapping) and all(
        hasattr(part, "data") and hasattr(part, "features") for part in source.values()
    ):
        for split, part in source.items():
            yield str(split), _schema(part), _batches(part)
    elif hasattr(source, "data") and hasattr(source, "features"):
        yield (str(source.split) if source.split is not None else None), _schema(source), _batches(source)
    else:
        raise OptionError(
            f"A Dataset, a DatasetDict, a Parquet file or a folder of them is wanted, not {type(source).__name__}. "
            "A dataset of the hub is loaded with datasets.load_dataset first."
        )


def _schema(dataset: Any) -> pa.Schema:
    schema: pa.Schema = dataset.features.arrow_schema
    inner = dataset.data.schema.metadata or {}
    return schema.with_metadata({**inner, **(schema.metadata or {})})


def _batches(dataset: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield rows as Arrow has them: images stay files; what was selected or shuffled is followed."""
    arrow = dataset.with_format("arrow")
    for first in range(0, len(dataset), 100):
        yield arrow[first : first + 100].to_pylist()


def _files(where: Path) -> Iterator[tuple[str | None, pa.Schema, Iterator[list[dict[str, Any]]]]]:
    if not where.exists():
        raise FileNotFoundError(f"There is no file or folder {os.fspath(where)!r}.")
    files = sorted(where.rglob("*.parquet")) if where.is_dir() else [where]
    if not files:
        raise LabelError(f"{where} has no Parquet files.")
    for file in files:
        try:
            opened = pq.ParquetFile(file)
        except (pa.ArrowException, OSError) as error:
            raise LabelError(f"{file.name} is no Parquet file: {error}") from None
        split = file.stem.split("-")[0] if "-of-" in file.stem else None
        yield split, opened.schema_arrow, _groups(opened, file.name)


def _groups(file: pq.ParquetFile, name: str) -> Iterator[list[dict[str, Any]]]:
    try:
        with file:
            for batch in file.iter_batches(batch_size=100):
                yield batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise LabelError(f"{name} is damaged: {error}") from None


def _is_picture(kind: pa.DataType) -> bool:
    names = {part.name for part in kind} if pa.types.is_struct(kind) else set()
    return pa.types.is_binary(kind) or {"bytes", "path"} <= names


def _mask_column(schema: pa.Schema, given: str | None, image_col: str) -> str:
    for name in (given, image_col):
        if name is not None and name not in schema.names:
            raise OptionError(f"There is no column {name!r}; there are {', '.join(map(repr, schema.names))}.")
    found = given or next(
        (name for name in _MASKS if name in schema.names and _is_picture(schema.field(name).type)), None
    )
    if found is None:
        raise LabelError(
            f"No column holds masks: name it with mask_col. There are {', '.join(map(repr, schema.names))}."
        )
    return found


def _names(schema: pa.Schema, mask_col: str, label_col: str | None, labels: Any) -> dict[int, str] | None:
    """Return the names of labels by number, None where there are none."""
    if labels is not None:
        return {
            int(at): str(name)
            for at, name in (labels.items() if isinstance(labels, Mapping) else enumerate(labels))
        }
    metadata = schema.metadata or {}
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
        own = json.loads(metadata.get(b"samframe", b"{}"))
        found = features.get(label_col) if label_col != mask_col else None
        if isinstance(found, dict) and isinstance(found.get("names"), list):
            return dict(enumerate(map(str, found["names"])))
        if (
            isinstance(own, dict)
            and isinstance(own.get("categories"), list)
            and label_col not in schema.names
        ):
            return dict(enumerate(map(str, own["categories"]), start=1))
    except (ValueError, AttributeError, RecursionError) as error:
        raise LabelError(f"The metadata of the dataset are damaged: {error}") from None
    return None


def _add(
    rows: LabelRows,
    row: dict[str, Any],
    place: str,
    split: str | None,
    names: dict[int, str] | None,
    columns: tuple[str, str, str | None],
) -> None:
    """Add the rows of one row of the dataset."""
    image_col, mask_col, label_col = columns
    image, error = _cell(row.get(image_col))
    plain = {
        name: value
        for name, value in row.items()
        if name not in {*columns, *_STANDARD} and isinstance(value, bool | int | float | str)
    }
    # A row a mask has a label, or null where the mask says that there is nothing; a row an image has none.
    is_object = label_col is not None and label_col != mask_col and label_col in row
    number = row.get(label_col) if is_object and label_col is not None else None
    data = _bytes(row.get(mask_col))
    if data is None:
        rows.add(image, None, None, f"{place}: it has no mask", split=split, **plain)
        return
    try:
        if is_object:
            mask = (
                Mask.from_png(data)
                if data[:4] == b"\x89PNG"
                else Mask.from_numpy(_black_and_white(data, place))
            )
            label = _label(number, names)
            empty = mask.area == 0
            category = number if type(number) is int else None
            rows.add(
                image,
                None if empty and names is None else label,
                mask,
                error,
                category_id=category,
                split=split,
                **plain,
            )
            return
        numbers = read_numbers(data, place)
    except (LabelError, MaskError) as problem:
        told = str(problem) if str(problem).startswith(place) else f"{place}: {problem}"
        rows.add(image, _label(number, names), None, told, split=split, **plain)
        return
    _add_map(rows, numbers, image, error, place, split, names, plain)


def _add_map(
    rows: LabelRows,
    numbers: Any,
    image: Any,
    error: str | None,
    place: str,
    split: str | None,
    names: dict[int, str] | None,
    plain: dict[str, Any],
) -> None:
    present = np.unique(numbers).tolist()
    if names is None and present in ([0, _VOID], [_VOID], [0, 1], [1]):
        rows.add(image, None, Mask.from_numpy(numbers > 0), error, split=split, **plain)
        return
    has_zero = names is not None and 0 in names
    wanted = [at for at in present if (at or has_zero) and (at != _VOID or names is None or at in names)]
    if len(wanted) > _MOST:
        rows.add(
            image, None, None, f"{place}: {len(wanted):,} numbers are no label map", split=split, **plain
        )
        return
    for number, mask in zip(wanted, masks_of_numbers(numbers, wanted), strict=True):
        label = str(number) if names is None else names.get(number)
        told = error if label is not None else f"{place}: there is no label of the number {number}"
        rows.add(image, label, mask, told, category_id=number, split=split, **plain)
    if not wanted:
        rows.add(image, None, Mask.from_polygons([], numbers.shape), error, split=split, **plain)


def _label(number: Any, names: dict[int, str] | None) -> str | None:
    if number is None:
        return None
    if isinstance(number, str):
        return number
    return str(number) if names is None else names.get(number)


def _cell(value: Any) -> tuple[Any, str | None]:
    """Return an image as a cell that samframe takes: its bytes, else its path."""
    if isinstance(value, dict):
        data, path = value.get("bytes"), value.get("path")
        return (data if data is not None else path), None if data or path else "it has no image"
    return value, None


def _bytes(value: Any) -> bytes | None:
    if isinstance(value, dict):
        data, path = value.get("bytes"), value.get("path")
        if data is None and isinstance(path, str) and Path(path).is_file():
            return Path(path).read_bytes()
        return data
    return value if isinstance(value, bytes) else None


def _black_and_white(data: bytes, place: str) -> Any:
    """Return the foreground of a file that is no PNG: what is brighter than half."""
    from PIL import Image  # noqa: PLC0415 - samframe starts without it

    from samframe.errors import ImageError  # noqa: PLC0415
    from samframe.images import quiet  # noqa: PLC0415

    try:
        with quiet(), Image.open(io.BytesIO(data)) as picture:
            return np.array(picture.convert("L")) > 127  # noqa: PLR2004 - half of white
    except ImageError as error:
        raise LabelError(f"{place}: the mask cannot be read: {error}") from None
