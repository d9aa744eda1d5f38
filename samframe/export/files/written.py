"""The files of a dataset while it is written: what is there already stays, the manifest makes the new ones count."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from samframe.export.files.manifest import FIDELITY, MANIFEST, FileEntry, Manifest, manifest_bytes
from samframe.export.files.storage import sha256_of

if TYPE_CHECKING:
    from samframe.export.files.storage import Folder

__all__ = ["Store", "is_leftover", "is_own_file"]

_OWN = re.compile(
    r"data/(?:[^/]+=[^/]*/)*part-\d{5,}-([0-9a-f]{16})\.parquet"
    r"|masks/[0-9a-f]{2}/[0-9a-f]{40}\.(?:png|npz)"
    r"|images/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]{2,4}"
)
_TEMPORARY = re.compile(r"(?:[^/]+/)*\.[^/]+\.part")


class Store:
    """What an export puts into a folder.

    Parameters
    ----------
    folder : Folder
        Where to.
    before : Manifest or None
        The dataset that is there.
    """

    def __init__(self, folder: Folder, before: Manifest | None) -> None:
        self.folder = folder
        self._before = before
        self._known = {} if before is None else {entry.path: entry for entry in before.files}
        self._staged: list[tuple[str, bytes]] = []

    def kept(self, path: str) -> FileEntry | None:
        """Return the entry of a file that is there as the last manifest has it, None otherwise."""
        entry = self._known.get(path)
        if entry is None or self.folder.size(path) != entry.bytes:
            return None
        return entry if sha256_of(self.folder, path) == (entry.sha256, entry.bytes) else None

    def put(self, path: str, data: bytes, *, kind: str) -> FileEntry:
        """Write a file, unless it is there with the same content."""
        entry = FileEntry(path=path, kind=kind, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        if not self._is_there(entry):
            self.folder.write(path, data)
        return entry

    def stage(self, path: str, data: bytes, *, rows: int) -> FileEntry:
        """Write a data file that comes to its place just before the manifest: readers of ``data/*`` see it late."""
        entry = FileEntry(
            path=path, kind="data", sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), rows=rows
        )
        if not self._is_there(entry):
            self.folder.stage(path, data)
        return entry

    def commit(self, manifest: Manifest, fidelity: bytes) -> None:
        """Make the files that were put the dataset, and remove what is no longer part of it."""
        before = self._before
        digest = hashlib.sha256(fidelity).hexdigest()
        is_there = self._digest_of(FIDELITY)
        new = replace(
            manifest,
            generation=1 if before is None else before.generation + 1,
            fidelity={"sha256": digest, "before": is_there if is_there != digest else None},
        )
        if before is None:  # no reader yet: so the report is never missing where a manifest is
            self.folder.replace(FIDELITY, fidelity)
        self.folder.publish()
        self.folder.sync()
        if before is None or not _same(before, new):
            self.folder.replace(MANIFEST, manifest_bytes(new))
        if before is not None and is_there != digest:
            self.folder.replace(FIDELITY, fidelity)
        self._clean({entry.path for entry in manifest.files})

    def _is_there(self, entry: FileEntry) -> bool:
        if self.folder.size(entry.path) != entry.bytes:
            return False
        return sha256_of(self.folder, entry.path) == (entry.sha256, entry.bytes)

    def _digest_of(self, path: str) -> str | None:
        return None if self.folder.size(path) is None else sha256_of(self.folder, path)[0]

    def _clean(self, kept: set[str]) -> None:
        """Remove files of samframe's own naming that no manifest names; a user's files stay."""
        for path in list(self.folder.files()):
            if path not in kept and (_OWN.fullmatch(path) or _TEMPORARY.fullmatch(path)):
                self.folder.remove(path)


def is_own_file(path: str) -> bool:
    """Say whether a path is one that an export writes, a temporary one too."""
    return (
        path in {MANIFEST, FIDELITY}
        or _OWN.fullmatch(path) is not None
        or _TEMPORARY.fullmatch(path) is not None
    )


def is_leftover(folder: Folder, path: str) -> bool:
    """Say whether a file that no manifest names was left by an interrupted export, and is whole or temporary."""
    if _TEMPORARY.fullmatch(path):
        return True
    own = _OWN.fullmatch(path)
    if own is None:
        return False
    return own[1] is None or sha256_of(folder, path)[0].startswith(own[1])


def _same(one: Manifest, other: Manifest) -> bool:
    """Say whether two manifests describe the same dataset."""
    return replace(one, generation=0, fidelity={}) == replace(other, generation=0, fidelity={})
