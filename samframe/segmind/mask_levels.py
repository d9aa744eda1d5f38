"""Whether decoded pixels show a mask, and which: two levels, told from colours, photographs and soft maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import MaskError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Planes", "mask_of_planes"]

Notes = tuple[str, ...]

#: Neutral pixels come out of JPEG and WebP with channels this close to each other; paint does not.
MAX_CHANNEL_SPREAD = 16
#: A level this close to 0 or 255 counts as black or white.
NEAR = 32
#: At most this share of the pixels may lie between black and white. JPEG (quality 30) of 32 px blobs has 6 %.
MAX_BETWEEN = 0.10
#: ... and at most this share of the pixels may do so in a block that no edge of the mask is near.
MAX_BETWEEN_INSIDE = 0.001
#: JPEG's blocks: its ringing stays within the block that holds the edge.
BLOCK = 8

_CUT = 127


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planes:
    """A decoded picture, taken apart.

    Attributes
    ----------
    colour : ndarray of int, shape (h, w), (h, w, 1) or (h, w, 3)
        0 to 255; a wider type holds 0 to 65535.
    alpha : ndarray of uint8, shape (h, w), or None
        Opacity.
    index : ndarray of uint8, shape (h, w), or None
        Palette indexes, where the picture has a palette; ``colour`` holds its colours.
    is_lossy : bool
        Whether the compression may have changed the values.
    """

    colour: NDArray[Any]
    alpha: NDArray[Any] | None = None
    index: NDArray[Any] | None = None
    is_lossy: bool = False


def mask_of_planes(planes: Planes) -> tuple[NDArray[np.bool_], Notes]:
    """Return the mask that a picture shows, bool of shape (h, w) in C order, and what is unusual about it.

    Raises
    ------
    MaskError
        If it shows no mask; the message says what speaks against it.
    """
    colour = planes.colour if planes.colour.ndim > 2 else planes.colour[..., None]  # noqa: PLR2004 - channels
    if planes.alpha is not None and int(planes.alpha.min()) < int(planes.alpha.max()):
        return _by_alpha(colour, planes.alpha, is_lossy=planes.is_lossy)
    if planes.alpha is not None and not planes.alpha.any():
        return _by_transparency(colour)
    if planes.index is None:
        return _by_level(_grey(colour), is_lossy=planes.is_lossy)
    return _by_palette(colour, planes.index)


def _by_palette(colour: NDArray[Any], index: NDArray[Any]) -> tuple[NDArray[np.bool_], Notes]:
    used = set(np.unique(index).tolist())
    by_index = next((top for top in (1, 255) if used <= {0, top}), None)
    is_one_colour = not np.ptp(colour.reshape(-1, colour.shape[-1]), axis=0).any()
    if by_index is not None and len(used) > 1 and is_one_colour:
        return index == by_index, ("palette indexes",)
    try:
        return _by_level(_grey(colour), is_lossy=False)
    except MaskError:
        if by_index is None:
            raise
        return index == by_index, ("palette indexes",)


def _by_transparency(colour: NDArray[Any]) -> tuple[NDArray[np.bool_], Notes]:
    if np.ptp(colour.reshape(-1, colour.shape[-1]), axis=0).any():
        raise MaskError("it is transparent everywhere, over a picture that cannot be seen")
    return np.zeros(colour.shape[:2], dtype=np.bool_), ("mask in the alpha channel",)


def _by_alpha(
    colour: NDArray[Any], alpha: NDArray[Any], *, is_lossy: bool
) -> tuple[NDArray[np.bool_], Notes]:
    try:
        mask, notes = _by_level(alpha, is_lossy=is_lossy)
    except MaskError as error:
        raise MaskError(f"its transparency is none either: {error}") from None
    seen = colour[mask]
    if not seen.size or np.ptp(seen, axis=0).max() > MAX_CHANNEL_SPREAD:
        raise MaskError("it is a picture with parts cut out")
    # What is transparent has any colour, as encoders please; but white hidden around black contradicts it.
    hidden = colour[~mask].max(axis=-1)
    if hidden.size and float(hidden.mean()) > int(seen.max()) + MAX_CHANNEL_SPREAD:
        raise MaskError("its colours and its transparency contradict each other")
    return mask, ("mask in the alpha channel", *notes)


def _grey(colour: NDArray[Any]) -> NDArray[Any]:
    if colour.shape[-1] == 1:
        return colour[..., 0]
    red, green, blue = (colour[..., channel] for channel in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    if int(spread.max()) > MAX_CHANNEL_SPREAD:
        share = float((spread > MAX_CHANNEL_SPREAD).mean())
        raise MaskError(f"{share:.1%} of its pixels are coloured")
    return green


def _by_level(grey: NDArray[Any], *, is_lossy: bool) -> tuple[NDArray[np.bool_], Notes]:
    low, high = int(grey.min()), int(grey.max())
    if low < 0 or high > 0xFFFF:  # noqa: PLR2004 - 16 bits
        raise MaskError(f"its values reach from {low} to {high}")
    top = 0xFFFF if grey.dtype != np.uint8 and high > 0xFF else 0xFF  # noqa: PLR2004 - 8 bits
    if low == high:
        return _by_uniform(grey, high, top, is_lossy=is_lossy)
    if low == 0 and not is_lossy and np.count_nonzero(grey) == np.count_nonzero(grey == high):
        notes = () if high == top else (f"values 0 and {high}",)
        return np.ascontiguousarray(grey > 0), notes
    return _by_near_levels(grey if top == 0xFF else grey >> 8), ("blurred edges",)  # noqa: PLR2004 - 8 bits


def _by_uniform(
    grey: NDArray[Any], value: int, top: int, *, is_lossy: bool
) -> tuple[NDArray[np.bool_], Notes]:
    slack = NEAR // 4 if is_lossy else 0
    if value <= slack:
        return np.zeros(grey.shape, dtype=np.bool_), ()
    if value >= top - slack or value in {1, 0xFF}:
        return np.ones(grey.shape, dtype=np.bool_), () if value >= top - slack else (f"value {value} only",)
    raise MaskError(f"it is one even grey (level {value} of {top})")


def _by_near_levels(grey: NDArray[Any]) -> NDArray[np.bool_]:
    """Cut levels of 0 to 255 where nearly all are near black or white and the others lie along the edges."""
    between = (grey > NEAR) & (grey < 0xFF - NEAR)
    share = float(between.mean())
    if share > MAX_BETWEEN:
        raise MaskError(f"{share:.0%} of its pixels are neither black nor white")
    if int(grey.max()) < 0xFF - NEAR:
        raise MaskError(f"nothing in it is white (its levels reach {int(grey.max())} of 255)")
    mask: NDArray[np.bool_] = np.ascontiguousarray(grey > _CUT)
    share = float((between & _far_from_edges(mask)).mean())
    if share > MAX_BETWEEN_INSIDE:
        raise MaskError(f"{share:.1%} of its pixels are neither black nor white, away from every edge")
    return mask


def _far_from_edges(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which pixels lie in a block of one value whose eight neighbours have the same value throughout."""
    height, width = mask.shape
    padded = np.pad(mask, ((0, -height % BLOCK), (0, -width % BLOCK)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // BLOCK, BLOCK, padded.shape[1] // BLOCK, BLOCK)
    some = _with_neighbours(np.asarray(blocks.any(axis=(1, 3))))
    other = _with_neighbours(np.asarray(~blocks.all(axis=(1, 3))))
    far = ~(some & other)
    return far.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)[:height, :width]


def _with_neighbours(blocks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    for axis in (0, 1):
        width = [(1, 1) if axis == each else (0, 0) for each in (0, 1)]
        padded = np.pad(blocks, width)
        n = blocks.shape[axis]
        blocks = np.logical_or.reduce([padded.take(range(step, step + n), axis=axis) for step in range(3)])
    return blocks
