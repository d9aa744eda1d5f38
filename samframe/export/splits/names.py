"""What an export calls its images: ids, stems of files, and the paths it tells; whatever the order of the rows."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from samframe.export.files import Scratch, fold_name
from samframe.export.rows import content_key, path_text, place_of

if TYPE_CHECKING:
    from samframe.export.files import ScratchMap
    from samframe.export.rows import Record

__all__ = ["ImageNames"]

_SEVERAL = b"several"
_DIGEST_CHARS = 10


class ImageNames:
    """Told of each image once in the first pass over the rows, it names them in the second.

    Names that several images share are made longer for all of them, so that none depends on which row comes first.

    Parameters
    ----------
    paths : {"relative", "absolute"}
        What is told of absolute paths: "relative" tells where an image lies below `image_root`, else below the folder
        that all absolute paths share.
    image_root : path, optional
    merge : bool
        Whether files of equal bytes are one image.
    """

    def __init__(self, *, paths: str, image_root: str | os.PathLike[str] | None, merge: bool) -> None:
        scratch = Scratch()
        self._stems, self._contents, self._files = scratch.map(), scratch.map(), scratch.map()
        self._tells_all, self._merge = paths == "absolute", merge
        self._root = None if image_root is None else os.path.abspath(Path(image_root).expanduser())  # noqa: PTH100 - links stay
        self._folder: str | None = None

    def key(self, record: Record) -> str:
        """Return what tells images apart: their bytes, and where files of equal bytes lie."""
        place = "" if self._merge else place_of(record)
        return f"{content_key(record)}\0{place}" if place else content_key(record)

    def note(self, record: Record) -> None:
        """Take note of an image."""
        key = self.key(record)
        _note(self._stems, fold_name(_stem(record)), key)
        _note(self._contents, content_key(record), key)
        _note(self._files, _file_key(record), key)
        path = _absolute(record)
        if path is not None:
            folder = os.path.dirname(path)  # noqa: PTH120 - text
            self._folder = folder if self._folder is None else _shared(self._folder, folder)

    def told(self, record: Record) -> str | None:
        """Return what is told of where an image lies: None of bytes and pixels."""
        text = path_text(record.origin)
        path = _absolute(record)
        if text is None or self._tells_all or (path is None and not _looks_absolute(text)):
            return text
        if path is None:  # of another system
            return _last_part(text)
        base = self._root or self._folder
        if base is not None and base != os.path.dirname(base) and _shared(base, path) == base:  # noqa: PTH120 - the root is its own parent
            return os.path.relpath(path, base).replace(os.sep, "/")
        if self._stems.get(fold_name(_stem(record))) == _SEVERAL:
            return os.path.splitdrive(path)[1].replace(os.sep, "/").lstrip("/")
        return _last_part(path)

    def stem(self, record: Record) -> str:
        """Return a text to name an image's file after, without a suffix."""
        stem = _stem(record)
        if self._stems.get(fold_name(stem)) != _SEVERAL:
            return stem
        told = self.told(record)
        whole = told if told is not None else self.key(record)
        if told is not None and "://" not in told:
            stem = "_".join(
                part for part in PurePosixPath(told.replace("\\", "/")).with_suffix("").parts if part != "/"
            )
        digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{stem}-{digest[:_DIGEST_CHARS]}"

    def number_text(self, record: Record) -> str:
        """Return the text that an image's id is made of: its bytes; of files of equal bytes, their names too."""
        content = content_key(record)
        if self._contents.get(content) != _SEVERAL:
            return content
        if self._files.get(_file_key(record)) != _SEVERAL:
            return _file_key(record)
        return f"{content}\0{self.told(record)}"


def _note(known: ScratchMap, name: str, key: str) -> None:
    mine = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    if known.setdefault(name, mine) not in {mine, _SEVERAL}:
        known[name] = _SEVERAL


def _file_key(record: Record) -> str:
    return f"{content_key(record)}\0{_last_part(path_text(record.origin) or '')}"


def _stem(record: Record) -> str:
    """Return the name of an image's file without its suffix, else a digest's beginning."""
    text = path_text(record.origin)
    if text is None:
        return f"image-{content_key(record)[:12]}"
    name = _last_part(text.split("?", maxsplit=1)[0] if "://" in text else text)
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name


def _absolute(record: Record) -> str | None:
    """Return the absolute path of an image's cell, in one spelling; None where it names none of this machine."""
    text = path_text(record.origin)
    if text is None or "://" in text:
        return None
    path = os.path.expanduser(text)  # noqa: PTH111 - Path raises on ~unknown
    return os.path.normpath(path) if os.path.isabs(path) else None  # noqa: PTH117 - text


def _looks_absolute(text: str) -> bool:
    return "://" not in text and (text.startswith(("/", "~", "\\")) or text[1:2] == ":")


def _shared(one: str, other: str) -> str:
    """Return the folder that two paths share; "" where they share none."""
    try:
        return os.path.commonpath([one, other])
    except ValueError:  # different drives
        return ""


def _last_part(text: str) -> str:
    return text.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
