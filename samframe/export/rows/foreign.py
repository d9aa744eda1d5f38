"""Images that the API does not take and trainers do: TIFF, BMP, what Pillow opens besides, and larger ones.

The gate of an export is another than that of the API: what is copied need not be decoded.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from samframe.errors import ImageError
from samframe.images import MAX_PIXELS, fit, quiet, read_header, read_orientation, sniff_format

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as PillowImage

__all__ = ["MAX_FILE_BYTES", "as_png", "examine", "small_rgb"]

#: Pillow takes more for a decompression bomb, and opens it no more.
_MAX_PIXELS = 2 * MAX_PIXELS
#: BMP and TIFF may hold so many pixels as they are, four bytes each.
MAX_FILE_BYTES = 4 * _MAX_PIXELS + (1 << 20)

_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "WEBP": ".webp"}
#: Further formats of Pillow that hold pictures, and their suffixes. Those that run programs or hold pages are not here.
_FURTHER = {
    "TIFF": ".tif", "BMP": ".bmp", "DIB": ".bmp", "AVIF": ".avif", "HEIF": ".heic", "JPEG2000": ".jp2",
    "PPM": ".ppm", "TGA": ".tga", "MPO": ".jpg",
}  # fmt: skip
_ORIENTATION_TAG = 0x0112


def examine(data: bytes) -> tuple[tuple[int, int], str, int]:
    """Return an image's size in pixels (height, width), the suffix of its format, and its EXIF orientation.

    Raises
    ------
    ImageError
        If the bytes are no image that can be read.
    """
    if sniff_format(data) is not None:
        header = read_header(data, max_pixels=_MAX_PIXELS)
        return header.size_hw, _SUFFIXES[header.format], read_orientation(data, header)
    with quiet():
        picture = _open(data)
        height, width = picture.height, picture.width
        if height * width > _MAX_PIXELS:
            raise ImageError(
                f"a {picture.format} image of {width:,} x {height:,} pixels: over the limit of "
                f"{_MAX_PIXELS / 1e6:.0f} megapixels"
            )
        # Pillow turns a TIFF while it decodes it, and tells the size of the turned one; other readers do not.
        turned = picture.getexif().get(_ORIENTATION_TAG, 1) not in {None, 1}
        return (height, width), ".png" if turned else _FURTHER[picture.format or ""], 1


def as_png(data: bytes) -> bytes:
    """Return an image as a PNG of the same pixels, the first one of several.

    Raises
    ------
    ImageError
        If it cannot be decoded, or PNG has no such values.
    """
    with quiet():
        picture = _open(data)
        picture.load()
        if picture.mode not in {"1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16"}:
            if picture.mode == "F":
                raise ImageError("a picture of floats, which PNG does not hold: convert it to 8 or 16 bits")
            picture = picture.convert("RGB")
        file = io.BytesIO()
        picture.save(file, "PNG")
        return file.getvalue()


def small_rgb(data: bytes, *, max_side: int) -> NDArray[np.uint8]:
    """Return an image in RGB, scaled down for the eye: uint8 of shape (h, w, 3).

    Raises
    ------
    ImageError
        If it cannot be decoded.
    """
    import numpy as np  # noqa: PLC0415 - only where pictures are compared

    with quiet():
        picture = _open(data)
        height, width = fit((picture.height, picture.width), max_side)
        picture.draft("RGB", (width, height))
        if picture.mode.startswith(("I", "F")):
            wide = np.asarray(picture, dtype=np.float64)
            low, high = float(wide.min()), float(wide.max())
            picture = _pillow().fromarray(((wide - low) * (255 / max(high - low, 1e-9))).astype(np.uint8))
        return np.asarray(picture.convert("RGB").resize((width, height)), dtype=np.uint8)


def _open(data: bytes) -> PillowImage.Image:
    pillow = _pillow()
    pillow.init()
    known = [name for name in (*_SUFFIXES, *_FURTHER) if name in pillow.OPEN]
    try:
        picture: PillowImage.Image = pillow.open(io.BytesIO(data), formats=known)
    except pillow.UnidentifiedImageError:
        # The words for what it is instead.
        read_header(data)
        raise
    return picture


def _pillow() -> ModuleType:
    from PIL import Image  # noqa: PLC0415 - samframe starts without it

    return Image
