"""The image of a job: from base64 text, a data URI or one of the server's own asset URLs to pixels."""

from __future__ import annotations

import binascii
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
from PIL import Image as Pillow

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["SentImage", "read_data_uri", "read_image"]

_FORMATS = ("PNG", "JPEG", "GIF")
_ASSETS = "/assets/"
#: What Pillow raises on files that it cannot read; the warning counts where warnings are errors.
_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    Pillow.DecompressionBombError,
    Pillow.DecompressionBombWarning,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentImage:
    """The bytes of an image whose header was checked.

    Parameters
    ----------
    raw : bytes
        The file.
    size_hw : (int, int)
        Height and width in pixels, as the header tells them.
    """

    raw: bytes
    size_hw: tuple[int, int]

    @property
    def sha256(self) -> str:
        """Hexadecimal hash of the bytes."""
        return hashlib.sha256(self.raw).hexdigest()

    def pixels(self) -> NDArray[np.uint8]:
        """Decode to uint8 of shape (H, W, 3): the raster as stored, the first frame of an animation.

        Raises
        ------
        ValueError
            If the file is damaged.
        """
        try:
            with Pillow.open(io.BytesIO(self.raw), formats=_FORMATS) as picture:
                return np.asarray(picture.convert("RGB"))
        except _UNREADABLE:
            raise ValueError("The image is damaged: it cannot be decoded") from None


def read_data_uri(text: str) -> tuple[str, bytes]:
    """Split a data URI into its media type and its bytes.

    Raises
    ------
    ValueError
        If it is no data URI of base64.
    """
    head, comma, payload = text.partition(",")
    if not comma or not head[:5].lower() == "data:" or not head.lower().endswith(";base64"):
        raise ValueError("not a base64 data URI")
    return head[5:-7].partition(";")[0].lower(), _unbase64(payload)


def read_image(text: str, *, asset: Callable[[str], bytes | None], max_side_px: int) -> SentImage:
    """Find the bytes of a job's image and check their header, before anything is decoded.

    Parameters
    ----------
    text : str
        The ``image`` field of the job.
    asset : callable
        Gives the bytes of an uploaded file by its name, None where there is none.
    max_side_px : int
        The longest side that is taken.

    Raises
    ------
    ValueError
        With the text that the FAILED job carries.
    """
    raw = _image_bytes(text, asset)
    try:
        with Pillow.open(io.BytesIO(raw), formats=_FORMATS) as picture:
            width, height = picture.size
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise ValueError(
            f"The image is too large ({error}): at most {max_side_px} x {max_side_px} px are taken"
        ) from None
    except _UNREADABLE:
        raise ValueError("The image is no PNG, JPG or GIF") from None
    if max(width, height) > max_side_px:
        raise ValueError(
            f"The image is {width} x {height} px: at most {max_side_px} x {max_side_px} are taken"
        )
    return SentImage(raw=raw, size_hw=(height, width))


def _image_bytes(text: str, asset: Callable[[str], bytes | None]) -> bytes:
    start = text[:8].lower()
    if start.startswith(("http://", "https://")):
        return _asset_bytes(text, asset)
    try:
        return read_data_uri(text)[1] if start.startswith("data:") else _unbase64(text)
    except ValueError:
        raise ValueError("The image is neither a URL nor valid base64") from None


def _asset_bytes(url: str, asset: Callable[[str], bytes | None]) -> bytes:
    # Names are random, so the path alone tells an asset of this server, by whatever host name it was reached.
    path = urlsplit(url).path
    raw = asset(path.removeprefix(_ASSETS)) if path.startswith(_ASSETS) else None
    if raw is None:
        raise ValueError(
            "The image URL cannot be fetched: this local server has no internet access. "
            "It takes base64, data URIs, and URLs of files sent to its own /upload-asset"
        )
    return raw


def _unbase64(text: str) -> bytes:
    try:
        # Several times as quick as base64.b64decode(), which searches the text for strange characters first.
        raw = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        # MIME wraps lines and some clients leave out the padding: both are common and harmless.
        compact = "".join(text.split()).rstrip("=")
        raw = binascii.a2b_base64(compact + "=" * (-len(compact) % 4), strict_mode=True)
    if not raw:
        raise ValueError("empty")
    return raw
