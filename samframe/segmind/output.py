"""A job's output: found in the answer whatever its form, then read into a mask or refused, not guessed at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import ImageError, MaskError
from samframe.images import (
    check_url,
    decode_base64,
    decode_data_uri,
    describe_bytes,
    open_picture,
    quiet,
    read_header,
    shorten,
    sniff_format,
)
from samframe.masks import Mask
from samframe.segmind.mask_levels import Planes, mask_of_planes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image as PillowImage

    from samframe.images import Header

__all__ = ["OutputError", "OutputMask", "OutputRef", "extract_output", "read_mask"]

_FORMATS = frozenset({"PNG", "JPEG", "WEBP"})
_MAX_DEPTH = 3
_JPEG_END = b"\xff\xd9"
_WIDE = 16
# Colour channels of the modes that are read, alpha apart.
_CHANNELS = {"L": 1, "LA": 1, "RGB": 3, "RGBA": 3}


class OutputError(MaskError):
    """An output is missing, unreadable, or a picture that is no mask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRef:
    """Where an output is.

    Attributes
    ----------
    url : str or None
        An http(s) URL, as it came.
    data : bytes or None
        The file itself, where the answer held it. Exactly one of the two is given.
    """

    url: str | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutputMask:
    """A mask as read from an output file.

    Attributes
    ----------
    mask : Mask
        At the size of the file, whatever that of the image.
    notes : tuple of str
        How it was encoded, where that is out of the ordinary: ``"values 0 and 1"``, ``"blurred edges"``.
    """

    mask: Mask
    notes: tuple[str, ...] = ()


def extract_output(output: object) -> OutputRef:
    """Return where the ``output`` field of a result has its file.

    Parameters
    ----------
    output : object
        A URL, a data URI, base64 text, a mapping with a ``url``, or a list of exactly one of these.

    Raises
    ------
    OutputError
        If it is none of them: null, empty, several, another kind of URL, text that is no file.
    """
    return _extract(output, depth=0)


def read_mask(data: bytes) -> OutputMask:
    """Return the mask that an output file holds.

    Read are PNG, JPEG and WebP of one frame, in modes 1, L, LA, P, RGB, RGBA and 16-bit grey. White on
    black, with the values 0 and 255 (or 65535), 0 and 1, or, if nothing was lost to compression, 0 and one
    other. Levels that compression blurred are cut at 127, after a check that nearly all pixels are near
    black or white and the rest lies along edges.

    A palette is read by its colours; by its indexes 0 and 1 (or 0 and 255) where these are not black and
    white. An alpha channel of one value is ignored if anything is to be seen. One of two values is the
    mask, provided that what is opaque has one colour, and not a darker one than what is hidden.

    Parameters
    ----------
    data : bytes
        A whole file.

    Raises
    ------
    OutputError
        If the bytes are no such file, are damaged (the checksums of a PNG are compared), too large, or show
        something else than a mask: colours, a photograph, a soft map, a painted overlay.
    """
    if sniff_format(data) not in _FORMATS:
        raise OutputError(f"The output is {describe_bytes(data)}, not a PNG, JPEG or WebP image")
    try:
        header = read_header(data)
        plain = _plain(data) if header.format == "PNG" else None
        if plain is not None:
            return OutputMask(mask=plain)
        mask, notes = mask_of_planes(_decode(data, header))
    except ImageError as error:
        raise OutputError(f"The output is {describe_bytes(data)} that cannot be read: {error}") from None
    except MaskError as error:
        raise OutputError(f"The output is {describe_bytes(data)}, but no mask: {error}") from None
    return OutputMask(mask=Mask.from_numpy(mask), notes=notes)


def _extract(output: object, *, depth: int) -> OutputRef:
    match output:
        case str():
            return _extract_text(output.strip())
        case {"url": inner} if depth < _MAX_DEPTH:
            return _extract(inner, depth=depth + 1)
        case [inner] if depth < _MAX_DEPTH:
            return _extract(inner, depth=depth + 1)
        case None:
            raise OutputError("The result holds no output (null)")
        case {"url": _} | [_]:
            raise OutputError("The result's output is nested too deep")
        case dict():
            raise OutputError("The result's output is a mapping without a url")
        case list() | tuple():
            raise OutputError(f"The result holds {len(output)} outputs where one is expected")
        case _:
            raise OutputError(f"The result's output is of type {type(output).__name__}, not text")


def _extract_text(text: str) -> OutputRef:
    if not text:
        raise OutputError("The result's output is empty")
    try:
        if text[:8].lower().startswith(("http://", "https://")):
            return OutputRef(url=check_url(text))
        data = decode_data_uri(text) if text[:5].lower() == "data:" else decode_base64(text)
    except ImageError as error:
        raise OutputError(f"The result's output {shorten(text)} cannot be fetched: {error}") from None
    # Any word of letters decodes as base64; only a picture's first bytes tell that it was meant so.
    if sniff_format(data) is None and text[:5].lower() != "data:":
        raise OutputError(f"The result's output {shorten(text)} is neither a URL nor base64 of a picture")
    return OutputRef(data=data)


def _plain(data: bytes) -> Mask | None:
    """Return the mask of a PNG in black and white, which needs no look at its pixels; None for any other file."""
    try:
        return Mask.from_plain_png(data)
    except MaskError:
        return None  # damaged: the other reader says in what way


def _decode(data: bytes, header: Header) -> Planes:
    with quiet():
        picture = open_picture(data, header)
        if getattr(picture, "is_animated", False):
            raise ImageError("it holds several pictures")
        if header.format == "JPEG" and not data.rstrip(b"\x00\r\n").endswith(_JPEG_END):
            raise ImageError("truncated: its end marker is missing")
        picture.load()
        return _planes(picture, header, is_lossy=_is_lossy(data, header))


def _is_lossy(data: bytes, header: Header) -> bool:
    # Lossless WebP has a chunk of its own; metadata may come before it.
    return header.format == "JPEG" or (header.format == "WEBP" and b"VP8L" not in data[:65536])


def _planes(picture: PillowImage.Image, header: Header, *, is_lossy: bool) -> Planes:
    if picture.mode.startswith("I"):
        values = np.asarray(picture)
        # Mode I;16 may come in either byte order.
        return Planes(colour=values.astype(values.dtype.newbyteorder("="), copy=False), is_lossy=is_lossy)
    index = np.asarray(picture) if picture.mode == "P" else None
    if picture.mode in {"1", "P"} or picture.has_transparency_data:
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if picture.mode not in _CHANNELS:
        raise MaskError(f"it is in mode {picture.mode}")
    pixels: NDArray[Any] = np.asarray(picture)
    n_colours = _CHANNELS[picture.mode]
    alpha = pixels[..., n_colours] if picture.mode.endswith("A") else None
    colour = pixels if alpha is None else pixels[..., :n_colours]
    if header.bit_depth == _WIDE and _may_have_lost_values(colour, alpha):
        raise MaskError("it is a 16-bit picture that is empty in 8 bits; its values may have been 0 and 1")
    return Planes(colour=colour, alpha=alpha, index=index, is_lossy=is_lossy)


def _may_have_lost_values(colour: NDArray[Any], alpha: NDArray[Any] | None) -> bool:
    # Pillow keeps the upper byte of 16-bit colours: 0 and 1 both become 0.
    if alpha is not None and int(alpha.min()) < int(alpha.max()):
        return False
    return not colour.any() or (alpha is not None and not alpha.any())
