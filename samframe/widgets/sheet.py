"""A few rows as one small picture, painted in Python: for saved notebooks, the progress panel and plain pages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PillowImage

from samframe.errors import ImageError
from samframe.images import fit, make_preview, mask_on, tinted
from samframe.masks import Mask

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from samframe.images import Preview

__all__ = ["contact_sheet", "painted_tile"]

_EMPTY = 226
_GAP = 6


def painted_tile(
    cell: object,
    mask: object,
    *,
    side: int,
    opacity: float = 0.55,
    image_root: str | os.PathLike[str] | None = None,
    fetch: Callable[[str], bytes] | None = None,
) -> NDArray[np.uint8]:
    """Return an image with its mask tinted and outlined, uint8 RGB of shape (side, side, 3); grey where there is none.

    Parameters
    ----------
    cell, mask : object
        As the frame holds them; either may be missing.
    side : int
        Pixels.
    opacity : float
        Of the mask, 0 to 1.
    image_root, fetch
        As for :func:`samframe.images.make_preview`.
    """
    square = np.full((side, side, 3), _EMPTY, dtype=np.uint8)
    shown: Preview | None = None
    try:
        shown = make_preview(cell, max_side=side, image_root=image_root, fetch=fetch)
        pixels = shown.pixels
    except ImageError:
        size_hw = mask.size_hw if isinstance(mask, Mask) and 0 not in mask.size_hw else (side, side)
        pixels = np.full((*fit(size_hw, side), 3), _EMPTY, dtype=np.uint8)
    height, width = pixels.shape[:2]
    if isinstance(mask, Mask) and 0 not in mask.size_hw:
        # As in the gallery: a white line around it, which is seen on most of what a mask may cover.
        pixels = tinted(pixels, mask_on(shown, mask, max_side=side).to_numpy(), opacity=opacity)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = pixels
    return square


def contact_sheet(
    cells: Sequence[tuple[object, object]], *, side: int, columns: int, quality: int = 70, **options: Any
) -> bytes:
    """Return rows side by side as a WebP file, see-through between them; ``b""`` where there are none.

    Parameters
    ----------
    cells : sequence of (image cell, mask)
    side : int
        Pixels of a tile's side.
    columns : int
        Tiles in a line.
    quality : int
        Of WebP's lossy coding, 0 to 100.
    **options
        As for :func:`painted_tile`.
    """
    if not cells:
        return b""
    columns = min(columns, len(cells))
    lines = -(-len(cells) // columns)
    sheet = PillowImage.new("RGBA", (columns * (side + _GAP) - _GAP, lines * (side + _GAP) - _GAP))
    for at, (cell, mask) in enumerate(cells):
        tile = PillowImage.fromarray(painted_tile(cell, mask, side=side, **options))
        sheet.paste(tile, ((at % columns) * (side + _GAP), (at // columns) * (side + _GAP)))
    # Pillow would import every format that it knows to find this one.
    import PIL.WebPImagePlugin  # noqa: F401, PLC0415

    file = io.BytesIO()
    sheet.save(file, "WEBP", quality=quality, method=4)
    return file.getvalue()
