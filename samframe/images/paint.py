"""Masks painted on small pictures: which pixels are edge and halo, a tint over the mask, a veil over the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samframe.images.geometry import fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.images.upright import Upright
    from samframe.masks import Mask

__all__ = ["EDGE", "HALO", "mask_levels", "mask_on", "tinted", "veiled"]

#: Levels of :func:`mask_levels`, beside 0 outside and 1 inside.
EDGE, HALO = 2, 3
_TINT = np.array([0, 158, 255], dtype=np.float32)
_VEIL_ALPHA = 0.62
#: Of what is veiled, the share that keeps its own colour.
_COLOUR_SHARE = 0.35


def mask_on(shown: Upright | None, mask: Mask, *, max_side: int) -> Mask:
    """Return a mask on the raster of a small picture; where there is none, scaled down as one would be."""
    return shown.mask(mask) if shown is not None else mask.resize(fit(mask.size_hw, max_side))


def mask_levels(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return for each pixel 0 outside, 1 inside, 2 (`EDGE`) along the inner border, 3 (`HALO`) along the outer one.

    Pixels touch by their sides. Beyond the picture there is neither mask nor background: where a mask meets the
    picture's border it has no edge.
    """
    levels = inside.astype(np.uint8)
    levels[inside & _grown(~inside)] = EDGE
    levels[_grown(inside) & ~inside] = HALO
    return levels


def tinted(pixels: NDArray[np.uint8], inside: NDArray[np.bool_], *, opacity: float) -> NDArray[np.uint8]:
    """Return RGB pixels, shape (h, w, 3), with the mask in a blue tint and a white line around it, within the mask.

    The line runs along the picture's border, too: the mask ends there.
    """
    painted = pixels.copy()
    painted[inside] = (painted[inside] * (1 - opacity) + _TINT * opacity).astype(np.uint8)
    painted[inside & _grown(~np.pad(inside, 1))[1:-1, 1:-1]] = 255
    return painted


def veiled(pixels: NDArray[np.uint8], inside: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    """Return RGB pixels with what is outside the mask pale and nearly grey; what is inside keeps its own colours."""
    colour = pixels.astype(np.float32)
    grey = colour @ np.array([0.299, 0.587, 0.114], np.float32)
    dull = _COLOUR_SHARE * colour + (1 - _COLOUR_SHARE) * grey[..., None]
    pale = (dull * (1 - _VEIL_ALPHA) + 255 * _VEIL_ALPHA).astype(np.uint8)
    return pale if inside is None else np.where(inside[..., None], pixels, pale)


def _grown(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels and their four neighbours."""
    padded = np.pad(pixels, 1)
    grown: NDArray[np.bool_] = (
        pixels | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    )
    return grown
