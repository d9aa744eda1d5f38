"""The image of a row as exporters need it: size, bytes and pixels in the raster that its mask lies on."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from samframe.errors import ImageError
from samframe.export.files import Scratch
from samframe.export.rows.foreign import MAX_FILE_BYTES, as_png, examine, small_rgb
from samframe.images import (
    MAX_PIXELS,
    Image,
    find_source,
    raster,
    read_stored,
    without_orientation,
)

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import NDArray

    from samframe.images import Source

__all__ = ["Picture", "PictureReader", "open_picture"]

#: What all readers of training sets take as it is; the rest is written as PNG.
_COPIED = frozenset({".png", ".jpg", ".webp", ".tif", ".bmp"})
_PNG = b"\x89PNG\r\n\x1a\n"
#: Pictures that a reader has at hand; what it found of all others is on disk.
_AT_HAND = 256
#: Texts beyond this hold the picture itself: they are not kept alive.
_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Picture:
    """One row's image, its bytes read when they are asked for.

    Masks lie on the raster as it is stored, before EXIF rotation. Readers differ on whether they rotate: files for
    them are made by :meth:`file`, which all readers see alike.

    Attributes
    ----------
    label : str
        How messages call it: no content, no secrets of a URL.
    size_hw : (int, int) or None
        Height and width of the raster that masks lie on. None for a URL, which samframe passes on unread.
    sha256 : str or None
        Hexadecimal digest of the bytes that :meth:`read` returns. None for a URL.
    n_bytes : int
        Length of those bytes; 0 for a URL.
    suffix : str
        Such as ``".png"``, ``".jpg"`` or ``".tif"``, by the content; "" for a URL.
    orientation : int
        EXIF orientation, 1 to 8; 1 needs no turning.
    source : Source or None
        The recipe: a path or the user's own object. None for a URL.
    """

    label: str
    size_hw: tuple[int, int] | None = None
    sha256: str | None = None
    n_bytes: int = 0
    suffix: str = ""
    orientation: int = 1
    source: Source | None = None

    @property
    def is_reference(self) -> bool:
        """Whether this is only a reference: a URL, whose bytes samframe does not download."""
        return self.source is None

    def read(self) -> bytes:
        """Return the file's bytes; a PNG of the pixels where the cell holds pixels.

        Raises
        ------
        ImageError
            If it can no longer be read, is another one than before, or is a URL.
        """
        data = read_stored(self._given(), max_bytes=MAX_FILE_BYTES)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ImageError(f"{self.label}: changed since this export had read it")
        return data

    def file(self) -> tuple[bytes, str]:
        """Return a file that every reader shows as the raster that masks lie on, and its suffix.

        EXIF orientation is taken out; GIF, a TIFF that is to be turned, and what trainers do not read become PNG.

        Raises
        ------
        ImageError
            As :meth:`read`.
        """
        data = self.read()
        if self.suffix not in _COPIED or (self.suffix == ".png" and not data.startswith(_PNG)):
            return as_png(data), ".png"
        return data if self.orientation == 1 else without_orientation(data), self.suffix

    def look(self, *, max_side: int) -> NDArray[np.uint8]:
        """Return the picture in RGB, uint8 of shape (h, w, 3), its longer side at most `max_side`.

        Raises
        ------
        ImageError
            As :meth:`read`.
        """
        if self.suffix in {".png", ".jpg", ".gif", ".webp"} and self._is_small:
            return raster(self._given(), max_side=max_side)[0]
        return small_rgb(self.read(), max_side=max_side)

    @property
    def _is_small(self) -> bool:
        return self.size_hw is None or self.size_hw[0] * self.size_hw[1] <= MAX_PIXELS

    def _given(self) -> Source:
        if self.source is None:
            raise ImageError(f"{self.label}: samframe passes image URLs on and does not download them")
        return self.source

    def __repr__(self) -> str:
        return f"Picture({self.label}, size_hw={self.size_hw})"


class PictureReader:
    """Opens the pictures of many rows: equal cells are read once, a bad one gives its error in words.

    Parameters
    ----------
    image_root : path, optional
        A folder that confines paths; relative ones start there.
    """

    def __init__(self, image_root: str | os.PathLike[str] | None = None) -> None:
        self._image_root = image_root
        self._at_hand: OrderedDict[object, Picture | str] = OrderedDict()
        self._found = Scratch().map()

    def open(self, cell: object) -> Picture | str:
        """Return the picture, or why there is none.

        Raises
        ------
        OptionError
            If `image_root` is no folder.
        """
        # Bytes and objects are not remembered: they would be kept alive.
        if not isinstance(cell, str | PurePath):
            return self._read(cell)
        text = str(cell)
        if len(text) > _LONGEST_PATH:
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
            return self._remembered(cell, digest.digest())
        key = (type(cell), text)
        if key not in self._at_hand:
            self._at_hand[key] = self._remembered(cell, f"{isinstance(cell, str):d}{text}")
            if len(self._at_hand) > _AT_HAND:
                self._at_hand.popitem(last=False)
        return self._at_hand[key]

    def _remembered(self, cell: object, key: str | bytes) -> Picture | str:
        """Return what was found of an equal cell before, else what is found now."""
        known = self._found.get(key)
        if known is None:
            found = self._read(cell)
            self._found[key] = json.dumps(found if isinstance(found, str) else _facts(found))
            return found
        facts = json.loads(known)
        try:
            return facts if isinstance(facts, str) else _picture(cell, facts, self._image_root)
        except ImageError as error:
            return str(error)

    def _read(self, cell: object) -> Picture | str:
        try:
            return open_picture(cell, image_root=self._image_root)
        except ImageError as error:
            return str(error)


def _facts(picture: Picture) -> list[Any]:
    return [picture.size_hw, picture.sha256, picture.n_bytes, picture.suffix, picture.orientation]


def _picture(cell: object, facts: list[Any], image_root: str | os.PathLike[str] | None) -> Picture:
    """Return a picture of which all is known but where it comes from."""
    source = find_source(cell, image_root=image_root)
    if isinstance(source, Image):
        return Picture(label=source.label)
    size_hw, sha256, n_bytes, suffix, orientation = facts
    return Picture(
        label=source.label,
        size_hw=(size_hw[0], size_hw[1]),
        sha256=sha256,
        n_bytes=n_bytes,
        suffix=suffix,
        orientation=orientation,
        source=source,
    )


def open_picture(cell: object, *, image_root: str | os.PathLike[str] | None = None) -> Picture:
    """Find out what a cell's image is: its header is checked, its pixels are not decoded.

    Parameters
    ----------
    cell : object
        As for :func:`samframe.images.read_image`.
    image_root : path, optional
        A folder that confines paths; relative ones start there.

    Raises
    ------
    ImageError
        If the cell is empty, or no image that can be read. The message names it.
    OptionError
        If `image_root` is no folder.
    """
    source = find_source(cell, image_root=image_root)
    if isinstance(source, Image):
        return Picture(label=source.label)
    data = read_stored(source, max_bytes=MAX_FILE_BYTES)
    try:
        size_hw, suffix, orientation = examine(data)
    except ImageError as error:
        raise ImageError(f"{source.label}: {error}") from None
    return Picture(
        label=source.label,
        size_hw=size_hw,
        sha256=hashlib.sha256(data).hexdigest(),
        n_bytes=len(data),
        suffix=suffix,
        orientation=orientation,
        source=source,
    )
