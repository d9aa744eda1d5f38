"""One cell's image: its identity, the text that is sent for it, and the way back to the stored raster."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe._contract import MAX_IMAGE_SIDE_PX
from samframe.errors import ImageError
from samframe.images import _geometry
from samframe.images._codec import (
    check_decodes,
    encode,
    open_picture,
    orientation_of,
    rgb_pixels,
    scale,
    to_8_bit,
)
from samframe.images._header import MAX_PIXELS, Header, read_header
from samframe.images._pillow import quiet
from samframe.images._source import EncodedSource, RasterSource, Source
from samframe.images._text import shorten

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from PIL import Image as PillowImage

__all__ = ["Image", "image_of_source", "image_of_url"]

#: A file that the API takes as it is, yet larger than a picture of 2048 px need be, is encoded anew.
MAX_UNTOUCHED_BYTES = 32 * 1024**2

_PLAIN_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Image:
    """What is known of one cell's image; its bytes are read afresh whenever they are needed.

    Attributes
    ----------
    identity : str
        ``"sha256:<hex>"`` of the bytes that are sent, or ``"url:<url>"``.
    source : Source or None
        The recipe: a path or the user's own object. None for a URL, which is passed on.
    stored_hw : (int, int) or None
        Height and width of the raster as stored, before EXIF rotation: the frame of reference of points and
        masks. None for a URL.
    sent_hw : (int, int) or None
        Height and width as sent: upright, the longer side at most 2048. None for a URL.
    orientation : int
        EXIF orientation of the stored raster, 1 to 8.
    is_untouched : bool
        Whether the file's own bytes are sent, metadata included.
    """

    identity: str
    source: Source | None
    stored_hw: tuple[int, int] | None
    sent_hw: tuple[int, int] | None
    orientation: int = 1
    is_untouched: bool = True

    @property
    def label(self) -> str:
        """How messages call the image: no content, no secrets of a URL."""
        return self.source.label if self.source is not None else shorten(self.identity.removeprefix("url:"))

    def __repr__(self) -> str:
        if self.sent_hw is None:
            return f"Image({self.label})"
        return f"Image({self.label}, stored_hw={self.stored_hw}, sent_hw={self.sent_hw})"

    def payload(self) -> str:
        """Return the text to send: the URL, or base64 of the bytes. Made afresh, nothing is kept.

        Raises
        ------
        ImageError
            If the image can no longer be read, or is another one than was planned.
        """
        if self.source is None:
            return self.identity.removeprefix("url:")
        data = _sent(self.source, is_untouched=self.is_untouched)
        if _identity(data) != self.identity:
            raise ImageError(
                f"{self.label}: changed after this call had read it; nothing was sent. Run again"
            )
        return base64.b64encode(data).decode("ascii")

    def points_to_sent(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return points of the stored raster in the raster that is sent, clipped to it.

        Parameters
        ----------
        points : array-like, shape (n, 2)
            (x, y) in pixels of the stored raster; (0, 0) is the centre of the top left pixel.

        Returns
        -------
        ndarray of float64, shape (n, 2)
            As they were for a URL, whose size is unknown.

        Raises
        ------
        ImageError
            If the points are not (n, 2) finite numbers.
        """
        try:
            pairs = np.asarray(points, dtype=np.float64)
        except (TypeError, ValueError):
            raise ImageError("points must be numbers: (x, y) pairs") from None
        # A URL's raster is unknown, so nothing can be clipped; the numbers are checked all the same.
        if self.stored_hw is None or self.sent_hw is None:
            _geometry.points_to_sent(pairs, stored_hw=(1, 1), sent_hw=(1, 1), orientation=1)
            return pairs.copy()
        return _geometry.points_to_sent(
            pairs, stored_hw=self.stored_hw, sent_hw=self.sent_hw, orientation=self.orientation
        )

    def mask_to_stored(self, mask: ArrayLike) -> NDArray[np.bool_]:
        """Return a mask of the image as sent on the stored raster, by nearest neighbour.

        Parameters
        ----------
        mask : array-like of bool, shape (h, w)
            Normally of shape ``sent_hw``. Another size is stretched all the same; the caller flags it.

        Returns
        -------
        ndarray of bool, shape ``stored_hw``
            As it was for a URL, whose size is unknown.

        Raises
        ------
        ImageError
            If the mask is not two-dimensional or has no pixels.
        """
        array = np.asarray(mask, dtype=np.bool_)
        stored_hw = (
            (array.shape[0], array.shape[1]) if self.stored_hw is None and array.ndim > 1 else self.stored_hw
        )
        return _geometry.mask_to_stored(array, stored_hw=stored_hw or (0, 0), orientation=self.orientation)

    def pixels(self) -> NDArray[np.uint8]:
        """Return the stored raster as RGB, uint8 of shape (h, w, 3); what is transparent is seen on white.

        Raises
        ------
        ImageError
            If the image can no longer be read, or is a URL: samframe does not download images.
        """
        return self._raster(max_side=None)

    def thumbnail(self, max_side: int) -> NDArray[np.uint8]:
        """Return the stored raster as RGB, uint8 of shape (h, w, 3), its longer side at most ``max_side``.

        Raises
        ------
        ImageError
            As :meth:`pixels`.
        """
        return self._raster(max_side=max(1, max_side))

    def _raster(self, *, max_side: int | None) -> NDArray[np.uint8]:
        if self.source is None:
            raise ImageError(f"{self.label}: samframe passes image URLs on and does not download them")
        with _named(self.source), quiet():
            picture = _open(self.source)
            size_hw = _geometry.fit((picture.height, picture.width), max_side or max(picture.size))
            return rgb_pixels(_scaled(picture, size_hw, is_ours=isinstance(self.source, EncodedSource)))


