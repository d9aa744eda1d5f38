"""Which row goes to which split: leak-safe, seeded, stratified, whatever the order of the rows.

Rows that share anything (an image, a near-duplicate of it, a group) form a cluster, and a cluster is never divided.
What rows and strata are is told by 64-bit digests, so that a row takes a few bytes.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from samframe.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    digests: Digests,
    clusters: Ints,
    fractions: Mapping[str, float],
    *,
    seed: int = 0,
    strata: Ints | None = None,
    stratum_digests: Digests | None = None,
) -> Ints:
    """Return the split of each row.

    Large clusters go first, in a random order that the seed decides, each to the split that lacks most rows of its
    strata. A split's rows then differ from its share by less than one row more than the largest cluster.

    Parameters
    ----------
    digests : ndarray of uint64, shape (n_rows,)
        What each row is, by content: the same for a row wherever it stands in the frame.
    clusters : ndarray of int, shape (n_rows,)
        Rows of one number stay together.
    fractions : mapping of str to float
        As :func:`check_fractions` gives them.
    seed : int
        Another one gives another draw.
    strata : ndarray of int, shape (n_rows,), optional
        Stratum of each row, from 0; each is divided by the fractions, small ones together.
    stratum_digests : ndarray of uint64, shape (n_strata,), optional
        What each stratum is, by content.

    Returns
    -------
    ndarray of int16, shape (n_rows,)
        Positions among the fractions.
    """
    if strata is None or stratum_digests is None:
        strata, stratum_digests = np.zeros(len(digests), np.int8), np.zeros(1, np.uint64)
    shake = np.uint64(digest_of(str(seed)))
    _, of_row = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(of_row)
    content = np.zeros(len(sizes), np.uint64)
    np.add.at(content, of_row, _mixed(digests + _mixed(stratum_digests)[strata]))
    order = np.lexsort((_mixed(content ^ shake), -sizes))
    kinds, counts, starts = _count_strata(of_row, strata, len(sizes), len(stratum_digests))
    lacking = _targets(
        np.bincount(strata, minlength=len(stratum_digests)),
        list(fractions.values()),
        np.argsort(_mixed(stratum_digests ^ shake), kind="stable"),
    )
    split_of = np.zeros(len(sizes), np.int16)
    for cluster in order.tolist():
        mine = slice(starts[cluster], starts[cluster + 1])
        best = int(np.argmax(counts[mine] @ lacking[kinds[mine]]))
        lacking[kinds[mine], best] -= counts[mine]
        split_of[cluster] = best
    return split_of[of_row]


def _mixed(values: Digests) -> Digests:
    """Return numbers whose every bit depends on every bit (splitmix64, G. Steele et al., OOPSLA 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _count_strata(of_row: Ints, strata: Ints, n_clusters: int, n_strata: int) -> tuple[Ints, Ints, list[int]]:
    """Return each cluster's strata, the rows of each, and where each cluster's begin."""
    pairs, counts = np.unique(of_row.astype(np.int64) * n_strata + strata, return_counts=True)
    starts = np.searchsorted(pairs, np.arange(n_clusters + 1) * n_strata)
    return pairs % n_strata, counts, starts.tolist()


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
