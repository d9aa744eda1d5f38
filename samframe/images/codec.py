"""Decode and encode pictures through Pillow: checked, and the same bytes for the same pixels."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import ImageError
from samframe.images.pillow import load_pillow

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image as PillowImage

    from samframe.images.header import Header

__all__ = [
    "check_decodes",
    "encode",
    "open_picture",
    "orientation_of",
    "rgb_pixels",
    "scale",
    "to_8_bit",
]

_ORIENTATION_TAG = 0x0112
_ZLIB_RLE = 3


def open_picture(data: bytes, header: Header) -> PillowImage.Image:
    """Return the picture, not yet decoded. Call inside :func:`quiet`.

    Raises
    ------
    ImageError
        If Pillow reads another size than the header said.
    """
    pillow = load_pillow()
    if header.format == "PNG":
        # load() overlooks a flipped bit; only verify() compares the checksums of the chunks.
        with pillow.open(io.BytesIO(data), formats=["PNG"]) as doubtful:
            doubtful.verify()
    picture: PillowImage.Image = pillow.open(io.BytesIO(data), formats=[header.format])
    if (picture.height, picture.width) != header.size_hw:
        raise ImageError("corrupt: its headers contradict each other")
    return picture


def check_decodes(picture: PillowImage.Image) -> None:
    """Decode the first frame, to find out that it can be. Call inside :func:`quiet`."""
    picture.load()


def orientation_of(picture: PillowImage.Image) -> int:
    """Return the EXIF orientation, 1 where there is none or it is unreadable. Call inside :func:`quiet`."""
    try:
        value = picture.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - metadata that no one can read is no reason to refuse the pixels
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1  # noqa: PLR2004 - EXIF knows eight


def to_8_bit(picture: PillowImage.Image) -> PillowImage.Image:
    """Return the picture as 8-bit L, RGB or RGBA: CMYK and palettes become colours.

    Of 16 bits the upper 8 are kept. Floats in 0..1 are multiplied by 255, those in 0..255 are rounded; other floats,
    and whole numbers that 16 bits do not hold, are scaled from their least to their largest. What is
    not finite is black.
    """
    mode = picture.mode
    if mode.startswith("I"):
        return _grey_from_wide(np.asarray(picture))
    if mode == "F":
        return _grey_from_floats(np.asarray(picture, dtype=np.float64))
    if picture.has_transparency_data or mode in {"LA", "La", "PA", "RGBa"}:
        return picture.convert("RGBA")
    if mode == "1":
        return picture.convert("L")
    return picture if mode in {"L", "RGB"} else picture.convert("RGB")


def scale(
    picture: PillowImage.Image,
    size_hw: tuple[int, int],
    *,
    box: tuple[float, float, float, float],
    is_quick: bool = False,
) -> PillowImage.Image:
    """Return what is in the box (left, top, right, bottom), resampled to the size where that differs.

    ``is_quick``: by a filter a third as wide, for pictures that are only looked at.
    """
    pillow = load_pillow()
    height, width = size_hw
    if picture.size == (width, height) and box == (0.0, 0.0, float(width), float(height)):
        return picture
    method = pillow.Resampling.HAMMING if is_quick else pillow.Resampling.LANCZOS
    return picture.resize((width, height), method, box=box)


def encode(picture: PillowImage.Image, *, as_jpeg: bool, orientation: int) -> bytes:
    """Return the picture, turned upright, as a PNG or JPEG without metadata: equal pixels, equal bytes."""
    pillow = load_pillow()
    turns = pillow.Transpose
    methods = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_270,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_90,
    }
    # A copy in either case: what the encoders find in .info (comments, profiles) must not reach the file.
    picture = picture.transpose(methods[orientation]) if orientation in methods else picture.copy()
    picture.info = {}
    file = io.BytesIO()
    if as_jpeg and picture.mode != "RGBA":
        picture.save(file, "JPEG", quality=95, subsampling=0)
    else:
        # Measured on photographs: half the time of zlib's default strategy at the same size.
        picture.save(file, "PNG", compress_level=4, compress_type=_ZLIB_RLE)
    return file.getvalue()


def rgb_pixels(picture: PillowImage.Image) -> NDArray[np.uint8]:
    """Return uint8 RGB of shape (h, w, 3); what is transparent is seen on white."""
    pillow = load_pillow()
    if picture.mode == "RGBA":
        white = pillow.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = pillow.alpha_composite(white, picture)
    return np.array(picture.convert("RGB"), dtype=np.uint8)


def _grey_from_wide(values: NDArray[np.generic]) -> PillowImage.Image:
    pillow = load_pillow()
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 0xFFFF:  # noqa: PLR2004 - 16 bits
        return _grey_from_floats(values.astype(np.float64))
    # Mode I;16 is 16 bits by definition; the 32-bit mode I may as well hold 0..255.
    wide = values.dtype.itemsize == 2 or high > 0xFF  # noqa: PLR2004 - bytes of a 16-bit value
    grey = values.astype(np.uint16)
    picture: PillowImage.Image = pillow.fromarray((grey >> 8 if wide else grey).astype(np.uint8))
    return picture


def _grey_from_floats(values: NDArray[np.float64]) -> PillowImage.Image:
    finite = np.isfinite(values)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 0xFF:  # noqa: PLR2004 - 8 bits
        low, high = 0.0, 255.0
    scaled = np.where(finite, (values - low) * (255.0 / ((high - low) or 1.0)), 0.0)
    picture: PillowImage.Image = load_pillow().fromarray(scaled.round().clip(0, 255).astype(np.uint8))
    return picture
