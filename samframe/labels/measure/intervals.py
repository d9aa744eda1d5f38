"""How far a number measured on some images may be from that of all: the bootstrap over images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["bounds", "draw_interval", "drawn_weights", "ratio_interval"]

_AT_ONCE = 1 << 22


def drawn_weights(n_images: int, n_draws: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each image is in each draw, float64 of shape (some draws, n_images).

    A draw takes as many images as there are, each time any of them.
    """
    rng = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // max(n_images, 1))
    for first in range(0, n_draws, step):
        count = min(step, n_draws - first)
        chosen = rng.integers(0, n_images, size=(count, n_images))
        chosen += np.arange(count)[:, None] * n_images
        yield (
            np.bincount(chosen.ravel(), minlength=count * n_images)
            .reshape(count, n_images)
            .astype(np.float64)
        )


def ratio_interval(
    top: NDArray[np.float64], bottom: NDArray[np.float64], *, n_draws: int, seed: int, level: float
) -> tuple[float, float]:
    """Return the interval of ``sum(top) / sum(bottom)`` over images, NaN where nothing is below.

    Parameters
    ----------
    top, bottom : ndarray of float64, shape (n_images,)
    n_draws : int
    seed : int
    level : float
        Share of draws that lie within, such as 0.95.
    """
    if not len(top):
        return float("nan"), float("nan")
    found = [
        np.divide(
            weights @ top, weights @ bottom, out=np.full(len(weights), np.nan), where=weights @ bottom > 0
        )
        for weights in drawn_weights(len(top), n_draws, seed)
    ]
    return bounds(np.concatenate(found), level)


def bounds(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Return between which two values the middle share of draws lies, NaN where none could be measured."""
    measured = values[~np.isnan(values)]
    if not measured.size:
        return float("nan"), float("nan")
    low, high = np.quantile(measured, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def draw_interval(
    measure: Callable[[NDArray[np.float64]], float], n_images: int, *, n_draws: int, seed: int, level: float
) -> tuple[float, float]:
    """Return the interval of anything that is measured on weighted images; -1 counts as not measured."""
    values = [measure(one) for weights in drawn_weights(n_images, n_draws, seed) for one in weights]
    return bounds(np.array([np.nan if value == -1 else value for value in values]), level)
