"""PNG files in and out: the container, checked before anything is inflated, and gray pixels.

What this reader does not know (interlacing, 16 bits, transparency, filters that need a loop over pixels) Pillow reads.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.png.inflate import inflater

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "PngParts",
    "inflate",
    "inflate_pieces",
    "parse_png",
    "read_gray_png",
    "read_with_pillow",
    "write_gray_png",
]

_zlib = inflater()

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_PIXELS = 2**29  # 20,000 x 20,000 and some more
_MAX_EXPANSION = 1032  # deflate cannot do better
_HARMLESS_BYTES = 1 << 26  # inflated in one go even where the header promises less
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


@dataclass(frozen=True, slots=True, kw_only=True)
class PngParts:
    """The parts of a PNG file that its pixels depend on."""

    size_hw: tuple[int, int]
    bit_depth: int
    colour_type: int
    interlaced: bool
    transparent: bool
    animated: bool
    palette: bytes
    data: bytes

    @property
    def n_channels(self) -> int:
        """Samples a pixel."""
        return _CHANNELS[self.colour_type]

    @property
    def has_alpha(self) -> bool:
        """Whether the last sample of a pixel is its opacity."""
        return self.colour_type in (4, 6)

    @property
    def row_bytes(self) -> int:
        """Bytes a row, without the filter byte."""
        return (self.size_hw[1] * self.n_channels * self.bit_depth + 7) // 8


def parse_png(data: bytes) -> PngParts:
    """Take a PNG file apart and check it; nothing is inflated yet.

    Parameters
    ----------
    data : bytes
        The whole file.

    Raises
    ------
    MaskError
        If it is no PNG, is cut short, fails a checksum, or claims more than 2**29 pixels.
    """
    if not data.startswith(_SIGNATURE):
        raise MaskError("these bytes are no PNG file")
    found: dict[bytes, list[bytes]] = {}
    for name, body in _chunks(data):
        found.setdefault(name, []).append(body)
    return _checked_parts(
        found.get(b"IHDR", [b""])[0],
        found.get(b"PLTE", [b""])[0],
        b"".join(found.get(b"IDAT", [])),
        transparent=b"tRNS" in found,
        animated=b"acTL" in found,
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each chunk up to the last one, their checksums tested."""
    at, name = len(_SIGNATURE), b""
    while name != b"IEND":
        length = int.from_bytes(data[at : at + 4])
        end = at + 12 + length
        if end > len(data):
            raise MaskError(f"the PNG file is cut short after {len(data)} bytes")
        name, body = data[at + 4 : at + 8], data[at + 8 : end - 4]
        if zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(data[end - 4 : end]):
            raise MaskError(f"the PNG file is damaged: the checksum of its {name!r} chunk is wrong")
        yield name, body
        at = end


def _checked_parts(
    header: bytes, palette: bytes, data: bytes, *, transparent: bool, animated: bool
) -> PngParts:
    if len(header) != 13:  # noqa: PLR2004 - the format's own length
        raise MaskError("the PNG file is damaged: it has no valid header")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", header)
    known = colour in _CHANNELS and depth in (1, 2, 4, 8, 16) and not (compression or filtering)
    if not (known and width and height and interlace <= 1):
        raise MaskError("the PNG file is damaged: its header makes no sense")
    if width * height > _MAX_PIXELS:
        raise MaskError(
            f"the PNG claims {width} x {height} pixels, more than the {_MAX_PIXELS} that are read"
        )
    return PngParts(
        size_hw=(height, width),
        bit_depth=depth,
        colour_type=colour,
        interlaced=bool(interlace),
        transparent=transparent,
        animated=animated,
        palette=palette,
        data=data,
    )


