"""Which row goes to which split: leak-safe, seeded, stratified, whatever the order of the rows.

Rows that share anything (an image, a near-duplicate of it, a group) form a cluster, and a cluster is never divided.
What rows and strata are is told by 64-bit digests. Rows come some at a time: memory grows with clusters alone.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from samframe.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["assign_splits", "check_fractions", "digest_of", "link_nodes"]

Ints = npt.NDArray[np.integer]
Digests = npt.NDArray[np.uint64]


def check_fractions(fractions: Mapping[str, float]) -> dict[str, float]:
    """Return the fractions, scaled so that they sum to exactly 1.

    Raises
    ------
    OptionError
        If there is none, one is no number above 0, or they do not sum to 1.
    """
    if not fractions:
        raise OptionError('split names at least one part, such as {"train": 0.8, "val": 0.2}.')
    for name, share in fractions.items():
        if not isinstance(name, str) or not name.strip():
            raise OptionError(f"A split's name is a text, not {name!r}.")
        if isinstance(share, bool) or not isinstance(share, int | float | np.number) or not 0 < share <= 1:
            raise OptionError(f"split[{name!r}] is a fraction above 0 and at most 1, not {share!r}.")
    total = math.fsum(fractions.values())
    if not math.isclose(total, 1, abs_tol=1e-6):
        raise OptionError(f"The fractions of split sum to {total:g}, not to 1.")
    return {name: float(share) / total for name, share in fractions.items()}


def digest_of(text: str) -> int:
    """Return 64 bits that stand for a text."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def link_nodes(n_nodes: int, a: Ints, b: Ints) -> Ints:
    """Return for each node the least one that it is linked to, through others too.

    Parameters
    ----------
    n_nodes : int
    a, b : ndarray of int, shape (n_links,)
        The two nodes of each link.

    Returns
    -------
    ndarray of int32, shape (n_nodes,)
    """
    roots = np.arange(n_nodes, dtype=np.int32)
    while True:
        low = np.minimum(roots[a], roots[b])
        np.minimum.at(roots, roots[a], low)
        np.minimum.at(roots, roots[b], low)
        while not np.array_equal(roots, further := roots[roots]):
            roots = further
        if np.array_equal(roots[a], roots[b]):
            return roots


def assign_splits(
    blocks: Iterable[tuple[Ints, Digests, Ints]],
    fractions: Mapping[str, float],
    *,
    seed: int = 0,
    stratum_digests: Digests,
) -> tuple[Ints, Ints]:
    """Return the split of each cluster, and its rows.

    Large clusters go first, in a random order that the seed decides, each to the split that lacks most rows of its
    strata. A split's rows then differ from its share by less than one row more than the largest cluster.

    Parameters
    ----------
    blocks : iterable of (clusters, digests, strata)
        All rows, some at a time; each an ndarray of shape (n_rows,). The cluster's number, from 0 without gaps: its
        rows stay together. What the row is, by content, as uint64: the same wherever it stands in the frame. The
        stratum's number, from 0: each stratum is divided by the fractions, small ones together.
    fractions : mapping of str to float
        As :func:`check_fractions` gives them.
    seed : int
        Another one gives another draw.
    stratum_digests : ndarray of uint64, shape (n_strata,)
        What each stratum is, by content.

    Returns
    -------
    split_of : ndarray of int16, shape (n_clusters,)
        Positions among the fractions.
    sizes : ndarray of int64, shape (n_clusters,)
        Rows of each cluster.
    """
    shake, n_strata = np.uint64(digest_of(str(seed))), len(stratum_digests)
    content, pairs, counts = _add_up(blocks, stratum_digests)
    starts = np.searchsorted(pairs, np.arange(len(content) + 1) * n_strata)
    kinds = pairs % n_strata
    sizes = np.add.reduceat(counts, starts[:-1]) if len(content) else np.zeros(0, np.int64)
    order = np.lexsort((_mixed(content ^ shake), -sizes))
    lacking = _targets(
        np.bincount(kinds, weights=counts, minlength=n_strata).astype(np.int64),
        list(fractions.values()),
        np.argsort(_mixed(stratum_digests ^ shake), kind="stable"),
    )
    split_of = np.zeros(len(sizes), np.int16)
    for cluster in order:
        mine = slice(starts[cluster], starts[cluster + 1])
        best = int(np.argmax(counts[mine] @ lacking[kinds[mine]]))
        lacking[kinds[mine], best] -= counts[mine]
        split_of[cluster] = best
    return split_of, sizes


def _add_up(
    blocks: Iterable[tuple[Ints, Digests, Ints]], stratum_digests: Digests
) -> tuple[Digests, Ints, Ints]:
    """Return what each cluster is, by content; each stratum of each cluster in order as one number; rows of each."""
    content, salt, n_strata = np.zeros(0, np.uint64), _mixed(stratum_digests), len(stratum_digests)
    pairs, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for clusters, digests, strata in blocks:
        content = np.pad(content, (0, max(0, int(clusters.max()) + 1 - len(content))))
        np.add.at(content, clusters, _mixed(digests + salt[strata]))
        met, n_met = np.unique(clusters.astype(np.int64) * n_strata + strata, return_counts=True)
        pairs, of_pair = np.unique(np.concatenate([pairs, met]), return_inverse=True)
        added = np.zeros(len(pairs), np.int64)
        np.add.at(added, of_pair, np.concatenate([counts, n_met]))
        counts = added
    return content, pairs, counts


def _mixed(values: Digests) -> Digests:
    """Return numbers whose every bit depends on every bit (splitmix64, G. Steele et al., OOPSLA 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _targets(sizes: Ints, shares: list[float], order: Ints) -> npt.NDArray[np.float64]:
    """Return whole rows for each stratum and split; what rounding takes from a split, the next stratum gives back."""
    owed = np.zeros(len(shares))
    targets = np.zeros((len(sizes), len(shares)))
    for kind in order.tolist():
        ideal = sizes[kind] * np.array(shares) + owed
        whole = np.maximum(np.floor(ideal + 1e-9), 0)
        while whole.sum() > sizes[kind]:
            whole[np.argmin(np.where(whole > 0, ideal - whole, np.inf))] -= 1
        while whole.sum() < sizes[kind]:
            whole[np.argmax(ideal - whole)] += 1
        owed = ideal - whole
        targets[kind] = whole
    return targets
