"""Arithmetic on the decoded runs ("toggles") of one mask and of many masks at once.

A mask's toggles are ``start, end, start, end ...``: strictly increasing column-major positions ``x * height + y``, ends
excluded, always an even number. Many masks are one pool of toggles and ``offsets`` of shape (n + 1,): mask i owns
``pool[offsets[i]:offsets[i + 1]]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["areas", "bboxes", "intersection_matrix", "paired_intersection", "union_runs"]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]


def areas(toggle_pool: Ints, offsets: Offsets) -> npt.NDArray[np.int64]:
    """Return the number of foreground pixels of every mask, shape (n,)."""
    sums = np.zeros(toggle_pool.size // 2 + 1, dtype=np.int64)
    np.cumsum(toggle_pool[1::2] - toggle_pool[::2], out=sums[1:])
    return np.diff(sums[np.asarray(offsets) >> 1])


def bboxes(toggle_pool: Ints, offsets: Offsets, sizes_hw: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the tight box ``(x, y, width, height)`` of every mask, shape (n, 4); all zeros where empty.

    ``sizes_hw`` has shape (n, 2), or (2,) where all masks share one size.
    """
    n_masks = len(offsets) - 1
    sizes = np.broadcast_to(np.asarray(sizes_hw, dtype=np.int64), (n_masks, 2))
    out = np.zeros((n_masks, 4), dtype=np.int64)
    for i in range(n_masks):
        toggles = toggle_pool[offsets[i] : offsets[i + 1]].astype(np.int64)
        height = int(sizes[i, 0])
        if toggles.size:
            (x0, y0), (x1, y1) = divmod(toggles[::2], height), divmod(toggles[1::2] - 1, height)
            full = bool((x1 > x0).any())
            top, bottom = (0, height - 1) if full else (int(y0.min()), int(y1.max()))
            out[i] = x0[0], top, x1[-1] - x0[0] + 1, bottom - top + 1
    return out


def paired_intersection(
    pool_a: Ints, offsets_a: Offsets, pool_b: Ints, offsets_b: Offsets
) -> npt.NDArray[np.int64]:
    """Return how many pixels mask i of A and mask i of B share, shape (n,); the sizes must be equal pairwise."""
    n_masks = len(offsets_a) - 1
    out = np.zeros(n_masks, dtype=np.int64)
    for i in range(n_masks):
        a, b = pool_a[offsets_a[i] : offsets_a[i + 1]], pool_b[offsets_b[i] : offsets_b[i + 1]]
        both = np.sort(np.concatenate([a, b]).astype(np.int64))
        either = [int((t[1::2].astype(np.int64) - t[::2]).sum()) for t in (a, b, both)]
        out[i] = (either[0] + either[1] - either[2]) // 2
    return out


def intersection_matrix(
    pool_a: Ints, offsets_a: Offsets, pool_b: Ints, offsets_b: Offsets, size_hw: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """Return how many pixels mask i of A and mask j of B share, shape (n_a, n_b); all masks have ``size_hw``."""
    n_a, n_b = len(offsets_a) - 1, len(offsets_b) - 1
    out = np.zeros((n_a, n_b), dtype=np.int64)
    for i in range(n_a):
        span = slice(int(offsets_a[i]), int(offsets_a[i + 1]))
        repeated = np.tile(pool_a[span], n_b)
        steps = np.arange(n_b + 1, dtype=np.int64) * (span.stop - span.start)
        out[i] = paired_intersection(repeated, steps, pool_b, offsets_b)
    return out


def union_runs(toggles: Sequence[Ints]) -> Ints:
    """Return the toggles of the union of masks of one size."""
    return _at_least(toggles, 1)


def intersection_runs(toggles: Sequence[Ints]) -> Ints:
    """Return the toggles of the intersection of masks of one size (at least one mask)."""
    return _at_least(toggles, len(toggles))


def _at_least(toggles: Sequence[Ints], n_covers: int) -> Ints:
    """Return the toggles of what at least ``n_covers`` of the masks cover."""
    if not toggles:
        return np.empty(0, dtype=np.int64)
    everything = np.concatenate(toggles).astype(np.int64)
    # Bit 0 sorts a start before an end at the same place, so that touching spans join.
    is_end = np.concatenate([np.arange(t.size) & 1 for t in toggles])
    keys = np.sort(2 * everything + is_end)
    depth = np.cumsum(1 - 2 * (keys & 1))
    before = depth - (1 - 2 * (keys & 1))
    flips = (depth >= n_covers) != (before >= n_covers)
    found = keys[flips] >> 1
    pairs = found.reshape(-1, 2)
    return pairs[pairs[:, 0] < pairs[:, 1]].ravel().astype(toggles[0].dtype)
