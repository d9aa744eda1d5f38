"""A cell's image as it is looked at: upright and small, as pixels or as the bytes of a JPEG."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samframe.errors import ImageError
from samframe.images.image import Image
from samframe.images.path import resolve_root
from samframe.images.pillow import load_pillow
from samframe.images.prepare import look
from samframe.images.read import recognise
from samframe.images.source import BytesSource
from samframe.images.upright import Upright

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Preview", "Thumbnail", "encode_thumbnail", "make_preview", "make_thumbnail"]

_QUALITY = 82


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preview(Upright):
    """A small picture of a cell's image, as pixels; attributes of :class:`Upright` tell its place.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (h, w, 3)
        RGB, turned upright by EXIF; what is transparent is seen on white.
    """

    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thumbnail(Upright):
    """A small picture of a cell's image, as a file; attributes of :class:`Upright` tell its place.

    Attributes
    ----------
    jpeg : bytes
        A JPEG file without metadata, turned upright by EXIF.
    """

    jpeg: bytes


def make_preview(
    cell: object,
    *,
    max_side: int,
    image_root: str | os.PathLike[str] | None = None,
    fetch: Callable[[str], bytes] | None = None,
) -> Preview:
    """Return a small picture of what a cell holds, as pixels.

    A cell is read by the rules of :func:`read_image`: its header is checked before a pixel is decoded, and
    ``image_root`` confines paths. It is read once, and a JPEG is decoded no finer than the size takes.

    Parameters
    ----------
    cell : object
        As for :func:`read_image`.
    max_side : int
        The longer side in pixels, at most; a smaller image keeps its size.
    image_root : path, optional
        A folder that confines paths.
    fetch : callable, optional
        Takes a checked http(s) URL and returns the bytes behind it, by rules of its own. None: URLs are refused.

    Raises
    ------
    ImageError
        If the cell is empty, holds no image, or a URL that is not fetched.
    OptionError
        If ``image_root`` is no folder.
    """
    source = recognise(cell, resolve_root(image_root))
    if isinstance(source, Image):
        if fetch is None:
            raise ImageError(f"{source.label}: images behind URLs are not downloaded to be shown")
        source = BytesSource(fetch(source.payload()))
    pixels, place = look(source, max_side=max(1, max_side))
    return Preview(
        pixels=pixels, size_hw=place.size_hw, stored_hw=place.stored_hw, orientation=place.orientation
    )


def make_thumbnail(
    cell: object,
    *,
    max_side: int,
    image_root: str | os.PathLike[str] | None = None,
    fetch: Callable[[str], bytes] | None = None,
    quality: int = _QUALITY,
) -> Thumbnail:
    """Return a small picture of what a cell holds, as a JPEG file.

    Parameters
    ----------
    cell, max_side, image_root, fetch
        As for :func:`make_preview`.
    quality : int
        JPEG quality, 1 to 95.

    Raises
    ------
    ImageError, OptionError
        As :func:`make_preview`.
    """
    preview = make_preview(cell, max_side=max_side, image_root=image_root, fetch=fetch)
    return Thumbnail(
        jpeg=encode_thumbnail(preview.pixels, quality=quality),
        size_hw=preview.size_hw,
        stored_hw=preview.stored_hw,
        orientation=preview.orientation,
    )


def encode_thumbnail(pixels: NDArray[np.uint8], *, quality: int = _QUALITY) -> bytes:
    """Return RGB pixels, uint8 of shape (h, w, 3), as a JPEG file without metadata."""
    file = io.BytesIO()
    load_pillow().fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()