def inflate_pieces(parts: PngParts, n_bytes: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield what `inflate` returns some rows at a time, at most about ``n_bytes``, so that a reader may stop early.

    Raises
    ------
    MaskError
        As `inflate`, once the rows before the damage are out.
    """
    height, stride = parts.size_hw[0], parts.row_bytes + 1
    step = max(1, n_bytes // stride)
    packer, data = _zlib.decompressobj(-zlib.MAX_WBITS), _deflated(parts)
    try:
        for first in range(0, height, step):
            n_rows = min(step, height - first)
            raw = packer.decompress(data, n_rows * stride)
            if len(raw) != n_rows * stride:
                raise _wrong_length(height)
            data = packer.unconsumed_tail
            yield np.frombuffer(raw, dtype=np.uint8).reshape(n_rows, stride)
        if packer.decompress(data, 1) or not packer.eof:
            raise _wrong_length(height)
    except _zlib.error as error:
        raise MaskError(f"the PNG file is damaged: {error}") from None


def _deflated(parts: PngParts) -> bytes:
    """Return the deflate stream without zlib's header and checksum.

    The chunks' own checksums vouch for it, so that its second one, over all pixels, need not be computed.
    """
    data = parts.data
    if len(data) < 6 or data[0] & 15 != 8 or data[1] & 32 or int.from_bytes(data[:2], "big") % 31:  # noqa: PLR2004
        raise MaskError("the PNG file is damaged: its data is no zlib stream")
    return data[2:-4]


def _wrong_length(height: int) -> MaskError:
    return MaskError(f"the PNG file is damaged: its data is not that of {height} rows")


def inflate(parts: PngParts) -> npt.NDArray[np.uint8]:
    """Return the filtered rows of a PNG that is not interlaced: uint8 (H, 1 + row bytes), filter type first.

    Raises
    ------
    MaskError
        If the data is damaged, or does not inflate to just what the header promises.
    """
    height, stride = parts.size_hw[0], parts.row_bytes + 1
    expected = height * stride
    data = _deflated(parts)
    try:
        if len(data) * _MAX_EXPANSION <= max(_HARMLESS_BYTES, 2 * expected):
            raw = _zlib.decompress(data, -zlib.MAX_WBITS, expected)
        else:
            raw = _zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, expected + 1)
    except _zlib.error as error:
        raise MaskError(f"the PNG file is damaged: {error}") from None
    if len(raw) != expected:
        raise _wrong_length(height)
    return np.frombuffer(raw, dtype=np.uint8).reshape(height, stride)


def read_gray_png(data: bytes) -> npt.NDArray[np.uint8]:
    """Return the brightness of a PNG's pixels.

    Parameters
    ----------
    data : bytes
        The whole file: 1 to 16 bits, gray, RGB or palette, with or without alpha.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        Luma 0 to 255 (ITU-R 601-2, as Pillow's mode "L"); what is transparent is dark in proportion.

    Raises
    ------
    MaskError
        If the bytes are no PNG, damaged, or claim more than 2**29 pixels.
    """
    parts = parse_png(data)
    plain = parts.bit_depth == 8 and parts.colour_type == 0  # noqa: PLR2004 - one byte a pixel
    if plain and not parts.interlaced and not parts.transparent:
        rows = inflate(parts)
        if not rows[:, 0].any():
            return rows[:, 1:]
    return read_with_pillow(data)


def read_with_pillow(data: bytes) -> npt.NDArray[np.uint8]:
    """Return the brightness of an image of any kind that Pillow opens, uint8 of shape (H, W).

    Raises
    ------
    MaskError
        If Pillow cannot read it.
    """
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - heavy, and often not needed

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                return _luma(image)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
    ) as error:
        raise MaskError(f"the image cannot be read: {error}") from None


def _luma(image: Any) -> npt.NDArray[np.uint8]:
    """Return an open Pillow image as luma over black."""
    if image.mode.startswith("I"):  # 16 bits: Pillow's own conversion would clip
        high: npt.NDArray[np.uint8] = np.clip(np.asarray(image) >> 8, 0, 255).astype(np.uint8)
        return high
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        bands = image.convert("RGBA")
        if bands.getchannel("A").getextrema() == (255, 255):
            opaque: npt.NDArray[np.uint8] = np.asarray(image.convert("RGB").convert("L"))
            return opaque
        luma = np.asarray(bands.convert("L"), dtype=np.uint16)
        alpha = np.asarray(bands.getchannel("A"), dtype=np.uint16)
        shaded: npt.NDArray[np.uint8] = ((luma * alpha + 127) // 255).astype(np.uint8)
        return shaded
    pixels: npt.NDArray[np.uint8] = np.asarray(image.convert("L"))
    return pixels


def write_gray_png(
    rows: npt.NDArray[np.uint8], size_hw: tuple[int, int], *, bit_depth: int, level: int = 6
) -> bytes:
    """Return a gray PNG file of packed rows.

    Parameters
    ----------
    rows : ndarray of uint8, shape (H, row bytes), C order
        Pixels (8 bits) or packed pixels (1 bit, 1 is white).
    size_hw : (int, int)
        Height and width in pixels, none of them 0.
    bit_depth : int
        1 or 8.
    level : int
        zlib's effort, 0 to 9.

    Returns
    -------
    bytes
    """
    height, width = size_hw
    filtered = np.empty((height, rows.shape[1] + 1), dtype=np.uint8)
    filtered[:, 0] = 2  # "up": a mask's rows differ little from the rows above
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, bit_depth, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), level)), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))
        for name, body in chunks
    )
