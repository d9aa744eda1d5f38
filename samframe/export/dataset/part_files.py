"""Parquet parts that are written one at a time, wherever their rows are, and made one dataset by a manifest at last."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe._version import __version__
from samframe.export.dataset.parquet import write_parquet
from samframe.export.files import FIDELITY, MANIFEST, FileEntry, LocalFolder, Manifest, manifest_bytes
from samframe.export.report import ExportReport

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    import pandas as pd

__all__ = ["PARTS", "describe_part", "finish_parts", "write_part"]

#: Where the parts lie within the folder.
PARTS = "data"


def write_part(df: pd.DataFrame, folder: str | os.PathLike[str], name: str, **options: Any) -> FileEntry:
    """Write one part of a dataset; it appears whole or not at all.

    Parameters
    ----------
    df : pandas.DataFrame
        Its rows.
    folder : path
        The dataset's folder on this machine.
    name : str
        Name of the part's file.
    **options
        Those of :func:`samframe.export.write_parquet`.

    Returns
    -------
    FileEntry
        What the manifest says of it.
    """
    path = Path(folder) / PARTS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(df, path, **options)
    return describe_part(folder, name, rows=len(df))


def describe_part(folder: str | os.PathLike[str], name: str, *, rows: int) -> FileEntry:
    """Return what the manifest says of a part that is there."""
    path = Path(folder) / PARTS / name
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(path=f"{PARTS}/{name}", kind="data", sha256=digest, bytes=path.stat().st_size, rows=rows)


def finish_parts(
    folder: str | os.PathLike[str], entries: Iterable[FileEntry], *, statuses: Mapping[str, int] | None = None
) -> None:
    """Write the manifest: from now on the parts are a dataset, for :func:`samframe.read_parquet` and ``verify``.

    Parameters
    ----------
    folder : path
        The dataset's folder on this machine.
    entries : iterable of FileEntry
        All parts, in the order of their rows.
    statuses : mapping of str to int, optional
        Rows by status.
    """
    files = tuple(entries)
    counts: dict[str, Any] = {"rows": sum(entry.rows or 0 for entry in files)}
    if statuses:
        counts["status"] = {name: count for name, count in sorted(statuses.items()) if count}
    report = ExportReport(path=str(folder), format="parts", rows_written=counts["rows"]).to_json().encode()
    manifest = Manifest(generation=1, samframe_version=__version__, counts=counts, files=files)
    place = LocalFolder(folder)
    place.replace(FIDELITY, report)
    digest = {"sha256": hashlib.sha256(report).hexdigest(), "before": None}
    place.replace(MANIFEST, manifest_bytes(replace(manifest, fidelity=digest)))
