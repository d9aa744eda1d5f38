"""Which image a row shows: its content, and the place that tells files of equal bytes apart."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samframe.export.rows.records import Record

__all__ = ["content_key", "path_text", "place_of"]

#: No file system has longer paths: such a text holds the picture itself.
_LONGEST_PATH = 4096


def content_key(record: Record) -> str:
    """Return what an image is: the digest of its bytes, or its URL."""
    picture = record.picture
    return picture.sha256 if picture is not None and picture.sha256 is not None else f"url:{record.image}"


def place_of(record: Record) -> str:
    """Return where an image lies, in one spelling: "" for bytes, pixels and URLs, which are known by what they are."""
    text = path_text(record.origin)
    if text is None or (record.picture is not None and record.picture.is_reference):
        return ""
    path = getattr(record.picture.source, "path", None) if record.picture is not None else None
    if record.origin is record.image and isinstance(path, str):
        return path
    return text if "://" in text else os.path.normpath(text)


def path_text(cell: object) -> str | None:
    """Return the path or URL that a cell of images names, None for bytes, pixels, data URIs and base64 text.

    Examples
    --------
    >>> path_text({"bytes": b"...", "path": "a.png"}), path_text("file:///data/a.png"), path_text(b"...")
    ('a.png', '/data/a.png', None)
    """
    if isinstance(cell, Mapping):  # as Hugging Face datasets has images
        cell = cell.get("path")
    if not isinstance(cell, str | PurePath):
        return None
    text = str(cell)
    if text.startswith("data:") or len(text) > _LONGEST_PATH:
        return None
    scheme, colon, rest = text.partition("://")
    return rest if colon and scheme.casefold() == "file" else text
