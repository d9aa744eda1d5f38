"""manifest.json of a dataset: which files it is made of, their hashes, and what else a reader must know."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from samframe.errors import MaskError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from samframe.export.files.storage import Folder

__all__ = [
    "MANIFEST",
    "SCHEMA_VERSION",
    "FileEntry",
    "Manifest",
    "manifest_bytes",
    "parse_manifest",
    "read_manifest",
]

MANIFEST = "manifest.json"
FIDELITY = "fidelity.json"
#: A reader refuses another major version and ignores what a later minor version adds.
SCHEMA_VERSION = "1.0"
_FORMAT = "samframe-dataset"
_BLANK = "0" * 64
_KEY = '"manifest_sha256": "'
_KEY_LINE = f" {_KEY}".encode("ascii")
_FILES = ' "files": ['
_END = "\n ]\n}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a dataset.

    Attributes
    ----------
    path : str
        Relative to the folder, with forward slashes.
    kind : {"data", "mask", "image"}
        What it holds.
    sha256 : str
        Hexadecimal digest.
    bytes : int
        Length.
    rows : int or None
        Rows of a data file.
    """

    path: str
    kind: str
    sha256: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a dataset is.

    Attributes
    ----------
    generation : int
        Counts the exports that changed something.
    samframe_version : str
        Of the last one that did.
    counts : mapping
        Rows, masks, distinct masks, images, rows a status.
    splits : mapping
        Rows a split; empty without a split column.
    options : mapping
        How it was written.
    index : mapping
        A RangeIndex' start, stop, step and name; empty for others.
    warnings : list of str
        What a reader of the dataset should know.
    fidelity : mapping
        ``sha256`` and ``before``: digests of fidelity.json, after this export and before it.
    files : tuple of FileEntry
        All files but the manifest and fidelity.json, data files in the order of their rows.
    """

    generation: int
    samframe_version: str
    counts: dict[str, Any] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    index: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    fidelity: dict[str, str | None] = field(default_factory=dict)
    files: tuple[FileEntry, ...] = ()


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as the text of its file: JSON, one file a line, with a digest of itself."""
    head = {"format": _FORMAT, "schema_version": SCHEMA_VERSION}
    head |= {name: getattr(manifest, name) for name in _FIELDS}
    body = json.dumps({**head, "manifest_sha256": _BLANK}, indent=1, ensure_ascii=True)
    listed = ",\n".join(json.dumps(_entry(file)) for file in manifest.files)
    blank = f"{body[:-2]},\n{_FILES}\n{listed}{_END}".encode("ascii")
    digest = hashlib.sha256(blank).hexdigest()
    return blank.replace(f'{_KEY}{_BLANK}"'.encode("ascii"), f'{_KEY}{digest}"'.encode("ascii"), 1)


def parse_manifest(lines: Iterable[bytes], *, shown: str, kinds: Collection[str] | None = None) -> Manifest:
    """Return the manifest of its file's lines.

    Parameters
    ----------
    lines : iterable of bytes
        The file. Lines are read one at a time: a dataset may have a million files.
    shown : str
        How messages call the dataset.
    kinds : collection of str, optional
        Kinds of files to keep; all by default.

    Raises
    ------
    MaskError
        If it is no manifest, was changed, or is of a later major version.
    """
    digest, head, files, in_files = hashlib.sha256(), [], [], False
    stated = ""
    try:
        for line in lines:
            if line.startswith(_KEY_LINE):
                stated = line[len(_KEY_LINE) :][:64].decode("ascii")
                line = line.replace(stated.encode("ascii"), _BLANK.encode("ascii"), 1)  # noqa: PLW2901 - as it was hashed
            digest.update(line)
            if not in_files:
                head.append(line)
                in_files = line.rstrip() == _FILES.encode("ascii")
            elif line.startswith(b"{"):
                entry = json.loads(line.rstrip().rstrip(b","))
                if kinds is None or entry["kind"] in kinds:
                    files.append(FileEntry(**{name: entry[name] for name in _ENTRY if name in entry}))
        content = json.loads(b"".join(head) + b"]}")
        version = str(content["schema_version"]) if content["format"] == _FORMAT else ""
        is_known = version.split(".", maxsplit=1)[0] == SCHEMA_VERSION.split(".", maxsplit=1)[0]
        fields = {name: content[name] for name in _FIELDS if name in content}
        if is_known and digest.hexdigest() == stated:
            return Manifest(**fields, files=tuple(files))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise MaskError(f"{shown}: {MANIFEST} is damaged: it is no manifest of a samframe dataset.") from None
    if not is_known:
        raise MaskError(
            f"{shown} was written with schema version {version}; this samframe reads {SCHEMA_VERSION}. "
            "Update samframe to read it."
        )
    raise MaskError(f"{shown}: {MANIFEST} was changed after it was written: its checksum does not fit.")


def read_manifest(folder: Folder, *, kinds: Collection[str] | None = None) -> Manifest:
    """Return a dataset's manifest.

    Parameters
    ----------
    folder : Folder
        Where the dataset is.
    kinds : collection of str, optional
        Kinds of files to keep; all by default.

    Raises
    ------
    FileNotFoundError
        If the folder has none: it is no dataset.
    MaskError
        As :func:`parse_manifest`.
    """
    try:
        with folder.open(MANIFEST) as file:
            return parse_manifest(file, shown=folder.shown, kinds=kinds)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{folder.shown}: no dataset, there is no {MANIFEST} in it") from None


_ENTRY = tuple(FileEntry.__dataclass_fields__)
_FIELDS = tuple(name for name in Manifest.__dataclass_fields__ if name != "files")


def _entry(file: FileEntry) -> dict[str, Any]:
    values = {name: getattr(file, name) for name in _ENTRY}
    return {name: value for name, value in values.items() if value is not None}
