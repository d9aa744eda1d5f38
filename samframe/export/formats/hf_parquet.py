"""Tables of a Hugging Face dataset, one a split: in Parquet files that carry its features, or in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["SplitTables", "hf_schema"]

#: Rows a row group: few, so that single rows of images are read quickly.
_GROUP_ROWS = 100
#: Bytes a row group and a file are ended at; a file also at a number of row groups, of which its footer tells.
_GROUP_BYTES = 64 << 20
_FILE_BYTES = 512 << 20
_FILE_GROUPS = 200

_IMAGE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])


def hf_schema(categories: Sequence[str], *, values: Sequence[int] | None) -> pa.Schema:
    """Return an Arrow schema whose metadata tell datasets its features: load_dataset then decodes images by itself.

    Parameters
    ----------
    categories : sequence of str
        Names of the ClassLabel, or of the label maps' values.
    values : sequence of int, optional
        The value of each category in label maps, of which 0 is background: one row an image. None: one row a mask.
    """
    image = {"_type": "Image"}
    number = {"dtype": "int64", "_type": "Value"}
    if values is not None:
        features: dict[str, Any] = {"image": image, "label_map": image}
        types = {"image": _IMAGE, "label_map": _IMAGE}
    else:
        features = {
            "image": image,
            "mask": image,
            "label": {"names": list(categories), "_type": "ClassLabel"},
            "prompt": {"dtype": "string", "_type": "Value"},
            "bbox": {"feature": number, "length": 4, "_type": "Sequence"},
            "area": number,
            "annotation_id": number,
            "row": number,
        }
        types = {name: pa.int64() for name in features}
        types |= {"image": _IMAGE, "mask": _IMAGE, "prompt": pa.string(), "bbox": pa.list_(pa.int64(), 4)}
    metadata = {
        "huggingface": json.dumps({"info": {"features": features}}),
        "samframe": json.dumps(
            {
                "background": 0,
                "categories": list(categories),
                **({} if values is None else {"values": list(values)}),
            }
        ),
    }
    return pa.schema([pa.field(name, types[name]) for name in features], metadata=metadata)


class SplitTables:
    """Takes rows; keeps them as tables in memory, or in ``data/SPLIT-00000-of-00001.parquet`` below a folder."""

    def __init__(self, schema: pa.Schema, names: Mapping[str, str], root: Path | None) -> None:
        self._schema = schema
        self._names = dict(names)
        self._folder = None if root is None else root / "data"
        self._waiting: dict[str, list[dict[str, Any]]] = {split: [] for split in names}
        self._bytes: dict[str, int] = dict.fromkeys(names, 0)
        self._tables: dict[str, list[pa.Table]] = {split: [] for split in names}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._files: dict[str, list[Path]] = {split: [] for split in names}
        self._file_bytes: dict[str, int] = dict.fromkeys(names, 0)
        self._file_groups: dict[str, int] = dict.fromkeys(names, 0)

    def __enter__(self) -> Self:
        if self._folder is not None:
            self._folder.mkdir()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for split in self._names:
            if kind is None:
                self._flush(split)
            self._end_file(split)
        if kind is None:
            for split, files in self._files.items():
                self._files[split] = [
                    path.rename(path.with_name(f"{self._names[split]}-{at:05}-of-{len(files):05}.parquet"))
                    for at, path in enumerate(files)
                ]

    def add(self, split: str, row: dict[str, Any]) -> None:
        """Add a row, its values as the schema has them."""
        self._waiting[split].append(row)
        self._bytes[split] += sum(len(value["bytes"]) for value in row.values() if isinstance(value, dict))
        if len(self._waiting[split]) >= _GROUP_ROWS or self._bytes[split] >= _GROUP_BYTES:
            self._flush(split)

    def _flush(self, split: str) -> None:
        rows = self._waiting[split]
        if not rows:  # datasets cannot read a file without rows
            return
        table = pa.Table.from_pylist(rows, schema=self._schema)
        if self._folder is None:
            self._tables[split].append(table)
        else:
            self._writer(split).write_table(table)
            self._file_bytes[split] += self._bytes[split]
            self._file_groups[split] += 1
            if self._file_bytes[split] >= _FILE_BYTES or self._file_groups[split] >= _FILE_GROUPS:
                self._end_file(split)
        self._waiting[split], self._bytes[split] = [], 0

    def _writer(self, split: str) -> pq.ParquetWriter:
        if split not in self._writers and self._folder is not None:
            path = self._folder / f"{self._names[split]}-{len(self._files[split]):05}.part"
            self._writers[split] = pq.ParquetWriter(
                path,
                self._schema,
                compression="zstd",
                write_page_checksum=True,
                # The least and the greatest of files and their names would be kept of every row group until the end.
                write_statistics=[
                    name for name in self._schema.names if self._schema.field(name).type != _IMAGE
                ],
            )
            self._files[split].append(path)
            self._file_bytes[split] = self._file_groups[split] = 0
        return self._writers[split]

    def _end_file(self, split: str) -> None:
        writer = self._writers.pop(split, None)
        if writer is not None:
            writer.close()

    def table(self, split: str) -> pa.Table:
        """Return the rows of a split that are kept in memory."""
        return pa.concat_tables([self._schema.empty_table(), *self._tables[split]])

    def pairs(self, split: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield the values of some columns, row by row, from the files where there are some."""
        tables = iter(self._tables[split]) if self._folder is None else self._read(split, columns)
        for table in tables:
            yield from zip(*(table.column(name).to_pylist() for name in columns), strict=True)

    def _read(self, split: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        for path in self._files[split]:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group, columns=list(columns))
