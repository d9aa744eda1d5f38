"""What an output is, in words and as a small picture: for the message about one that could not be read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import MaskError
from samframe.images import describe_bytes
from samframe.segmind.reading.planes import decode
from samframe.segmind.reading.rules import commonest_colours

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["form_of", "small_png"]

_SIDE_PX = 240
_FEW_COLOURS = 3
_SEEN = 127


def form_of(data: bytes) -> str:
    """Return what the bytes are: format, size, mode, transparency, colours; for no picture, what else it is."""
    try:
        picture = decode(data)
    except MaskError:
        return f"{describe_bytes(data)} of {len(data):,} bytes"
    height, width = picture.size_hw
    words = [f"{picture.file_format}, {width} x {height} px, mode {picture.mode}"]
    if picture.alpha is not None:
        words.append(f"{float((picture.alpha <= _SEEN).mean()):.0%} transparent")
    flat = picture.rgb.reshape(-1, 3).astype(np.uint32)
    n_colours = len(np.unique(flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2]))
    common = ", ".join(commonest_colours(picture, most=_FEW_COLOURS))
    words.append(
        f"{n_colours:,} colours{' (' + common + ')' if n_colours <= _FEW_COLOURS else ', mostly ' + common}"
    )
    return ", ".join(words)


def small_png(picture: bytes | NDArray[np.uint8], *, side_px: int = _SIDE_PX) -> bytes | None:
    """Return a small PNG without metadata of a file or of RGB pixels, None where there is nothing to show.

    What is transparent is seen on a chequered ground.
    """
    from PIL import Image  # noqa: PLC0415 - as everywhere, Pillow is loaded when it is needed

    if isinstance(picture, bytes):
        try:
            shown = decode(picture)
        except MaskError:
            return None
        pixels = shown.rgb if shown.alpha is None else _on_chequers(shown.rgb, shown.alpha)
    else:
        pixels = picture
    small = Image.fromarray(pixels)
    small.thumbnail((side_px, side_px))
    out = io.BytesIO()
    small.save(out, "PNG")
    return out.getvalue()


def _on_chequers(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = alpha.shape
    square = max(1, max(height, width) // 24)
    rows, columns = np.indices((height, width)) // square
    ground = np.where((rows + columns) % 2, 200, 240)[..., None]
    share = alpha[..., None] / 255.0
    return (rgb * share + ground * (1 - share)).astype(np.uint8)
