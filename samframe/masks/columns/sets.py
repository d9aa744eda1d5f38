"""Set operations on whole mask columns: the runs of thousands of masks are merged in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from samframe.errors import MaskError
from samframe.masks import runs as _runs
from samframe.masks.columns.pool import MaskPool, in_parts
from samframe.masks.rle import counts_from_pool
from samframe.masks.runs import bases_of, lay_apart, lay_out, whole_runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = [
    "combined_pool",
    "cut_runs",
    "difference_runs",
    "inverted_pool",
    "pool_of_runs",
]


def combined_pool(
    a: tuple[MaskPool, NDArray[np.int64]],
    b: tuple[MaskPool, NDArray[np.int64]],
    operation: Callable[[list[NDArray[Any]]], NDArray[Any]],
) -> MaskPool:
    """Return what an operation makes of each mask of A with its counterpart in B.

    Parameters
    ----------
    a, b : (MaskPool, ndarray of int64, shape (n,))
        Masks by their positions in a pool, none negative.
    operation : callable
        One of `union_runs`, `intersection_runs`, `xor_runs` and `difference_runs`: two lists of toggles to one.

    Raises
    ------
    MaskError
        If the masks of a pair differ in size.
    """
    (pool_a, own), (pool_b, theirs) = a, b
    sizes = pool_a.sizes_hw()[own]
    wrong = np.flatnonzero((sizes != pool_b.sizes_hw()[theirs]).any(axis=1))
    if len(wrong):
        one, other = (pool.size_at(int(at[wrong[0]])) for pool, at in (a, b))
        raise MaskError(f"masks of {one} and {other} pixels do not overlay: resize one")
    chunks = []
    for part in in_parts(pool_a.lengths(own) + pool_b.lengths(theirs)):
        bases = bases_of(sizes[part])
        placed = [lay_out(*pool.toggles(at[part], keep=False), bases) for pool, at in (a, b)]
        chunks.append(cut_runs(operation(placed), bases, sizes[part]))
    return MaskPool(chunks, sizes)


def inverted_pool(pool: MaskPool, positions: NDArray[np.int64]) -> MaskPool:
    """Return the background of masks, given by their positions in a pool."""
    sizes, chunks = pool.sizes_hw()[positions], []
    for part in in_parts(pool.lengths(positions)):
        bases = bases_of(sizes[part])
        placed = lay_out(*pool.toggles(positions[part], keep=False), bases)
        chunks.append(cut_runs(_runs.xor_runs([placed, whole_runs(bases)]), bases, sizes[part]))
    return MaskPool(chunks, sizes)


def difference_runs(toggles: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the toggles of what the first covers and the second does not."""
    return _runs.xor_runs([toggles[0], _runs.intersection_runs(toggles)])


def pool_of_runs(
    toggles: NDArray[Any], offsets: NDArray[np.int64], sizes_hw: NDArray[np.integer[Any]]
) -> pa.LargeBinaryArray:
    """Return the COCO bytes of masks.

    Parameters
    ----------
    toggles : ndarray of int, shape (n_toggles,)
        ``start, end, start, end ...`` of all masks as column-major positions, ends excluded.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``toggles[offsets[i]:offsets[i + 1]]``.
    sizes_hw : ndarray of int, shape (n, 2)
        Height and width in pixels.
    """
    n_pixels = sizes_hw.astype(np.int64).prod(axis=1)
    last = np.full(len(n_pixels), -1, dtype=np.int64)
    filled = np.flatnonzero(np.diff(offsets))
    last[filled] = toggles[offsets[filled + 1] - 1]
    open_ = np.flatnonzero(last != n_pixels)  # these end in background, which is a run too
    edges = np.insert(toggles, offsets[open_ + 1], n_pixels[open_])
    run_offsets = offsets.copy()
    run_offsets[1:] += np.cumsum(last != n_pixels)
    runs = np.diff(edges, prepend=edges.dtype.type(0))
    runs[run_offsets[:-1]] = edges[run_offsets[:-1]]
    counts, ends = counts_from_pool(runs, run_offsets)
    buffers = [None, pa.py_buffer(np.ascontiguousarray(ends, dtype=np.int64)), pa.py_buffer(counts)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(n_pixels), buffers)


def cut_runs(
    merged: NDArray[Any], bases: NDArray[np.int64], sizes_hw: NDArray[np.int32]
) -> pa.LargeBinaryArray:
    """Return the COCO bytes of toggles that were laid out one mask after another."""
    return pool_of_runs(*lay_apart(merged, bases), sizes_hw)
