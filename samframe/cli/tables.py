"""Tables as people keep them: CSV, Parquet and JSON lines, read without bending a prompt."""

from __future__ import annotations

import gzip
import json
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

from samframe.errors import OptionError
from samframe.export import read_parquet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["read_table"]

_FORMATS = "CSV (.csv, .tsv), Parquet (.parquet, .pq) or JSON lines (.jsonl, .ndjson)"


def read_table(path: Path, *, text_columns: Sequence[str]) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : pathlib.Path
        Its suffix tells the format; CSV and JSON lines may be compressed with gzip (``.csv.gz``).
    text_columns : sequence of str
        Columns whose cells stay the text they are in a CSV file: a prompt "none" or "007" is no missing value and no
        number. Only an empty cell is missing.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    OptionError
        If there is no such file, its format is unknown, or it cannot be read.
    """
    if not path.is_file():
        raise OptionError(f"There is no table {path}.")
    suffixes = [
        suffix.lower() for suffix in path.suffixes if suffix.lower() not in {".gz", ".bz2", ".xz", ".zst"}
    ]
    try:
        match suffixes[-1] if suffixes else "":
            case ".csv":
                return _read_csv(path, ",", text_columns)
            case ".tsv":
                return _read_csv(path, "\t", text_columns)
            case ".parquet" | ".pq":
                return read_parquet(path)
            case ".jsonl" | ".ndjson":
                return _read_json_lines(path)
    except OptionError:
        raise
    except (ValueError, ImportError, EOFError, RecursionError) as error:
        raise OptionError(f"{path} cannot be read: {str(error).rstrip('.')}.") from None
    raise OptionError(f"{path} is of no format that is read: {_FORMATS}.")


def _read_csv(path: Path, separator: str, text_columns: Sequence[str]) -> pd.DataFrame:
    # By default pandas takes the first of surplus cells for a label: each row's image would move into its prompt.
    frame = _parsed(path, sep=separator, index_col=False)
    present = [name for name in text_columns if name in frame.columns]
    if present:
        as_text = _parsed(
            path, sep=separator, index_col=False, usecols=present, dtype=str, keep_default_na=False
        )
        for name in present:
            column = as_text[name].astype(object)
            frame[name] = column.where(column != "", None)
    return frame


def _parsed(path: Path, **options: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, **options)
        except pd.errors.ParserWarning:
            raise OptionError(f"{path} cannot be read: its rows have more cells than its header.") from None


def _read_json_lines(path: Path) -> pd.DataFrame:
    """Return the frame of a file with one JSON object a line; pandas' own reader would guess at dates and numbers."""
    rows = []
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix.lower() == ".gz"
        else path.open(encoding="utf-8") as file
    ):
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is no JSON object")  # noqa: TRY004 - the file's fault, not a type's
            rows.append(row)
    return pd.DataFrame(rows)
