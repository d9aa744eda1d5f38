"""Reads a dataset again, file by file, and names what is not as its manifest says."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from samframe.errors import MaskError, OptionError, SamframeError
from samframe.export.files import (
    FIDELITY,
    MANIFEST,
    FileEntry,
    Manifest,
    is_leftover,
    open_folder,
    read_manifest,
    sha256_of,
)
from samframe.masks import from_arrow

if TYPE_CHECKING:
    from samframe.export.files import Folder

__all__ = ["Difference", "VerifyReport", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One file that is not as the manifest says.

    Attributes
    ----------
    path : str
        Relative to the dataset.
    kind : {"damaged", "missing", "surplus"}
        What is wrong with it.
    detail : str
        The same in words.
    """

    path: str
    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.path!a} ({self.detail})"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What reading a dataset again has found.

    Attributes
    ----------
    path : str
        The dataset.
    files, bytes, rows : int
        What was read.
    differences : tuple of Difference
        What is wrong, in the order of the manifest.
    leftovers : tuple of str
        Files that an interrupted export left: they are no part of the dataset, and the next export removes them.
    """

    path: str
    files: int
    bytes: int
    rows: int
    differences: tuple[Difference, ...] = ()
    leftovers: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every file is as it was written, and nothing is missing or surplus."""
        return not self.differences

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        read = f"{self.files:,} files, {self.bytes:,} bytes, {self.rows:,} rows read"
        lines = [
            f"{self.path}: {'as it was written' if self.ok else f'{len(self.differences)} differences'}; {read}"
        ]
        lines += [f"  {difference}" for difference in self.differences]
        if self.leftovers:
            lines.append(
                f"  {len(self.leftovers):,} files of an interrupted export; the next one removes them"
            )
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return the report as JSON text."""
        facts = {
            "path": self.path,
            "ok": self.ok,
            "files": self.files,
            "bytes": self.bytes,
            "rows": self.rows,
            "differences": [
                {"path": found.path, "kind": found.kind, "detail": found.detail} for found in self.differences
            ],
            "leftovers": list(self.leftovers),
        }
        return json.dumps(facts, indent=1, ensure_ascii=True) + "\n"


def verify(path: str | os.PathLike[str]) -> VerifyReport:
    """Read a dataset again and name every file that is not as it was written.

    Each file's length and SHA-256 are compared with the manifest, the manifest with its own checksum, and all masks
    are read. A single Parquet file is read whole, the checksums of its pages included.

    Parameters
    ----------
    path : path or fsspec URL
        A dataset's folder, or a Parquet file.

    Returns
    -------
    VerifyReport
        True where all is well.

    Raises
    ------
    FileNotFoundError
        If there is no dataset.
    """
    text = os.fspath(path)
    if text.casefold().endswith((".parquet", ".pq")):
        return _verify_file(text)
    folder = open_folder(text)
    try:
        manifest = read_manifest(folder)
    except MaskError as error:
        found = Difference(path=MANIFEST, kind="damaged", detail=str(error))
        return VerifyReport(
            path=folder.shown, files=1, bytes=folder.size(MANIFEST) or 0, rows=0, differences=(found,)
        )
    checked = [_check(folder, entry) for entry in manifest.files]
    differences = [difference for difference in checked if difference is not None]
    differences += _check_fidelity(folder, manifest)
    surplus, leftovers = _find_surplus(folder, manifest)
    return VerifyReport(
        path=folder.shown,
        files=len(manifest.files) + 2,
        bytes=sum(entry.bytes for entry in manifest.files),
        rows=sum(entry.rows or 0 for entry in manifest.files),
        differences=(*differences, *surplus),
        leftovers=tuple(leftovers),
    )


def _check(folder: Folder, entry: FileEntry) -> Difference | None:
    try:
        digest, length = sha256_of(folder, entry.path)
    except FileNotFoundError:
        return Difference(path=entry.path, kind="missing", detail=f"a file of {entry.bytes:,} bytes")
    except (OSError, OptionError) as error:
        return Difference(path=entry.path, kind="damaged", detail=f"cannot be read: {error}")
    if length != entry.bytes:
        return Difference(
            path=entry.path, kind="damaged", detail=f"{length:,} bytes long, not {entry.bytes:,}"
        )
    if digest != entry.sha256:
        return Difference(path=entry.path, kind="damaged", detail="its SHA-256 is another")
    return _check_rows(folder, entry) if entry.kind == "data" else None


def _check_rows(folder: Folder, entry: FileEntry) -> Difference | None:
    rows = 0
    try:
        with folder.open(entry.path) as handle:
            file = pq.ParquetFile(handle, page_checksum_verification=True)
            for group in range(file.num_row_groups):
                rows += len(from_arrow(file.read_row_group(group)))
    except (pa.ArrowException, OSError, SamframeError) as error:
        return Difference(path=entry.path, kind="damaged", detail=f"cannot be read: {error}")
    if rows != entry.rows:
        return Difference(path=entry.path, kind="damaged", detail=f"{rows:,} rows, not {entry.rows:,}")
    return None


def _check_fidelity(folder: Folder, manifest: Manifest) -> list[Difference]:
    """Compare fidelity.json, which is put in place after the manifest: until then it is that of the export before."""
    if folder.size(FIDELITY) is None:
        return [Difference(path=FIDELITY, kind="missing", detail="the report of the export")]
    known = (manifest.fidelity.get("sha256"), manifest.fidelity.get("before"))
    if sha256_of(folder, FIDELITY)[0] in known:
        return []
    return [Difference(path=FIDELITY, kind="damaged", detail="its SHA-256 is another")]


def _find_surplus(folder: Folder, manifest: Manifest) -> tuple[list[Difference], list[str]]:
    known = {MANIFEST, FIDELITY, *(entry.path for entry in manifest.files)}
    surplus, leftovers = [], []
    for path in sorted(set(folder.files()) - known):
        if is_leftover(folder, path):
            leftovers.append(path)
        else:
            surplus.append(Difference(path=path, kind="surplus", detail="no part of the dataset"))
    return surplus, leftovers


def _verify_file(path: str) -> VerifyReport:
    folder, name = open_folder(os.path.dirname(path) or "."), os.path.basename(path)  # noqa: PTH119, PTH120 - may be a URL
    length = folder.size(name)
    if length is None:
        raise FileNotFoundError(f"{path}: no such file")
    rows, differences = 0, []
    try:
        with folder.open(name) as handle:
            file = pq.ParquetFile(handle, page_checksum_verification=True)
            for group in range(file.num_row_groups):
                rows += len(from_arrow(file.read_row_group(group)))
    except (pa.ArrowException, OSError, SamframeError) as error:
        differences.append(Difference(path=name, kind="damaged", detail=f"cannot be read: {error}"))
    return VerifyReport(path=path, files=1, bytes=length, rows=rows, differences=tuple(differences))
