"""Pictures in formats that the API does not take: whatever Pillow opens, to be encoded anew."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from samframe.errors import ImageError
from samframe.images.codec import open_picture
from samframe.images.header import MAX_PIXELS, describe_bytes, read_header, sniff_format
from samframe.images.pillow import load_pillow

if TYPE_CHECKING:
    from PIL import Image as PillowImage

__all__ = ["note_on", "open_any"]

#: EPS runs Ghostscript, WMF the system's renderer; the others are containers that Pillow itself cannot decode.
_REFUSED = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"})
_HEIF_BRANDS = (b"heic", b"heix", b"heif", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_WIDE_MODES = ("I", "F")


def open_any(data: bytes) -> PillowImage.Image:
    """Return a picture of any format that Pillow opens. Call inside :func:`quiet`.

    PNG, JPEG, GIF and WebP are not decoded yet, anything else is: its first page, upright where its format says so.

    Raises
    ------
    ImageError
        If it is no picture, one that is too large, or one that needs a plugin which is not installed.
    """
    if sniff_format(data) is not None:
        return open_picture(data, read_header(data))
    pillow = load_pillow()
    pillow.init()
    has_heif = _has_heif(data)
    formats = [name for name in pillow.OPEN if name not in _REFUSED]
    try:
        picture: PillowImage.Image = pillow.open(io.BytesIO(data), formats=formats)
    except pillow.UnidentifiedImageError:
        what = describe_bytes(data)
        if has_heif is False:
            raise ImageError(
                f"{what}; reading HEIC needs pillow-heif: pip install 'samframe[heif]'"
            ) from None
        raise ImageError(
            f"{what}, not a PNG, JPEG, GIF or WebP image, nor another that Pillow opens"
        ) from None
    if not 0 < picture.width * picture.height <= MAX_PIXELS:
        raise ImageError(
            f"a {picture.format} image of {picture.width:,} x {picture.height:,} pixels: "
            f"over the limit of {MAX_PIXELS / 1e6:.0f} megapixels"
        )
    # TIFF and HEIC are turned upright by Pillow's readers as they are decoded: only then is their size what it is.
    picture.load()
    return picture


def note_on(picture: PillowImage.Image) -> str | None:
    """Return in a few words how a picture was changed to be sent, None where it needs no word."""
    changes = []
    if picture.format not in {None, "PNG", "JPEG", "MPO", "GIF", "WEBP"}:
        pages = getattr(picture, "n_frames", 1)
        changes.append(f"{picture.format} is sent as PNG" + (", its first page alone" if pages > 1 else ""))
    if picture.mode.startswith(_WIDE_MODES):
        changes.append(
            "floats are scaled to 0..255 (0..1 times 255; 0..255 as they are; others from their least to their largest)"
            if picture.mode == "F"
            else "of 16 bits the upper 8 are sent"
        )
    return "; ".join(changes) or None


def _has_heif(data: bytes) -> bool | None:
    """Let Pillow read HEIC where the bytes are of its kind; False where the plugin is missing, None for other bytes."""
    if data[4:8] != b"ftyp" or not any(brand in data[8:40] for brand in _HEIF_BRANDS):
        return None
    try:
        import pillow_heif  # noqa: PLC0415 - an optional extra
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True