def image_of_url(url: str) -> Image:
    """Return the image of a checked http(s) URL."""
    return Image(identity=f"url:{url}", source=None, stored_hw=None, sent_hw=None)


def image_of_source(source: Source) -> Image:
    """Read, check and measure an image.

    Raises
    ------
    ImageError
        If it cannot be read or decoded.
    """
    done = _prepare(source)
    return Image(
        identity=_identity(done.sent),
        source=source,
        stored_hw=done.stored_hw,
        sent_hw=done.sent_hw,
        orientation=done.orientation,
        is_untouched=done.is_untouched,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    sent: bytes
    stored_hw: tuple[int, int]
    sent_hw: tuple[int, int]
    orientation: int
    is_untouched: bool


class _named:  # noqa: N801 - a context manager, read like a function
    """Put the source's name before the message of an ImageError that has none yet."""

    def __init__(self, source: Source) -> None:
        self._label = source.label

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, ImageError) and not str(error).startswith(self._label):
            raise ImageError(f"{self._label}: {error}") from None


def _identity(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _sent(source: Source, *, is_untouched: bool) -> bytes:
    if not is_untouched or isinstance(source, RasterSource):
        return _prepare(source).sent
    # No need to decode again what is the same by its hash.
    with _named(source):
        return source.read()


def _open(source: Source) -> PillowImage.Image:
    """Return the picture, decoded or not. Call inside ``quiet``."""
    if isinstance(source, EncodedSource):
        data = source.read()
        return open_picture(data, read_header(data))
    picture = source.picture()
    if not 0 < picture.width * picture.height <= MAX_PIXELS:
        raise ImageError(f"no pixels, or over the limit of {MAX_PIXELS / 1e6:.0f} megapixels")
    return picture


def _prepare(source: Source) -> _Prepared:
    with _named(source), quiet():
        if isinstance(source, EncodedSource):
            return _prepare_file(source.read())
        picture = _open(source)
        return _prepare_picture(picture, orientation_of(picture), is_ours=False)


def _prepare_file(data: bytes) -> _Prepared:
    header = read_header(data)
    picture = open_picture(data, header)
    orientation = orientation_of(picture)
    if not _can_go_untouched(picture, header, orientation, len(data)):
        return _prepare_picture(picture, orientation, is_ours=True)
    check_decodes(picture)
    size_hw = header.size_hw
    return _Prepared(sent=data, stored_hw=size_hw, sent_hw=size_hw, orientation=1, is_untouched=True)


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


def _prepare_picture(picture: PillowImage.Image, orientation: int, *, is_ours: bool) -> _Prepared:
    stored_hw = (picture.height, picture.width)
    size_hw = _geometry.fit(stored_hw, MAX_IMAGE_SIDE_PX)
    as_jpeg = picture.format in {"JPEG", "MPO"}
    sent = encode(_scaled(picture, size_hw, is_ours=is_ours), as_jpeg=as_jpeg, orientation=orientation)
    sent_hw = _geometry.upright(size_hw, orientation)
    return _Prepared(
        sent=sent, stored_hw=stored_hw, sent_hw=sent_hw, orientation=orientation, is_untouched=False
    )


def _scaled(picture: PillowImage.Image, size_hw: tuple[int, int], *, is_ours: bool) -> PillowImage.Image:
    """Return the picture in 8 bits, not turned, at the size."""
    box: tuple[float, float, float, float] = (0, 0, picture.width, picture.height)
    # A JPEG is decoded no finer than the size takes. A user's own picture would stay small after that.
    drafted = picture.draft(None, (size_hw[1], size_hw[0])) if is_ours else None
    if drafted is not None:
        box = drafted[1]
    picture.load()
    return scale(to_8_bit(picture), size_hw, box=box)
