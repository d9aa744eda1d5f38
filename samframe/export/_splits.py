"""Which row goes to which split: leak-safe, seeded, stratified, whatever the order of the rows.

Rows that share anything (an image, a near-duplicate of it, a group) form a cluster, and a cluster is never divided.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from samframe.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["assign_splits", "check_fractions", "cluster_rows"]

Ints = npt.NDArray[np.int64]


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


def cluster_rows(n_rows: int, links: Iterable[Sequence[object]]) -> Ints:
    """Return the cluster of each row: rows with an equal key, and rows linked through others, share one.

    Parameters
    ----------
    n_rows : int
    links : iterable of sequences
        Each a column of keys, one a row; None links a row to nothing.

    Returns
    -------
    ndarray of int64, shape (n_rows,)
        The least row of the cluster.
    """
    roots = list(range(n_rows))

    def find(row: int) -> int:
        while roots[row] != row:
            roots[row] = roots[roots[row]]
            row = roots[row]
        return row

    for keys in links:
        seen: dict[object, int] = {}
        for row, key in enumerate(keys):
            if key is not None:
                a, b = find(row), find(seen.setdefault(key, row))
                roots[max(a, b)] = min(a, b)
    return np.array([find(row) for row in range(n_rows)], dtype=np.int64)


@dataclass(slots=True)
class _Cluster:
    """Rows that stay together.

    Attributes
    ----------
    order : bytes
        A seeded digest of what the rows are: the same whatever their order.
    counts : dict of str to int
        Rows of each stratum.
    """

    rows: list[int]
    order: bytes
    counts: dict[str, int]


def assign_splits(
    names: Sequence[str],
    clusters: Ints,
    fractions: Mapping[str, float],
    *,
    seed: int = 0,
    strata: Sequence[str] | None = None,
) -> list[str]:
    """Return the split of each row.

    Large clusters go first, in a random order that the seed decides, each to the split that lacks most rows of its
    strata. A split's rows then differ from its share by less than one row more than the largest cluster.

    Parameters
    ----------
    names : sequence of str
        What each row is, by content: the same for a row wherever it stands in the frame.
    clusters : ndarray of int64, shape (n_rows,)
        As :func:`cluster_rows` gives them.
    fractions : mapping of str to float
        As :func:`check_fractions` gives them.
    seed : int
        Another one gives another draw.
    strata : sequence of str, optional
        The stratum of each row; each is divided by the fractions, small ones together.
    """
    kinds = [""] * len(names) if strata is None else strata
    groups = _groups(names, clusters, kinds, seed)
    lacking = _targets(kinds, list(fractions.values()), seed)
    splits = list(fractions)
    found = [""] * len(names)
    for group in sorted(groups, key=lambda group: (-len(group.rows), group.order)):
        wanted = sum(count * lacking[kind] for kind, count in group.counts.items())
        best = int(np.argmax(wanted))
        for kind, count in group.counts.items():
            lacking[kind][best] -= count
        for row in group.rows:
            found[row] = splits[best]
    return found


def _groups(names: Sequence[str], clusters: Ints, kinds: Sequence[str], seed: int) -> list[_Cluster]:
    rows_of: dict[int, list[int]] = {}
    for row, cluster in enumerate(clusters.tolist()):
        rows_of.setdefault(cluster, []).append(row)
    groups = []
    for rows in rows_of.values():
        counts: dict[str, int] = {}
        for row in rows:
            counts[kinds[row]] = counts.get(kinds[row], 0) + 1
        content = "\0".join(sorted(f"{names[row]}\1{kinds[row]}" for row in rows))
        ordered = dict(sorted(counts.items()))
        groups.append(_Cluster(rows=rows, order=_draw(seed, content), counts=ordered))
    return groups


def _draw(seed: int, content: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{content}".encode("utf-8", "surrogatepass")).digest()


def _targets(kinds: Sequence[str], shares: list[float], seed: int) -> dict[str, Any]:
    """Return whole rows for each stratum and split; what rounding takes from a split, the next stratum gives back."""
    sizes: dict[str, int] = {}
    for kind in kinds:
        sizes[kind] = sizes.get(kind, 0) + 1
    owed = np.zeros(len(shares))
    targets = {}
    for kind in sorted(sizes, key=lambda kind: _draw(seed, kind)):
        ideal = sizes[kind] * np.array(shares) + owed
        whole = np.maximum(np.floor(ideal + 1e-9), 0)
        while whole.sum() > sizes[kind]:
            whole[np.argmin(np.where(whole > 0, ideal - whole, np.inf))] -= 1
        while whole.sum() < sizes[kind]:
            whole[np.argmax(ideal - whole)] += 1
        owed = ideal - whole
        targets[kind] = whole
    return targets
