"""What a cell may hold, told apart: path, URL, data URI, bytes, array, Pillow image, or nothing of use."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import ImageError
from samframe.ground.cells import is_missing
from samframe.images.image import Image, image_of_source, image_of_url
from samframe.images.path import locate, resolve_root
from samframe.images.source import (
    ArraySource,
    BytesSource,
    FileSource,
    FsspecSource,
    PictureSource,
    Source,
    TextSource,
)
from samframe.images.text import (
    check_url,
    encode_url,
    is_picture_base64,
    path_of_file_uri,
    scheme_of,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["find_source", "read_image", "read_images", "recognise"]

# Object stores only: fsspec's local://, http:// and chains (zip::) get around image_root and check_url.
_FSSPEC_SCHEMES = frozenset(
    {"abfs", "abfss", "adl", "az", "gcs", "gs", "hf", "memory", "oci", "oss", "s3", "s3a"}
)

#: Where a record says its image lies: datasets has path, its viewer's API src, others a URL.
_PLACES = ("path", "url", "src")
_MOST_NAMES = 6
#: What str() makes of a Pillow image, bytes, an array or a record.
_PRINTED = re.compile(
    r"<PIL\."
    r"|b(?:ytearray\()?['\"](?:\\x89PNG|\\xff\\xd8|GIF8|RIFF)"
    r"|\[\[\s*\[?\s*\d+[\s,]"
    r"|\{['\"](?:bytes|path)['\"]:"
)

_BLANK = " \t\r\n\v\f\u00a0\u200b\u200c\u200d\u2060\ufeff"


def read_image(cell: object, *, image_root: str | os.PathLike[str] | None = None) -> Image:
    """Read what a cell holds, check that it is an image, and say what is sent for it.

    A PNG, JPEG or still GIF of at most 2048 px that is stored upright is sent as it is, metadata included.
    Anything else is encoded anew: turned upright, scaled down to 2048 px, 8 bits a channel, without
    metadata. JPEG stays JPEG (quality 95), the rest becomes PNG; transparency is kept; of an animation or of
    several pages the first is sent. Of 16 bits the upper 8 are sent; floats in 0..1 are multiplied by 255, those
    in 0..255 are rounded, others are scaled from their least to their largest.

    Parameters
    ----------
    cell : object
        A path (``~``, relative, ``file://``), an http(s) URL (passed on, never downloaded), a data URI or
        base64 text, bytes, a Pillow image, a uint8 array of shape (h, w), (h, w, 1), (h, w, 3) or (h, w,
        4), an fsspec URL of an object store (``s3://``, ``gs://``, ``memory://``), or a record
        ``{"bytes": ..., "path": ...}`` as Hugging Face's datasets has it. Files may be of any format that Pillow
        opens; HEIC needs pillow-heif.
    image_root : path, optional
        A folder that confines paths: relative ones start there, and what lies outside (through ``..`` or a
        link, too) is refused, as are object stores.

    Returns
    -------
    Image

    Raises
    ------
    ImageError
        If the cell is empty, or holds no image that can be sent. The message names the cell.
    OptionError
        If ``image_root`` is no folder.
    """
    return _read(cell, resolve_root(image_root))


def read_images(
    cells: Iterable[object], *, image_root: str | os.PathLike[str] | None = None
) -> list[Image | ImageError]:
    """Read many cells; equal ones are read once and share one Image. A bad cell gives its error in its place.

    Parameters
    ----------
    cells : iterable of object
        As for :func:`read_image`.
    image_root : path, optional
        As for :func:`read_image`.

    Returns
    -------
    list of Image or ImageError
        One for each cell, in order. The errors carry no traceback, and so hold no memory.

    Raises
    ------
    OptionError
        If ``image_root`` is no folder.
    """
    root = resolve_root(image_root)
    by_cell: dict[object, Image | ImageError] = {}
    by_path: dict[str, Image | ImageError] = {}
    results: list[Image | ImageError] = []
    kept: list[object] = []  # holds objects that are known by their id, so that no id is given twice
    for cell in cells:
        key = _key(cell)
        if key not in by_cell:
            kept.append(cell)
            by_cell[key] = _read_quietly(cell, root, by_path)
        results.append(by_cell[key])
    return results


def find_source(cell: object, *, image_root: str | os.PathLike[str] | None = None) -> Source | Image:
    """Return where a cell's image comes from, without reading it.

    Parameters
    ----------
    cell : object
        As for :func:`read_image`.
    image_root : path, optional
        As for :func:`read_image`.

    Returns
    -------
    Source or Image
        An Image for an http(s) URL, which has no source.

    Raises
    ------
    ImageError
        If the cell is empty, or can be no image.
    OptionError
        If ``image_root`` is no folder.
    """
    return recognise(cell, resolve_root(image_root))


def _key(cell: object) -> object:
    # The class is part of the key: text and bytes must not meet (python -b), nor Path("a:/b") and "a://b".
    if isinstance(cell, str | bytes | PurePath):
        return (type(cell), cell)
    return (id(cell),)


def _read_quietly(
    cell: object, root: str | None, by_path: dict[str, Image | ImageError]
) -> Image | ImageError:
    try:
        found = recognise(cell, root)
        if not isinstance(found, FileSource):
            return found if isinstance(found, Image) else image_of_source(found)
        if found.path not in by_path:
            # An error names the path as this cell wrote it, so only images are shared between spellings.
            by_path[found.path] = image_of_source(found)
        return by_path[found.path]
    except ImageError as error:
        return ImageError(str(error))


def _read(cell: object, root: str | None) -> Image:
    found = recognise(cell, root)
    return found if isinstance(found, Image) else image_of_source(found)


def recognise(cell: object, root: str | None) -> Source | Image:
    """Return the recipe of a cell, or the finished Image of a URL."""
    if hasattr(cell, "as_py"):  # a scalar of pyarrow's
        cell = cell.as_py()
    match cell:
        case str():
            # Not str(cell): an enum member of text would give its name.
            return _recognise_text(str.__str__(cell), root)
        case bytes() | bytearray() | memoryview():
            return BytesSource(cell)
        case np.ndarray():
            return ArraySource(_check_array(cell))
        case os.PathLike():
            return _recognise_pathlike(cell, root)
        case Mapping():
            return _recognise_mapping(cell, root)
    if _is_pillow_image(cell):
        return PictureSource(cell)
    if is_missing(cell):
        raise ImageError("no image: the cell is empty")
    raise ImageError(
        f"a cell of type {type(cell).__name__} is no image; "
        "give a path, a URL, bytes, a Pillow image or a uint8 array of shape (h, w) or (h, w, 3)"
    )


def _recognise_text(text: str, root: str | None) -> Source | Image:
    stripped = text.strip(_BLANK)
    if not stripped:
        raise ImageError("no image: the cell is empty")
    if _PRINTED.match(stripped):
        raise ImageError(
            f"{shorten(stripped, limit=40)} is the printed form of an image, not the image: the column was turned to "
            'text. With Dask: dask.config.set({"dataframe.convert-string": False}) before the frame is made'
        )
    scheme = scheme_of(stripped)
    match scheme:
        case "http" | "https":
            url = encode_url(stripped)
            note = None if url == stripped else "spaces and quotes in URLs are sent percent-encoded"
            return image_of_url(check_url(url), note=note)
        case "data":
            return TextSource(stripped)
        case "file":
            return FileSource(locate(path_of_file_uri(stripped), root=root), text, root)
        case None if is_picture_base64(text):
            return TextSource(text)
        case None:
            return FileSource(locate(text, root=root), text, root)
        case _:
            return _recognise_object(stripped, scheme, root)


def _recognise_object(url: str, scheme: str, root: str | None) -> Source:
    if scheme not in _FSSPEC_SCHEMES or "::" in url:
        raise ImageError(f"{shorten(url)}: {scheme}:// is not read; use https://, s3://, gs:// or a path")
    if root is not None:
        raise ImageError(f"{shorten(url)}: lies outside image_root")
    return FsspecSource(url)


def _recognise_pathlike(cell: os.PathLike[Any], root: str | None) -> Source:
    text = os.fspath(cell)
    if not isinstance(text, str):
        raise ImageError("a path of bytes is not read; use str or pathlib.Path")
    return FileSource(locate(text, root=root), text, root)


def _recognise_mapping(cell: Mapping[Any, Any], root: str | None) -> Source | Image:
    """Return the recipe of a record, as Hugging Face's datasets hold images: bytes where there are, else a path."""
    data, path = (
        cell.get("bytes"),
        next((cell[name] for name in _PLACES if not is_missing(cell.get(name))), None),
    )
    if isinstance(data, bytes | bytearray | memoryview) and len(data):
        return BytesSource(data, os.fspath(path) if isinstance(path, str | PurePath) else None)
    if data is not None and not is_missing(data) and not isinstance(data, bytes | bytearray | memoryview):
        raise ImageError(f"a record whose bytes are of type {type(data).__name__}")
    if isinstance(path, str | PurePath):
        return recognise(path, root)
    if cell.keys() & {"bytes", *_PLACES}:
        raise ImageError("no image: the cell is empty")
    names = ", ".join(map(repr, list(cell)[:_MOST_NAMES]))
    raise ImageError(
        f"a cell of type {type(cell).__name__} with {names or 'nothing'} in it is no image; 'bytes' or 'path' is wanted"
    )


def _is_pillow_image(cell: object) -> bool:
    # If Pillow was never imported the cell cannot be one of its images, and it stays unimported.
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(cell, module.Image)


def _check_array(array: NDArray[Any]) -> NDArray[np.uint8]:
    shape = array.shape
    if array.dtype == np.bool_:
        raise ImageError("an array of bool is no image; use (array * 255).astype('uint8')")
    if array.dtype != np.uint8:
        raise ImageError(
            f"an array of {array.dtype} is no image; scale its values to 0..255 and use array.astype('uint8')"
        )
    if array.ndim == 3 and shape[0] in {1, 3, 4} and shape[2] not in {1, 3, 4}:  # noqa: PLR2004 - channels
        raise ImageError(f"an array of shape {shape} has its channels first; use array.transpose(1, 2, 0)")
    if array.ndim not in {2, 3} or (array.ndim == 3 and shape[2] not in {1, 3, 4}):  # noqa: PLR2004 - channels
        raise ImageError(f"an array of shape {shape} is no image; it must be (h, w), (h, w, 3) or (h, w, 4)")
    if array.size == 0:
        raise ImageError(f"an array of shape {shape} has no pixels")
    return array
