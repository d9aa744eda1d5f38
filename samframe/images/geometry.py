"""Points and masks between the stored raster and the upright one, sent or looked at: EXIF orientation, then scale.

A point is (x, y) with pixel centres at whole numbers: (0, 0) is the centre of the top left pixel of the
raster as stored, (width - 1, height - 1) that of the bottom right one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from samframe.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["boxes_to_sent", "fit", "mask_to_stored", "points_to_sent", "points_to_upright", "turn", "upright"]

_Pixel = TypeVar("_Pixel", np.bool_, np.uint8)

# EXIF 2.32, tag 0x0112. What makes the picture upright: swap rows and columns, then mirror x, mirror y.
_STEPS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


def upright(size_hw: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the (height, width) once the EXIF orientation is applied; twice gives the stored size again."""
    return (size_hw[1], size_hw[0]) if _STEPS[orientation][0] else size_hw


def fit(size_hw: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Return the (height, width) scaled down so that the longer side is at most ``max_side``."""
    longest = max(size_hw)
    if min(size_hw) > 0 and longest <= max_side:
        return size_hw
    scale = min(1.0, max_side / max(longest, 1))
    height, width = (max(1, round(side * scale)) for side in size_hw)
    return height, width


def turn(raster: NDArray[_Pixel], orientation: int) -> NDArray[_Pixel]:
    """Return a stored raster, shape (h, w) or (h, w, channels), as it stands upright; C order."""
    swap, mirror_x, mirror_y = _STEPS[orientation]
    raster = raster.swapaxes(0, 1) if swap else raster
    raster = raster[:, ::-1] if mirror_x else raster
    return np.ascontiguousarray(raster[::-1] if mirror_y else raster)


def points_to_upright(
    points: NDArray[np.float64], stored_hw: tuple[int, int], orientation: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y, each of shape (n,), of points of the stored raster in the upright raster of its size."""
    swap, mirror_x, mirror_y = _STEPS[orientation]
    height, width = upright(stored_hw, orientation)
    x, y = (points[:, 1], points[:, 0]) if swap else (points[:, 0], points[:, 1])
    return (width - 1 - x if mirror_x else x), (height - 1 - y if mirror_y else y)


def points_to_sent(
    points: NDArray[np.float64], *, stored_hw: tuple[int, int], sent_hw: tuple[int, int], orientation: int
) -> NDArray[np.float64]:
    """Return the points of the stored raster in that of the image as sent, clipped to it.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        (x, y) in pixels of the stored raster.
    stored_hw, sent_hw : (int, int)
        Height and width of the two rasters.
    orientation : int
        EXIF orientation, 1 to 8.

    Returns
    -------
    ndarray of float64, shape (n, 2)

    Raises
    ------
    ImageError
        If the points are not (n, 2) finite numbers.
    """
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():  # noqa: PLR2004 - x and y
        raise ImageError(f"points must be finite (x, y) pairs, an array of shape (n, 2), not {points.shape}")
    height, width = upright(stored_hw, orientation)
    x, y = points_to_upright(points, stored_hw, orientation)
    sent_x = (x + 0.5) * sent_hw[1] / width - 0.5
    sent_y = (y + 0.5) * sent_hw[0] / height - 0.5
    return np.column_stack([sent_x.clip(0, sent_hw[1] - 1), sent_y.clip(0, sent_hw[0] - 1)])


def boxes_to_sent(
    boxes: NDArray[np.float64], *, stored_hw: tuple[int, int], sent_hw: tuple[int, int], orientation: int
) -> NDArray[np.int64]:
    """Return boxes of the stored raster in that of the image as sent: whole pixels, clipped, none of them empty.

    Parameters
    ----------
    boxes : ndarray, shape (n, 4)
        (x1, y1, x2, y2) by their edges: the whole stored raster is (0, 0, width, height).
    stored_hw, sent_hw : (int, int)
        Height and width of the two rasters.
    orientation : int
        EXIF orientation, 1 to 8.

    Returns
    -------
    ndarray of int64, shape (n, 4)
        x1 < x2 and y1 < y2.
    """
    swap, mirror_x, mirror_y = _STEPS[orientation]
    height, width = upright(stored_hw, orientation)
    x, y = (boxes[:, 1::2], boxes[:, 0::2]) if swap else (boxes[:, 0::2], boxes[:, 1::2])
    sides = []
    for values, is_mirrored, size, sent in (
        (x, mirror_x, width, sent_hw[1]),
        (y, mirror_y, height, sent_hw[0]),
    ):
        edges = np.sort(size - values if is_mirrored else values, axis=1).clip(0, size) * (sent / size)
        low, high = edges[:, 0].round().astype(np.int64), edges[:, 1].round().astype(np.int64)
        low = np.minimum(low, sent - 1)
        sides.append((low, np.maximum(high, low + 1)))
    (x1, x2), (y1, y2) = sides
    return np.column_stack([x1, y1, x2, y2])


def mask_to_stored(
    mask: NDArray[np.bool_], *, stored_hw: tuple[int, int], orientation: int
) -> NDArray[np.bool_]:
    """Return a mask of the image as sent on the stored raster, by nearest neighbour.

    Parameters
    ----------
    mask : ndarray of bool, shape (h, w)
        Upright. A mask of another size than the image as sent is stretched all the same: it is the caller who
        flags that.
    stored_hw : (int, int)
        Height and width of the stored raster.
    orientation : int
        EXIF orientation, 1 to 8.

    Returns
    -------
    ndarray of bool, shape ``stored_hw``, C order

    Raises
    ------
    ImageError
        If the mask is not two-dimensional or has no pixels.
    """
    if mask.ndim != 2 or mask.size == 0:  # noqa: PLR2004 - rows and columns
        raise ImageError(f"a mask must have the shape (height, width), not {mask.shape}")
    swap, mirror_x, mirror_y = _STEPS[orientation]
    size_hw = upright(stored_hw, orientation)
    if mask.shape != size_hw:
        mask = mask[np.ix_(_nearest(size_hw[0], mask.shape[0]), _nearest(size_hw[1], mask.shape[1]))]
    mask = mask[:, ::-1] if mirror_x else mask
    mask = mask[::-1] if mirror_y else mask
    return np.ascontiguousarray(mask.T if swap else mask, dtype=np.bool_)


def _nearest(n_wanted: int, n_given: int) -> NDArray[np.int64]:
    # Whole numbers only: the cell that holds the centre (i + 0.5) x n_given / n_wanted, free of rounding.
    return (2 * np.arange(n_wanted, dtype=np.int64) + 1) * n_given // (2 * n_wanted)
