"""One cell's image: its identity, the text that is sent for it, and the way back to the stored raster."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import ImageError
from samframe.images import geometry as _geometry
from samframe.images.codec import open_picture, rgb_pixels
from samframe.images.header import read_header
from samframe.images.pillow import quiet
from samframe.images.prepare import prepare, raster, sent_bytes
from samframe.images.text import shorten

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from samframe.images.source import Source

__all__ = ["Image", "image_of_source", "image_of_url"]


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
    note : str or None
        How it was changed to be sent, where that needs a word.
    """

    identity: str
    source: Source | None
    stored_hw: tuple[int, int] | None
    sent_hw: tuple[int, int] | None
    orientation: int = 1
    is_untouched: bool = True
    note: str | None = None

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
        data = sent_bytes(self.source, is_untouched=self.is_untouched)
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

    def boxes_to_sent(self, boxes: ArrayLike) -> tuple[tuple[int, int, int, int], ...]:
        """Return boxes of the stored raster in whole pixels of the raster that is sent, clipped to it.

        Parameters
        ----------
        boxes : array-like, shape (n, 4)
            (x1, y1, x2, y2) by their edges, in pixels of the stored raster: the whole image is (0, 0, width, height).

        Returns
        -------
        tuple of (int, int, int, int)
            Each at least one pixel wide and high. Rounded only, for a URL, whose size is unknown.

        Raises
        ------
        ImageError
            If the boxes are not (n, 4) finite numbers.
        """
        try:
            edges = np.asarray(boxes, dtype=np.float64)
        except (TypeError, ValueError):
            raise ImageError("boxes must be numbers: (x1, y1, x2, y2)") from None
        if edges.ndim != 2 or edges.shape[1] != 4 or not np.isfinite(edges).all():  # noqa: PLR2004 - x1 y1 x2 y2
            raise ImageError(f"boxes must be finite numbers, an array of shape (n, 4), not {edges.shape}")
        if self.stored_hw is None or self.sent_hw is None:
            rounded = edges.round().astype(np.int64)
        else:
            rounded = _geometry.boxes_to_sent(
                edges, stored_hw=self.stored_hw, sent_hw=self.sent_hw, orientation=self.orientation
            )
        return tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in rounded.tolist())

    def is_stored_raster(self, size_hw: tuple[int, int]) -> bool:
        """Return whether a mask of this size, of the image as sent, lies on the stored raster as it is."""
        return self.stored_hw is None or (self.orientation == 1 and size_hw == self.stored_hw)

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
        if self.source is None:
            raise ImageError(f"{self.label}: samframe passes image URLs on and does not download them")
        return raster(self.source, max_side=None)[0]

    def sent_pixels(self) -> NDArray[np.uint8]:
        """Return the image as it is sent, as RGB: uint8 of shape ``(*sent_hw, 3)``.

        Raises
        ------
        ImageError
            If the image can no longer be read, is another one than was planned, or is a URL.
        """
        if self.source is None:
            raise ImageError(f"{self.label}: samframe passes image URLs on and does not download them")
        data = base64.b64decode(self.payload())
        with quiet():
            return rgb_pixels(open_picture(data, read_header(data)))


def image_of_url(url: str, *, note: str | None = None) -> Image:
    """Return the image of a checked http(s) URL."""
    return Image(identity=f"url:{url}", source=None, stored_hw=None, sent_hw=None, note=note)


def image_of_source(source: Source) -> Image:
    """Read, check and measure an image.

    Raises
    ------
    ImageError
        If it cannot be read or decoded.
    """
    done = prepare(source)
    return Image(
        identity=_identity(done.sent),
        source=source,
        stored_hw=done.stored_hw,
        sent_hw=done.sent_hw,
        orientation=done.orientation,
        is_untouched=done.is_untouched,
        note=done.note,
    )


def _identity(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
