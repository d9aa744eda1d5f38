"""The file behind a cell, for those that copy it: its bytes, and the same without an EXIF orientation."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from samframe.errors import ImageError
from samframe.images.codec import encode, open_picture, orientation_of, to_8_bit
from samframe.images.header import Header, read_header
from samframe.images.path import MAX_FILE_BYTES
from samframe.images.pillow import quiet
from samframe.images.source import ArraySource, FileSource, PictureSource

if TYPE_CHECKING:
    from samframe.images.source import Source

__all__ = ["read_orientation", "read_stored", "without_orientation"]

_ORIENTATION_TAG = 0x0112
_PNG_MARKS = (b"eXIf", b"Raw profile type", b"XML:com.adobe.xmp")
_EXIF_MARK = b"Exif\x00\x00"


def read_stored(source: Source, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return the file's own bytes; where the cell holds pixels, a PNG of them that loses none.

    Parameters
    ----------
    source : Source
    max_bytes : int
        Bytes above which a file of this machine is refused.

    Raises
    ------
    ImageError
        If it cannot be read; the message begins with the source's label.
    """
    try:
        if isinstance(source, ArraySource | PictureSource):
            with quiet():
                return encode(to_8_bit(source.picture()), as_jpeg=False, orientation=1)
        return source.read(max_bytes) if isinstance(source, FileSource) else source.read()
    except ImageError as error:
        if str(error).startswith(source.label):
            raise
        raise ImageError(f"{source.label}: {error}") from None


def read_orientation(data: bytes, header: Header) -> int:
    """Return the EXIF orientation of a file, 1 to 8, 1 where it has none.

    Raises
    ------
    ImageError
        If Pillow cannot open the file.
    """
    with quiet():
        picture = open_picture(data, header)
        # Pillow decodes a whole PNG to find notes behind its pixels: where no chunk can hold one, there is none.
        if header.format == "PNG" and not any(mark in data for mark in _PNG_MARKS):
            return 1
        return orientation_of(picture)


def without_orientation(data: bytes) -> bytes:
    """Return the file with its EXIF orientation set to 1; pixels and format stay, so far as the format allows.

    Raises
    ------
    ImageError
        If it is no picture that can be read.
    """
    header = read_header(data)
    patched = _patched(data)
    # A PNG's chunk has a checksum over its EXIF, and an orientation may stand in XMP: those are encoded anew.
    if header.format != "PNG" and read_orientation(patched, header) == 1:
        return patched
    with quiet():
        picture = open_picture(data, header)
        if header.format == "WEBP":
            file = io.BytesIO()
            picture.load()
            bare = picture.copy()
            bare.info = {}
            bare.save(file, "WEBP", lossless=True, exact=True)
            return file.getvalue()
        return encode(to_8_bit(picture), as_jpeg=header.format == "JPEG", orientation=1)


def _patched(data: bytes) -> bytes:
    """Return the bytes with the value 1 written over the orientation in the first EXIF block (TIFF 6.0, section 2)."""
    start = data.find(_EXIF_MARK)
    start = start + len(_EXIF_MARK) if start >= 0 else data.find(b"EXIF") + 8
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(data[start : start + 4])
    if order is None:
        return data
    try:
        (offset,) = struct.unpack_from(f"{order}I", data, start + 4)
        (count,) = struct.unpack_from(f"{order}H", data, start + offset)
        for at in range(start + offset + 2, start + offset + 2 + 12 * count, 12):
            if struct.unpack_from(f"{order}H", data, at)[0] == _ORIENTATION_TAG:
                return data[: at + 8] + struct.pack(f"{order}H", 1) + data[at + 10 :]
    except struct.error:
        return data
    return data
