"""Rules that read a mask from a picture's own pixels: transparency, not black, dark, soft, one colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import MaskError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from samframe.segmind.reading.planes import Picture

    _Rule = Callable[[Picture], tuple[NDArray[np.bool_], tuple[str, ...]]]

__all__ = ["RULES", "by_colour", "commonest_colours"]

_HALF = 127
#: What is painted over a picture may be as faint as this.
_FAINT = 32
#: Nothing darker than this counts as black: compression leaves noise beside an edge.
_BLACK, _BLACK_LOSSY = 0, 24
#: How far a colour may be from the one asked for, in each channel.
_NEAR, _NEAR_LOSSY = 24, 64
_SHOWN_COLOURS = 3


def by_alpha(picture: Picture) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """What is opaque is the mask, whatever its colours."""
    alpha = picture.alpha
    if alpha is None:
        raise MaskError(f"it has no transparency (mode {picture.mode})")
    if int(alpha.min()) == int(alpha.max()) and int(alpha.max()) not in {0, 0xFF}:
        raise MaskError(f"its transparency is the same everywhere ({int(alpha.max())} of 255)")
    return alpha > _HALF, ("mask in the alpha channel",)


def by_nonblack(picture: Picture) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """What is neither black nor transparent is the mask."""
    least = _BLACK_LOSSY if picture.is_lossy else _BLACK
    mask = picture.rgb.max(axis=2) > least
    return _visible(mask, picture, _HALF), ("all that is not black",)


def by_dark(picture: Picture) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """What is dark is the mask: black on white."""
    return _visible(_luma(picture) <= _HALF, picture, _HALF), ("dark on light",)


def by_level(picture: Picture) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """What is lighter than half is the mask, however soft its edges."""
    return _visible(_luma(picture) > _HALF, picture, _HALF), ("cut at half of white",)


RULES: dict[str, _Rule] = {
    "alpha": by_alpha,
    "nonblack": by_nonblack,
    "dark": by_dark,
    "soft": by_level,
}


def by_colour(picture: Picture, rgb: tuple[int, int, int]) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """What has a colour, or nearly, is the mask.

    Raises
    ------
    MaskError
        If no pixel has it though the picture has several colours; the commonest are named.
    """
    near = _NEAR_LOSSY if picture.is_lossy else _NEAR
    distance = np.abs(picture.rgb.astype(np.int16) - np.asarray(rgb, dtype=np.int16)).max(axis=2)
    mask = _visible(distance <= near, picture, _FAINT)
    if not mask.any() and len(common := commonest_colours(picture)) > 1:
        raise MaskError(f"no pixel has the colour {_hex(rgb)}; its commonest are {', '.join(common)}")
    return mask, (f"the colour {_hex(rgb)}",)


def commonest_colours(picture: Picture, *, most: int = _SHOWN_COLOURS) -> list[str]:
    """Return the colours that most of the visible pixels have, as ``#rrggbb``, the commonest first."""
    rgb = picture.rgb if picture.alpha is None else picture.rgb[picture.alpha >= _FAINT]
    flat = rgb.reshape(-1, 3).astype(np.uint32)
    if picture.is_lossy:
        flat = np.minimum((flat + 8) & 0xF0, 0xFF)
    packed = flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2]
    values, counts = np.unique(packed, return_counts=True)
    order = np.argsort(counts, kind="stable")[::-1][:most]
    return [f"#{int(values[place]):06x}" for place in order]


def _visible(mask: NDArray[np.bool_], picture: Picture, least: int) -> NDArray[np.bool_]:
    return mask if picture.alpha is None else mask & (picture.alpha > least)


def _luma(picture: Picture) -> NDArray[np.float64]:
    luma: NDArray[np.float64] = picture.rgb @ np.array([0.299, 0.587, 0.114])
    return luma


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)
