"""Tables larger than memory: Parquet, CSV and JSON lines read in batches that fall on the same rows every time."""

from __future__ import annotations

import glob
import gzip
import itertools
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from samframe.errors import OptionError
from samframe.masks import from_arrow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Source", "find_sources"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")
_PARQUET, _CSV, _LINES = (".parquet", ".pq"), (".csv", ".tsv"), (".jsonl", ".ndjson")
_FORMATS = (
    "Parquet (.parquet, .pq), CSV (.csv, .tsv) or JSON lines (.jsonl, .ndjson); text may be gzipped (.gz)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of a table.

    Attributes
    ----------
    name : str
        Its path or URL.
    stamp : str
        What changes when its content does: its size, and its time of change where that is known.
    open : callable
        Opens it, in binary.
    """

    name: str
    stamp: str
    open: Callable[[], IO[bytes]] = field(repr=False)

    @property
    def n_rows(self) -> int | None:
        """Its rows, where they can be told without reading them all."""
        if not self._suffix.endswith(_PARQUET):
            return None
        with self._reading(), self.open() as file:
            return int(pq.ParquetFile(file).metadata.num_rows)

    def batches(self, rows: int) -> Iterator[pd.DataFrame]:
        """Yield its rows, so many at a time.

        Raises
        ------
        OptionError
            If it cannot be read, or a later batch of JSON lines has columns of other types than the first.
        """
        suffix = self._suffix
        with self._reading(), self.open() as file:
            if suffix.endswith(_PARQUET):
                yield from _parquet_batches(file, rows)
            elif suffix.endswith(_CSV):
                yield from _csv_batches(file, rows, "\t" if suffix.endswith(".tsv") else ",")
            else:
                yield from _line_batches(file, rows)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Say which file it is that cannot be read."""
        try:
            yield
        except (ValueError, pa.ArrowException, OSError, EOFError) as error:
            if isinstance(error, OptionError):
                raise
            raise OptionError(f"{self.name} cannot be read: {str(error).rstrip('.')}.") from None

    @property
    def _suffix(self) -> str:
        return self.name.casefold().removesuffix(".gz")


def find_sources(source: Any) -> list[Source]:
    """Return the files of a table, in the order of their names.

    Parameters
    ----------
    source : path, URL or list of them
        A file, a folder, or a pattern with ``*``; URLs go through fsspec.

    Raises
    ------
    OptionError
        If there is none, or one of an unknown format.
    """
    several = source if isinstance(source, list | tuple) else [source]
    found = [one for item in several for one in _find(os.fspath(item))]
    if not found:
        raise OptionError(f"There is no table {source}: {_FORMATS}.")
    unknown = [one.name for one in found if not one._suffix.endswith((*_PARQUET, *_CSV, *_LINES))]  # noqa: SLF001 - its own class'
    if unknown:
        raise OptionError(f"{unknown[0]} is of no format that is read: {_FORMATS}.")
    return found


def _find(text: str) -> list[Source]:
    if _SCHEME.match(text):
        return _find_remote(text)
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        names = sorted(str(file) for file in path.rglob("*") if file.is_file() and _is_table(file.name))
    else:
        names = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(str(path)) else [str(path)]  # noqa: PTH207 - patterns may be absolute
    return [_local(Path(name)) for name in names if Path(name).is_file()]


def _local(path: Path) -> Source:
    state = path.stat()
    return Source(
        name=str(path), stamp=f"{state.st_size}.{state.st_mtime_ns}", open=lambda: _open_local(path)
    )


def _find_remote(url: str) -> list[Source]:
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise OptionError(f"{url} needs fsspec: pip install samframe[fsspec]") from None
    system, root = url_to_fs(url)
    if glob.has_magic(root):
        names = sorted(system.glob(root))
    elif system.isdir(root):
        names = sorted(name for name in system.find(root) if _is_table(name))
    else:
        names = [root] if system.exists(root) else []

    def opener(name: str) -> Callable[[], IO[bytes]]:
        packed = "gzip" if name.casefold().endswith(".gz") else None
        return lambda: system.open(name, "rb", compression=packed)

    return [
        Source(name=system.unstrip_protocol(name), stamp=str(system.size(name)), open=opener(name))
        for name in names
    ]


def _is_table(name: str) -> bool:
    lowered = name.casefold()
    hidden = Path(name).name.startswith((".", "_"))
    return not hidden and lowered.removesuffix(".gz").endswith((*_PARQUET, *_CSV, *_LINES))


def _open_local(path: Path) -> Any:
    if path.name.casefold().endswith(".gz"):
        return gzip.GzipFile(path, "rb")
    return path.open("rb")


def _parquet_batches(file: IO[bytes], rows: int) -> Iterator[pd.DataFrame]:
    parquet = pq.ParquetFile(file)
    schema, start = parquet.schema_arrow, 0
    indexed = [
        name for name in (schema.pandas_metadata or {}).get("index_columns", []) if isinstance(name, str)
    ]
    for batch in parquet.iter_batches(rows, use_threads=False):
        frame = from_arrow(pa.Table.from_batches([batch], schema=schema))
        yield frame if indexed else _numbered(frame, start)
        start += len(frame)


def _csv_batches(file: IO[bytes], rows: int, separator: str) -> Iterator[pd.DataFrame]:
    """Yield text, as it stands: a type that is inferred anew for each batch would change within a column."""
    start = 0
    for chunk in pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False, chunksize=rows):
        frame = pd.DataFrame(
            {name: column.astype(object).where(column != "", None) for name, column in chunk.items()}
        )
        yield _numbered(frame.astype("string"), start)
        start += len(frame)


def _line_batches(file: IO[bytes], rows: int) -> Iterator[pd.DataFrame]:
    lines = (line for line in file if line.strip())
    dtypes: dict[Any, Any] | None = None
    start = 0
    while batch := list(itertools.islice(lines, rows)):
        records = [json.loads(line) for line in batch]
        if not all(isinstance(record, dict) for record in records):
            raise ValueError(f"a line after row {start} is no JSON object")
        frame = pd.DataFrame(records, columns=None if dtypes is None else list(dtypes)).convert_dtypes()
        if dtypes is None:
            dtypes = dict(frame.dtypes)
        yield _numbered(frame.astype(dtypes), start)
        start += len(frame)


def _numbered(frame: pd.DataFrame, start: int) -> pd.DataFrame:
    return frame.set_axis(pd.RangeIndex(start, start + len(frame)))
