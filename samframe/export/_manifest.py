"""manifest.json of a dataset: which files it is made of, their hashes, and what else a reader must know."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from samframe.errors import MaskError

if TYPE_CHECKING:
    from samframe.export._storage import Folder

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
#: A reader refuses another major version and ignores what a later minor version adds.
SCHEMA_VERSION = "1.0"
_FORMAT = "samframe-dataset"
_BLANK = "0" * 64
_KEY = '"manifest_sha256": "'


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
        A RangeIndex' start, stop and step; empty for others.
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
    index: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    fidelity: dict[str, str | None] = field(default_factory=dict)
    files: tuple[FileEntry, ...] = ()


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as the text of its file: JSON, one file a line, with a digest of itself."""
    head = {"format": _FORMAT, "schema_version": SCHEMA_VERSION, **asdict(manifest)}
    files = head.pop("files")
    lines = [json.dumps({key: value for key, value in file.items() if value is not None}) for file in files]
    body = json.dumps({**head, "manifest_sha256": _BLANK}, indent=1, ensure_ascii=True)
    listed = ",\n  ".join(lines)
    text = (
        f'{body[:-2]},\n "files": [\n  {listed}\n ]\n}}\n' if lines else f'{body[:-2]},\n "files": []\n}}\n'
    )
    return text.replace(_KEY + _BLANK, _KEY + hashlib.sha256(text.encode("ascii")).hexdigest(), 1).encode(
        "ascii"
    )


def parse_manifest(data: bytes, *, shown: str) -> Manifest:
    """Return the manifest of its file's bytes.

    Parameters
    ----------
    data : bytes
        The file.
    shown : str
        How messages call the dataset.

    Raises
    ------
    MaskError
        If it is no manifest, was changed, or is of a later major version.
    """
    try:
        text = data.decode("ascii")
        content = json.loads(text)
        if content["format"] != _FORMAT:
            raise KeyError("format")  # noqa: TRY301 - the same words for all that is no manifest
        version, digest = str(content["schema_version"]), str(content["manifest_sha256"])
        is_newer = int(version.split(".", maxsplit=1)[0]) != int(SCHEMA_VERSION.split(".", maxsplit=1)[0])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MaskError(f"{shown}: manifest.json is damaged: {str(error)[:200]}") from None
    if is_newer:
        raise MaskError(
            f"{shown} was written with schema version {version}; this samframe reads {SCHEMA_VERSION}. "
            "Update samframe to read it."
        )
    blank = text.replace(_KEY + digest, _KEY + _BLANK, 1)
    if hashlib.sha256(blank.encode("ascii")).hexdigest() != digest:
        raise MaskError(
            f"{shown}: manifest.json was changed after it was written: its checksum does not fit."
        )
    try:
        files = tuple(
            FileEntry(**{key: file[key] for key in _ENTRY if key in file}) for file in content["files"]
        )
        fields = {key: content[key] for key in _FIELDS if key in content}
        return Manifest(**fields, files=files)
    except (TypeError, KeyError, AttributeError):
        raise MaskError(f"{shown}: manifest.json is damaged: it lacks what a manifest has.") from None


_ENTRY = tuple(FileEntry.__dataclass_fields__)
_FIELDS = tuple(name for name in Manifest.__dataclass_fields__ if name != "files")


def read_manifest(folder: Folder) -> Manifest:
    """Return a dataset's manifest.

    Raises
    ------
    FileNotFoundError
        If the folder has none: it is no dataset.
    MaskError
        As :func:`parse_manifest`.
    """
    try:
        with folder.open(MANIFEST) as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{folder.shown}: no dataset, there is no {MANIFEST} in it") from None
    return parse_manifest(data, shown=folder.shown)
