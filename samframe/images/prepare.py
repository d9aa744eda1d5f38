"""Decide what is sent for an image: the file's own bytes where the API takes them, else the picture anew."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samframe.errors import ImageError
from samframe.ground.contract import MAX_IMAGE_SIDE_PX
from samframe.images import geometry as _geometry
from samframe.images.codec import (
    check_decodes,
    encode,
    open_picture,
    orientation_of,
    rgb_pixels,
    scale,
    to_8_bit,
)
from samframe.images.foreign import note_on, open_any
from samframe.images.header import MAX_PIXELS, Header, read_header, sniff_format
from samframe.images.pillow import quiet
from samframe.images.source import EncodedSource, RasterSource, Source
from samframe.images.upright import Upright

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as PillowImage

__all__ = ["Prepared", "look", "prepare", "raster", "sent_bytes"]

#: A file that the API takes as it is, yet larger than a picture of 2048 px need be, is encoded anew.
MAX_UNTOUCHED_BYTES = 32 * 1024**2

_PLAIN_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The bytes to send, and how their raster came from the stored one (as in ``Image``)."""

    sent: bytes
    stored_hw: tuple[int, int]
    sent_hw: tuple[int, int]
    orientation: int
    is_untouched: bool
    note: str | None = None


def prepare(source: Source) -> Prepared:
    """Read an image, check that it decodes, and make the bytes to send.

    Raises
    ------
    ImageError
        If it cannot be read or decoded; the message begins with the source's label.
    """
    with _naming(source), quiet():
        if isinstance(source, EncodedSource):
            return _prepare_file(source.read())
        picture = _open(source)
        return _prepare_picture(picture, orientation_of(picture), is_ours=False)


def sent_bytes(source: Source, *, is_untouched: bool) -> bytes:
    """Return the bytes to send, made anew; a file is not decoded for it, the caller compares hashes.

    Raises
    ------
    ImageError
        As :func:`prepare`.
    """
    if not is_untouched or isinstance(source, RasterSource):
        return prepare(source).sent
    with _naming(source):
        return source.read()


def raster(source: Source, *, max_side: int | None) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return the stored raster in RGB, its longer side at most ``max_side``, and its size before it was scaled.

    Returns
    -------
    pixels : ndarray of uint8, shape (h, w, 3)
    stored_hw : (int, int)
        Height and width in pixels as stored.

    Raises
    ------
    ImageError
        As :func:`prepare`.
    """
    pixels, stored_hw, _ = _raster(source, max_side, is_quick=False)
    return pixels, stored_hw


def look(source: Source, *, max_side: int) -> tuple[NDArray[np.uint8], Upright]:
    """Return the raster in RGB as it stands upright, scaled for the eye and in little time, and its place.

    Returns
    -------
    pixels : ndarray of uint8, shape (h, w, 3)
        The longer side at most ``max_side``.
    place : Upright

    Raises
    ------
    ImageError
        As :func:`prepare`.
    """
    pixels, stored_hw, orientation = _raster(source, max_side, is_quick=True)
    if orientation != 1:
        pixels = _geometry.turn(pixels, orientation)
    size_hw = (int(pixels.shape[0]), int(pixels.shape[1]))
    return pixels, Upright(size_hw=size_hw, stored_hw=stored_hw, orientation=orientation)


def _raster(
    source: Source, max_side: int | None, *, is_quick: bool
) -> tuple[NDArray[np.uint8], tuple[int, int], int]:
    """Return the pixels of the stored raster, its size before it was scaled, and its EXIF orientation."""
    with _naming(source), quiet():
        picture = _open(source)
        stored_hw = (picture.height, picture.width)
        size_hw = _geometry.fit(stored_hw, max_side or max(picture.size))
        scaled = _scaled(picture, size_hw, is_ours=isinstance(source, EncodedSource), is_quick=is_quick)
        return rgb_pixels(scaled), stored_hw, orientation_of(picture)


@contextmanager
def _naming(source: Source) -> Iterator[None]:
    """Put the source's label before the message of an ImageError that has none yet."""
    try:
        yield
    except ImageError as error:
        if str(error).startswith(source.label):
            raise
        raise ImageError(f"{source.label}: {error}") from None


def _open(source: Source) -> PillowImage.Image:
    """Return the picture, decoded or not. Call inside ``quiet``."""
    if isinstance(source, EncodedSource):
        return open_any(source.read())
    picture = source.picture()
    if not 0 < picture.width * picture.height <= MAX_PIXELS:
        raise ImageError(f"no pixels, or over the limit of {MAX_PIXELS / 1e6:.0f} megapixels")
    return picture


def _prepare_file(data: bytes) -> Prepared:
    if sniff_format(data) is None:
        picture = open_any(data)
        return _prepare_picture(picture, orientation_of(picture), is_ours=False)
    header = read_header(data)
    picture = open_picture(data, header)
    orientation = orientation_of(picture)
    if not _can_go_untouched(picture, header, orientation, len(data)):
        return _prepare_picture(picture, orientation, is_ours=True)
    check_decodes(picture)
    size_hw = header.size_hw
    return Prepared(sent=data, stored_hw=size_hw, sent_hw=size_hw, orientation=1, is_untouched=True)


def _can_go_untouched(picture: PillowImage.Image, header: Header, orientation: int, n_bytes: int) -> bool:
    # JPEGs of several pictures (MPO) show the first one everywhere; animations do not.
    is_still = header.format == "JPEG" or not getattr(picture, "is_animated", False)
    return (
        header.format != "WEBP"
        and is_still
        and orientation == 1
        and max(header.size_hw) <= MAX_IMAGE_SIDE_PX
        # Readers differ on what 16 bits or CMYK look like: better sent as the 8-bit picture that they mean.
        and header.bit_depth <= 8  # noqa: PLR2004 - bits
        and picture.mode in _PLAIN_MODES
        and n_bytes <= MAX_UNTOUCHED_BYTES
    )


def _prepare_picture(picture: PillowImage.Image, orientation: int, *, is_ours: bool) -> Prepared:
    stored_hw = (picture.height, picture.width)
    note = note_on(picture)
    size_hw = _geometry.fit(stored_hw, MAX_IMAGE_SIDE_PX)
    as_jpeg = picture.format in {"JPEG", "MPO"}
    sent = encode(_scaled(picture, size_hw, is_ours=is_ours), as_jpeg=as_jpeg, orientation=orientation)
    sent_hw = _geometry.upright(size_hw, orientation)
    return Prepared(
        sent=sent,
        stored_hw=stored_hw,
        sent_hw=sent_hw,
        orientation=orientation,
        is_untouched=False,
        note=note,
    )


def _scaled(
    picture: PillowImage.Image, size_hw: tuple[int, int], *, is_ours: bool, is_quick: bool = False
) -> PillowImage.Image:
    """Return the picture in 8 bits, not turned, at the size."""
    box: tuple[float, float, float, float] = (0, 0, picture.width, picture.height)
    # A JPEG is decoded no finer than the size takes. A user's own picture would stay small after that.
    drafted = picture.draft(None, (size_hw[1], size_hw[0])) if is_ours else None
    if drafted is not None:
        box = drafted[1]
    picture.load()
    return scale(to_8_bit(picture), size_hw, box=box, is_quick=is_quick)
