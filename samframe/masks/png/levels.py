"""Pictures that are no masks: numbered pixels, colours, soft shades and hidden transparency, told by name.

A threshold makes a mask of any picture, and of most a wrong one: of a map of classes 0, 1, 2 it makes nothing. So a
file of other than black and white is looked at first.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.png.container import PngParts, parse_png, read_with_pillow

__all__ = ["Channel", "pixels_of_png", "refuse_other_pictures"]

Channel = Literal["luma", "red", "green", "blue", "alpha"]

Pixels = npt.NDArray[Any]

_PALETTE, _GRAY, _RGB = 3, 0, 2
_HALF = 128
_MOST = 255
_LEAST_PIXELS = 16  # of one shade: fewer may be an edge
_LEAST_SHARE = 0.1  # of what is not black: edges have many shades, and few pixels of each
_NEAR = 16  # shades so near to black, white, or one another are taken for them
_COLOURED = 0.01  # share of the pixels whose channels differ
_SHOWN = 6


def pixels_of_png(
    data: bytes, *, value: int | Iterable[int] | None, threshold: int | None, channel: Channel | None
) -> npt.NDArray[np.bool_]:
    """Return which pixels of a PNG are foreground by a rule of the caller's, bool of shape (H, W).

    Parameters
    ----------
    data : bytes
        The whole file.
    value : int or iterable of int, optional
        Foreground has one of these numbers: the pixel as it is stored, in a palette its index.
    threshold : int, optional
        Foreground is this bright or brighter, 0 to 255; of 16 bits the high byte counts.
    channel : {"luma", "red", "green", "blue", "alpha"}, optional
        What is looked at; with `value`, None is the stored number.

    Raises
    ------
    MaskError
        If the rule is none, or the bytes are no PNG or have no such channel.
    """
    parts = parse_png(data)
    if channel is not None and channel not in get_args(Channel):
        raise MaskError(f"channel is one of {', '.join(map(repr, get_args(Channel)))}; not {channel!r}")
    if value is not None and threshold is not None:
        raise MaskError("value= and threshold= are two rules: pass one of them")
    if value is not None:
        wanted = _numbers(value)
        found: npt.NDArray[np.bool_] = np.isin(
            _stored(data, channel) // (1 if channel else _step(parts)), wanted
        )
        return found
    least = _HALF if threshold is None else threshold
    if isinstance(least, bool) or not isinstance(least, int | np.integer) or not 0 < least <= _MOST:
        raise MaskError(f"threshold is a brightness from 1 to 255, not {threshold!r}")
    shades = read_with_pillow(data) if channel in (None, "luma") else _band(data, channel)
    return np.asarray(shades >= least)


def _numbers(value: Any) -> list[int]:
    values = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    if not values or not all(
        isinstance(one, int | np.integer) and not isinstance(one, bool) for one in values
    ):
        raise MaskError(f"value is a whole number or some of them, not {value!r}")
    return [int(one) for one in values]


def _opened(data: bytes, convert: str | None) -> Pixels:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - heavy, and often not needed

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as picture:
                pixels: Pixels = np.asarray(picture if convert is None else picture.convert(convert))
                return pixels
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
    ) as error:
        raise MaskError(f"the image cannot be read: {error}") from None


def _stored(data: bytes, channel: Channel | None) -> Pixels:
    """Return the numbers as they are stored, shape (H, W)."""
    if channel is not None:
        return read_with_pillow(data) if channel == "luma" else _band(data, channel)
    pixels = _opened(data, None)
    if pixels.ndim == 2:  # noqa: PLR2004 - height and width
        return pixels.astype(np.int64)
    colours = pixels[..., :3] if pixels.shape[2] > 2 else pixels[..., :1]  # noqa: PLR2004 - gray and opacity
    if (colours != colours[..., :1]).any():
        raise MaskError(
            "the picture is coloured and its pixels have no one number: name a channel, such as 'red'"
        )
    return np.asarray(colours[..., 0], dtype=np.int64)


def _band(data: bytes, channel: Channel | None) -> Pixels:
    at = ("red", "green", "blue", "alpha").index(str(channel))
    return _opened(data, "RGBA")[..., at]


def refuse_other_pictures(data: bytes, parts: PngParts) -> Pixels:
    """Return a picture's brightness, shape (H, W), if it may be a mask with soft edges.

    Raises
    ------
    MaskError
        If it is a map of numbers, a coloured picture, of shades alone, or has its mask in its transparency; the message
        says what it is, and what to pass.
    """
    if parts.colour_type == _PALETTE:
        _refuse_palette(_opened(data, None), parts.palette or b"")
    elif parts.bit_depth == 16 and parts.colour_type == _GRAY:  # noqa: PLR2004 - bits
        return _refuse_numbers_16(_opened(data, None))
    elif parts.colour_type != _GRAY:
        _refuse_colours(data, parts)
    shades = read_with_pillow(data)
    if parts.transparent or parts.colour_type > _PALETTE:
        _refuse_hidden(data, shades)
    _refuse_numbers(np.bincount(shades.ravel(), minlength=256), _step(parts))
    return shades


def _step(parts: PngParts) -> int:
    """Return by how much Pillow multiplies the numbers of gray in 2 or 4 bits, to fill the range of 8."""
    is_narrow = parts.colour_type == _GRAY and parts.bit_depth in (2, 4)
    return _MOST // (2**parts.bit_depth - 1) if is_narrow else 1


def _refuse_palette(indices: Pixels, palette: bytes) -> None:
    colours = np.frombuffer(palette, dtype=np.uint8).reshape(-1, 3).astype(np.int64)
    used = np.unique(indices)
    used = used[used < len(colours)]
    spread = colours[used].max(axis=1) - colours[used].min(axis=1)
    if (spread > _NEAR).any():
        raise MaskError(
            f"the picture has a palette: its pixels are the numbers {_listed(used)}. "
            f"Pass value={int(used[-1])} for one of them, or read all with samframe.read_masks or read_semantic"
        )


def _refuse_numbers_16(numbers: Pixels) -> Pixels:
    used = np.unique(numbers)
    top = int(used[-1]) if used.size else 0
    if set(used.tolist()) <= {0, 1} or set(used.tolist()) <= {0, _MOST}:
        return np.asarray((numbers > 0) * np.uint8(_MOST))
    shades: Pixels = np.clip(numbers.astype(np.int64) >> 8, 0, _MOST).astype(np.uint8)
    counts = np.bincount(shades.ravel(), minlength=256)
    if top < _HALF << 8 or _has_plateau(counts):
        raise MaskError(
            f"the picture has 16 bits, and its pixels are the numbers {_listed(used)}: pass value={int(used[-1])} for "
            "one of them, threshold= for a brightness, or read all with samframe.read_masks"
        )
    return shades


def _refuse_colours(data: bytes, parts: PngParts) -> None:
    colours = _opened(data, "RGB" if parts.colour_type == _RGB else "RGBA").astype(np.int16)
    if colours.shape[2] > 3:  # noqa: PLR2004 - with opacity
        seen = colours[..., 3] > 0
        has_gaps = bool((~seen).any()) and bool(seen.any())
        colours = colours[seen][:, :3]
    else:
        has_gaps = False
        colours = colours.reshape(-1, 3)
    spread = colours.max(axis=1) - colours.min(axis=1) if len(colours) else np.zeros(1)
    if (spread > _NEAR).mean() > _COLOURED:
        hint = "channel='alpha' for its transparency, " if has_gaps else ""
        raise MaskError(
            f"the picture is coloured and no mask: pass {hint}channel='red' and the like, or threshold= to go by "
            "its brightness all the same"
        )


def _refuse_hidden(data: bytes, shades: Pixels) -> None:
    opacity = _band(data, "alpha")
    low, high = int(opacity.min()), int(opacity.max())
    if low < high and int(shades.max()) < _HALF:
        raise MaskError("the picture is dark all over and its transparency varies: pass channel='alpha'")


def _refuse_numbers(counts: npt.NDArray[np.int64], step: int) -> None:
    used = np.flatnonzero(counts)
    brightest = int(used[-1]) if used.size else 0
    if brightest <= 1 or set(used.tolist()) <= {0, _MOST}:
        return
    used, top = used // step, brightest // step
    if brightest < _HALF:
        raise MaskError(
            f"the picture's pixels are the numbers {_listed(used)}, all dark: pass value={top} for one of them, "
            "threshold= for a brightness, or read all with samframe.read_masks or read_semantic"
        )
    if _has_plateau(counts):
        raise MaskError(
            f"the picture's pixels are the numbers {_listed(used)}, not black and white: pass value={top} for one of "
            f"them, threshold={_HALF} to go by brightness, or read all with samframe.read_masks or read_semantic"
        )


def _has_plateau(counts: npt.NDArray[np.int64]) -> bool:
    """Say whether a shade between black and white covers an area, as none of an edge's does."""
    between = counts[_NEAR : _MOST - _NEAR + 1]
    small = counts[1:_NEAR]
    least = max(_LEAST_PIXELS, _LEAST_SHARE * float(counts[1:].sum()))
    return bool(between.max(initial=0) > least) or bool(small.max(initial=0) > 4 * least)


def _listed(values: Pixels) -> str:
    shown = ", ".join(map(str, values[:_SHOWN].tolist()))
    return f"{shown}, ... ({len(values):,} of them)" if len(values) > _SHOWN else shown
