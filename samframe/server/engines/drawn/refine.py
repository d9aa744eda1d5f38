"""The edge of a mask, pixel by pixel: each pixel near it joins the side whose local colours it resembles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samframe.server.engines.drawn.pixels import box_mean, box_sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["refine_edge"]

#: Half widths of the band that may change, round by round, and of the window that local colours come from.
_BANDS = (8, 4)
_WINDOW = 12
#: Variance of Lab that is always granted, so that flat colours do not divide by nothing.
_FLOOR = 6.0
_SMOOTHING = 3
_COUPLING = 5.0
_NEVER = 1e3
_NONE = 1e-4


def refine_edge(
    lab: NDArray[np.float32],
    mask: NDArray[np.bool_],
    *,
    inside: NDArray[np.intp] | None = None,
    outside: NDArray[np.intp] | None = None,
) -> NDArray[np.bool_]:
    """Return the mask with its edge moved to where the colours change.

    Parameters
    ----------
    lab : ndarray of float32, shape (height, width, 3)
        CIE Lab.
    mask : ndarray of bool, shape (height, width)
    inside, outside : ndarray of intp, shape (n, 2), optional
        Pixels (x, y) that keep their side.

    Returns
    -------
    ndarray of bool, shape (height, width)
    """
    ys, xs = np.nonzero(mask)
    if not ys.size:
        return mask
    margin = _BANDS[0] + 2 * _WINDOW
    top, left = max(0, int(ys.min()) - margin), max(0, int(xs.min()) - margin)
    window = np.s_[top : int(ys.max()) + margin + 1, left : int(xs.max()) + margin + 1]
    colours, part = lab[window], mask[window].astype(np.float32)
    for band in _BANDS:
        part = _one_round(colours, part, band)
    refined = mask.copy()
    refined[window] = part > 0.5  # noqa: PLR2004 - more likely in than out
    for points, value in ((inside, True), (outside, False)):
        if points is not None and len(points):
            refined[points[:, 1], points[:, 0]] = value
    return refined


def _one_round(colours: NDArray[np.float32], part: NDArray[np.float32], band: int) -> NDArray[np.float32]:
    near = box_mean(part, band)
    free = (near > _NONE) & (near < 1 - _NONE)
    evidence = _log_density(colours, part) - _log_density(colours, 1 - part)
    evidence = np.clip(evidence, -6, 6)
    belief = np.where(free, 1 / (1 + np.exp(-evidence)), part).astype(np.float32)
    for _ in range(_SMOOTHING):
        agreement = 2 * box_mean(belief, 1) - 1
        belief = np.where(free, 1 / (1 + np.exp(-(evidence + _COUPLING * agreement))), part).astype(
            np.float32
        )
    return (belief > 0.5).astype(np.float32)  # noqa: PLR2004 - more likely in than out


def _log_density(colours: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the log density of each pixel's colour under a Gaussian fitted to the weighted pixels around it.

    Every other pixel and row is enough to fit it.
    """
    height, width = weights.shape
    some, some_weights = colours[::2, ::2], weights[::2, ::2, None]
    total = box_sum(some_weights, _WINDOW // 2)
    mean = box_sum(some * some_weights, _WINDOW // 2) / (total + 1e-3)
    square = box_sum(some**2 * some_weights, _WINDOW // 2) / (total + 1e-3)
    variance = np.maximum(square - mean**2, 0) + _FLOOR
    # No pixel of that side within the window: the side is no candidate.
    offset = np.where(total[..., 0] >= 1, np.log(variance).sum(axis=-1), _NEVER)
    y, x = np.arange(height) // 2, np.arange(width) // 2
    gaps = (colours - mean[y][:, x]) ** 2 / variance[y][:, x]
    return np.asarray(-0.5 * (gaps.sum(axis=-1) + offset[y][:, x]), np.float32)
