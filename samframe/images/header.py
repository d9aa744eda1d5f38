"""What a picture's first bytes tell: format and size, read without decoding a pixel."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from samframe.errors import ImageError

__all__ = ["MAX_PIXELS", "Format", "Header", "describe_bytes", "read_header", "sniff_format"]

Format = Literal["PNG", "JPEG", "GIF", "WEBP"]

#: Pillow warns of a decompression bomb above this many pixels (a quarter GiB of RGB); samframe refuses there,
#: so that a picture is either read without a warning or not decoded at all.
MAX_PIXELS = 1024**3 // 4 // 3

_GIF_EXTENSION = 0x21
_GIF_FRAME = 0x2C
_JPEG_SCAN = 0xDA
_JPEG_SCAN_BYTES = bytes((0xFF, _JPEG_SCAN))
# Stuffed bytes, fill bytes, restarts, start and end of image: markers without a length.
_JPEG_BARE = frozenset({0x00, 0x01, 0xFF, *range(0xD0, 0xDA)})
# Each scan of a progressive JPEG (some ten are usual) is a pass over all pixels: thousands are a bomb, too.
_MAX_JPEG_SCANS = 200
# SOF0 to SOF15; C4, C8 and CC in between are tables.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"BM", "a BMP image"),
    (b"8BPS", "a Photoshop image"),
    (b"\x00\x00\x01\x00", "an ICO image"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"PAR1", "a Parquet file"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Format and size of a picture, from its header.

    Attributes
    ----------
    format : {"PNG", "JPEG", "GIF", "WEBP"}
        Told by the magic bytes, never by a name or a media type.
    size_hw : (int, int)
        Height and width in pixels, of the raster as stored.
    bit_depth : int
        Bits per channel: 16 for such a PNG, otherwise at most 8.
    """

    format: Format
    size_hw: tuple[int, int]
    bit_depth: int = 8


def read_header(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Header:
    """Return format and size of a picture without decoding it.

    Parameters
    ----------
    data : bytes
        A whole PNG, JPEG, GIF or WebP file.
    max_pixels : int
        Height x width above which the picture is refused.

    Raises
    ------
    ImageError
        If the bytes are no picture of these formats (the message says what they are), the header is cut off,
        a side is 0, or the size is over the limit.
    """
    kind = sniff_format(data)
    if kind is None:
        raise ImageError(f"{describe_bytes(data)}, not a PNG, JPEG, GIF or WebP image")
    try:
        size_hw, bit_depth = _READERS[kind](data)
    except (struct.error, IndexError):
        raise ImageError(f"a {kind} image cut off in its header ({len(data):,} bytes)") from None
    height, width = size_hw
    if height < 1 or width < 1:
        raise ImageError(f"a {kind} image of {width} x {height} pixels")
    if height * width > max_pixels:
        raise ImageError(
            f"a {kind} image of {width:,} x {height:,} pixels: "
            f"over the limit of {max_pixels / 1e6:.0f} megapixels"
        )
    return Header(format=kind, size_hw=size_hw, bit_depth=bit_depth)


def sniff_format(data: bytes) -> Format | None:
    """Return the format that the magic bytes name, or None."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def describe_bytes(data: bytes) -> str:
    """Return a few words on what the bytes are, for messages: ``"an HTML page"``, ``"0 bytes"``."""
    if not data:
        return "0 bytes"
    kind = sniff_format(data)
    if kind is not None:
        return f"a {kind} image"
    for magic, words in _FOREIGN:
        if data.startswith(magic):
            return words
    if data[4:8] == b"ftyp":
        return "an AVIF, HEIC or video file"
    if not data.strip(b"\x00"):
        return f"{len(data):,} zero bytes"
    return (
        _describe_text(data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()) or f"{len(data):,} unknown bytes"
    )


def _describe_text(head: bytes) -> str | None:
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in head:
        return "an HTML page"
    if b"<svg" in head:
        return "an SVG drawing"
    if head.startswith(b"<?xml"):
        return "an XML document"
    if head.startswith((b"{", b"[")):
        return "JSON text"
    if (
        head.isascii()
        and head.decode("ascii").replace("\n", " ").replace("\r", " ").replace("\t", " ").isprintable()
    ):
        return "plain text"
    return None


def _png(data: bytes) -> tuple[tuple[int, int], int]:
    if data[12:16] != b"IHDR":
        raise ImageError("a PNG image without a header chunk")
    width, height, depth = struct.unpack(">IIB", data[16:25])
    return (height, width), depth


def _gif(data: bytes) -> tuple[tuple[int, int], int]:
    width, height, flags = struct.unpack("<HHB", data[6:11])
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while data[at] == _GIF_EXTENSION:  # a label, then sub-blocks up to an empty one
        at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    if data[at] == _GIF_FRAME:  # it may reach beyond the screen, and decoders grow the raster to hold it
        left, top, frame_width, frame_height = struct.unpack("<HHHH", data[at + 1 : at + 9])
        width, height = max(width, left + frame_width), max(height, top + frame_height)
    return (height, width), 8


def _jpeg(data: bytes) -> tuple[tuple[int, int], int]:
    height = width = 0
    at = 2
    while True:
        at = data.find(b"\xff", at)
        if at < 0:
            raise struct.error
        marker = data[at + 1]
        if marker == _JPEG_SCAN:  # no header comes after it
            break
        if marker in _JPEG_BARE:
            at += 1
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        if marker in _JPEG_FRAMES:
            frame_height, frame_width = struct.unpack(">HH", data[at + 5 : at + 9])
            height, width = max(height, frame_height), max(width, frame_width)
        at += 2 + length
    # Within a scan each FF of data is followed by 00, so these are markers (or lie in a preview).
    if data.count(_JPEG_SCAN_BYTES) > _MAX_JPEG_SCANS:
        raise ImageError("a JPEG image of too many scans to be decoded in due time")
    return (height, width), 8


def _webp(data: bytes) -> tuple[tuple[int, int], int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return (1 + int.from_bytes(data[27:30], "little"), 1 + int.from_bytes(data[24:27], "little")), 8
    if chunk == b"VP8L":
        (bits,) = struct.unpack("<I", data[21:25])
        return (1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)), 8
    width, height = struct.unpack("<HH", data[26:30])
    return (height & 0x3FFF, width & 0x3FFF), 8


_READERS = {"PNG": _png, "JPEG": _jpeg, "GIF": _gif, "WEBP": _webp}
