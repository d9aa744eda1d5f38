"""Masks of one image that contradict one another: one prompt with two answers, or two prompts with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from samframe.frame.look.doubts import Doubt, area_shares, doubt_of
from samframe.masks.columns import measures as columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from samframe.masks import MaskArray

__all__ = ["other_prompt_doubt", "same_prompt_doubt"]

#: How many neighbours in its group a row is compared with. Groups are ordered so that those that matter come first.
_NEIGHBOURS = 32

Pairs = tuple["NDArray[np.int64]", "NDArray[np.int64]"]


def same_prompt_doubt(
    masks: MaskArray, images: NDArray[np.int64], prompts: NDArray[np.int64], *, same_iou: float
) -> Doubt:
    """Find rows whose mask has little in common with those of the same prompt in the same image.

    A row is judged by the median IoU with its twins, of two the higher: of three rows, the one that differs stands out.

    Parameters
    ----------
    images, prompts : ndarray of int64, shape (n,)
        A code for each row's image and prompt, -1 where it has none.
    """
    rows = _comparable(masks, images, prompts)
    group = _pair_codes(images[rows], prompts[rows], masks, rows)
    order = rows[np.argsort(group, kind="stable")]
    left, right = _joined(_neighbours(order, np.sort(group, kind="stable")))
    iou = columns.paired_iou(masks[left], masks[right])
    pairs = pd.Series(np.concatenate([iou, iou])).groupby(np.concatenate([left, right]))
    both = pairs.quantile(0.5, interpolation="higher")
    found = both[both < same_iou]
    severity = np.zeros(len(masks))
    severity[found.index] = 0.4 + 0.6 * (1.0 - found.to_numpy() / max(same_iou, 1e-9))
    texts = [f"differs from this prompt's other masks of this image (IoU {value:.2f})" for value in found]
    return doubt_of(0.9, severity, found.index.to_numpy(dtype=np.int64), texts)


def other_prompt_doubt(
    masks: MaskArray, images: NDArray[np.int64], prompts: NDArray[np.int64], *, other_iou: float
) -> Doubt:
    """Find rows whose mask is nearly that of another prompt in the same image."""
    rows = _comparable(masks, images, prompts)
    shares = area_shares(masks)[rows]
    group = _pair_codes(images[rows], np.zeros(len(rows), dtype=np.int64), masks, rows)
    by_area = np.lexsort((shares, group))
    order, group, shares = rows[by_area], group[by_area], shares[by_area]
    # Two masks of IoU t differ in area by the factor t at the most, so the neighbours in size are all that matter.
    pairs = _neighbours(order, group, shares=shares, least_ratio=other_iou)
    left, right = _joined(
        (a[differs], b[differs]) for a, b in pairs for differs in [prompts[a] != prompts[b]]
    )
    iou = columns.paired_iou(masks[left], masks[right])
    most = pd.Series(np.concatenate([iou, iou])).groupby(np.concatenate([left, right])).max()
    found = most[most >= other_iou]
    severity = np.zeros(len(masks))
    severity[found.index] = 0.5 + 0.5 * (found.to_numpy() - other_iou) / max(1.0 - other_iou, 1e-9)
    texts = [f"nearly the mask of another prompt in this image (IoU {value:.2f})" for value in found]
    return doubt_of(0.6, severity, found.index.to_numpy(dtype=np.int64), texts)


def _comparable(masks: MaskArray, images: NDArray[np.int64], prompts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows that have an image, a prompt and a mask with pixels."""
    filled = columns.areas(masks.pool, masks.positions) > 0
    return np.flatnonzero(filled & (images >= 0) & (prompts >= 0))


def _pair_codes(
    images: NDArray[np.int64], prompts: NDArray[np.int64], masks: MaskArray, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a code for each distinct image, prompt and mask size: masks of two sizes cannot be compared."""
    sizes = masks.pool.sizes_hw()[masks.positions[rows]].astype(np.int64)
    table = np.column_stack([images, prompts, sizes])
    codes: NDArray[np.int64] = np.unique(table, axis=0, return_inverse=True)[1].reshape(-1)
    return codes


def _neighbours(
    order: NDArray[np.int64],
    group: NDArray[np.int64],
    *,
    shares: NDArray[np.float64] | None = None,
    least_ratio: float = 0.0,
) -> Iterator[Pairs]:
    """Yield the pairs of rows at distance 1, 2, ... in their group, until none is left."""
    for step in range(1, min(_NEIGHBOURS, len(order) - 1) + 1):
        close = group[step:] == group[:-step]
        if shares is not None:
            close &= shares[:-step] >= least_ratio * shares[step:]
        at = np.flatnonzero(close)
        if not len(at):
            return
        yield order[at], order[at + step]


def _joined(pairs: Iterator[Pairs]) -> Pairs:
    found = list(pairs)
    nothing = np.empty(0, dtype=np.int64)
    left = np.concatenate([nothing, *(a for a, _ in found)])
    return left, np.concatenate([nothing, *(b for _, b in found)])
