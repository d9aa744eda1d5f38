"""A mask read from a picture that it was painted on: what differs from the image as it was sent.

A painter of overlays mixes: out = (1 - a) x image + a x colour. Both figures are found from pixels that clearly differ;
then each pixel is one or the other, whichever explains it better. Where the image has the paint's own colour nothing
tells, and the pixels around it decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import MaskError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.segmind.reading.planes import Picture

__all__ = ["by_difference"]

#: A pixel that differs by less in each channel may be compression's work.
_NOISE, _NOISE_LOSSY = 6.0, 24.0
#: Clearly changed, to find the paint by.
_CLEAR = 2.0
_FEWEST_CHANGED = 16
#: Explained by paint if this near to it, as a part of what changed.
_MOST_MISFIT = 0.35
#: More than this part changed, and not by one paint: it is another picture.
_MOST_CHANGED = 0.9
#: Half the side of the square whose pixels decide where nothing tells.
_REACH = 4
_ROUNDS = 4
#: Less sure than this, no mask is given.
_LEAST_SURE = 0.6


def by_difference(picture: Picture, sent: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Return what was painted on the image, and how sure that is.

    Parameters
    ----------
    sent : ndarray of uint8, shape (h, w, 3)
        The image as it was sent; brought to the picture's size where that differs.

    Raises
    ------
    MaskError
        If it is another picture, or nothing in it can be told for sure.
    """
    came = picture.rgb.astype(np.float32)
    base = _at_size(sent, picture.size_hw).astype(np.float32)
    difference = np.abs(came - base).max(axis=2)
    noise = _noise_of(difference, is_lossy=picture.is_lossy)
    changed = difference > noise
    clear = difference > _CLEAR * noise
    share = float(changed.mean())
    if int(clear.sum()) < _FEWEST_CHANGED:
        return np.zeros(changed.shape, dtype=np.bool_), ("nothing differs from the image that was sent",)
    paint = _paint(came[clear], base[clear], noise)
    if paint is None:
        if share > _MOST_CHANGED:
            raise MaskError(
                f"{share:.0%} of its pixels differ from the image that was sent: it is another picture"
            )
        sure = float((clear | ~changed).mean())
        _check(sure)
        return changed, (f"what differs from the image that was sent, {sure:.0%} sure",)
    alpha, colour = paint
    painted = (1.0 - alpha) * base + alpha * colour
    as_paint = np.abs(came - painted).max(axis=2)
    mask = as_paint < difference
    # Where the image has the paint's own colour, painting changes nothing that could be told from noise.
    blind = np.abs(painted - base).max(axis=2) <= noise
    sure = 1.0 - float(((np.minimum(as_paint, difference) > _CLEAR * noise) & ~blind).mean())
    _check(sure)
    mask = _decide(mask, blind)
    words = f"painted at {alpha:.0%} in #{''.join(f'{round(float(c)):02x}' for c in np.clip(colour, 0, 255))}"
    return mask, (f"{words}, {sure:.0%} sure",)


def _check(sure: float) -> None:
    if sure < _LEAST_SURE:
        raise MaskError(
            f"what differs from the image that was sent is told for {sure:.0%} of the pixels only"
        )


def _noise_of(difference: NDArray[np.float32], *, is_lossy: bool) -> float:
    """Return the largest difference that counts as none: what compression leaves, by the quieter half."""
    least = _NOISE_LOSSY if is_lossy else _NOISE
    quiet = float(np.quantile(difference, 0.25))
    return float(min(max(least, 2.0 * quiet), 2.0 * least))


def _paint(
    came: NDArray[np.float32], base: NDArray[np.float32], noise: float
) -> tuple[float, NDArray[np.float32]] | None:
    """Return opacity and colour of one paint by least squares, None where one paint does not explain the change."""
    centred = base - base.mean(axis=0)
    spread = float((centred**2).sum())
    slope = float((centred * (came - came.mean(axis=0))).sum() / spread) if spread > 0 else 0.0
    slope = float(np.clip(slope, 0.0, 0.98))
    colour = (came.mean(axis=0) - slope * base.mean(axis=0)) / (1.0 - slope)
    misfit = np.abs(came - (slope * base + (1.0 - slope) * colour)).max(axis=1)
    scale = np.abs(came - base).max(axis=1)
    if float(np.median(misfit / scale)) > _MOST_MISFIT or float(np.median(misfit)) > _CLEAR * noise:
        return None
    return 1.0 - slope, colour.astype(np.float32)


def _decide(mask: NDArray[np.bool_], blind: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Let pixels of which nothing tells go with those around them."""
    if not blind.any() or blind.all():
        return mask & ~blind
    decided = mask & ~blind
    known = ~blind
    for _ in range(_ROUNDS):
        votes = _box(decided & known) * 2 - _box(known)
        fresh = ~known & (_box(known) > 0)
        if not fresh.any():
            break
        decided = np.where(fresh, votes > 0, decided)
        known = known | fresh
    return np.ascontiguousarray(decided)


def _box(values: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return how many pixels are set in the square around each."""
    side = 2 * _REACH + 1
    padded = np.pad(values.astype(np.int32), ((_REACH + 1, _REACH), (_REACH + 1, _REACH)))
    total = padded.cumsum(axis=0).cumsum(axis=1)
    summed: NDArray[np.int32] = (
        total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    )
    return summed


def _at_size(pixels: NDArray[np.uint8], size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    if pixels.shape[:2] == size_hw:
        return pixels
    from PIL import Image  # noqa: PLC0415 - as everywhere, Pillow is loaded when it is needed

    height, width = size_hw
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))
