"""An output file decoded to RGB and alpha, checked as every output is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import ImageError
from samframe.images import describe_bytes, open_picture, quiet, read_header, sniff_format
from samframe.segmind.output import OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Picture", "decode"]

_FORMATS = frozenset({"PNG", "JPEG", "WEBP"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A decoded output.

    Attributes
    ----------
    rgb : ndarray of uint8, shape (h, w, 3)
        The colours, whatever is transparent.
    alpha : ndarray of uint8, shape (h, w), or None
        Opacity, None where the file tells none.
    mode, file_format : str
        Pillow's mode, and the format of the file.
    is_lossy : bool
        Whether the compression may have changed the values.
    """

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    mode: str
    file_format: str
    is_lossy: bool

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.rgb.shape[:2]
        return height, width


def decode(data: bytes) -> Picture:
    """Return the picture that an output file holds.

    Raises
    ------
    OutputError
        If the bytes are no PNG, JPEG or WebP, damaged, or too large.
    """
    if sniff_format(data) not in _FORMATS:
        raise OutputError(f"The output is {describe_bytes(data)}, not a PNG, JPEG or WebP image")
    try:
        header = read_header(data)
        with quiet():
            picture = open_picture(data, header)
            mode = picture.mode
            picture.load()
            if mode.startswith("I") or mode == "F":
                levels = np.asarray(picture).astype(np.float64)
                top = float(levels.max()) or 1.0
                grey = np.clip(levels * (255.0 / max(top, 255.0)), 0, 255).astype(np.uint8)
                rgb, alpha = np.repeat(grey[..., None], 3, axis=2), None
            else:
                has_alpha = picture.has_transparency_data
                pixels = np.asarray(picture.convert("RGBA" if has_alpha else "RGB"))
                rgb = np.ascontiguousarray(pixels[..., :3])
                alpha = np.ascontiguousarray(pixels[..., 3]) if has_alpha else None
    except ImageError as error:
        raise OutputError(f"The output is {describe_bytes(data)} that cannot be read: {error}") from None
    is_lossy = header.format == "JPEG" or (header.format == "WEBP" and b"VP8L" not in data[:65536])
    return Picture(rgb=rgb, alpha=alpha, mode=mode, file_format=header.format, is_lossy=is_lossy)
