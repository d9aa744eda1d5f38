"""Folders of an export: storage, manifest, names, paths, and what is remembered on disk."""

from samframe.export.files.manifest import (
    FIDELITY,
    MANIFEST,
    FileEntry,
    Manifest,
    manifest_bytes,
    read_manifest,
)
from samframe.export.files.names import fold_name, safe_name
from samframe.export.files.paths import PathBase, find_base, relative_frame, restore_paths
from samframe.export.files.row_columns import RowColumn
from samframe.export.files.scratch import Scratch, ScratchMap
from samframe.export.files.storage import Folder, LocalFolder, location_of, open_folder, sha256_of
from samframe.export.files.written import Store, is_leftover, is_own_file

__all__ = [
    "FIDELITY",
    "MANIFEST",
    "FileEntry",
    "Folder",
    "LocalFolder",
    "Manifest",
    "PathBase",
    "RowColumn",
    "Scratch",
    "ScratchMap",
    "Store",
    "find_base",
    "fold_name",
    "is_leftover",
    "is_own_file",
    "location_of",
    "manifest_bytes",
    "open_folder",
    "read_manifest",
    "relative_frame",
    "restore_paths",
    "safe_name",
    "sha256_of",
]
