"""The shortest bridges between the parts of a mask, and which parts are worth one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Bridge", "shortest_bridges", "worth_bridging"]

Ints = npt.NDArray[np.int64]

#: Pixels that are compared all with all; of more, every n-th is, and the bridge is then looked for close by.
_MOST_PIXELS = 4000
#: Distances worked out at a time.
_CHUNK = 200_000


class Bridge(NamedTuple):
    """A way from a pixel of one part to a pixel of another.

    Attributes
    ----------
    near, far : int
        Their numbers among the border's pixels; `near` lies in the part that is nearer to the first one.
    cost : int
        Pixels of background that a king walks over on a chessboard.
    """

    near: int
    far: int
    cost: int


def shortest_bridges(xy: Ints, part: Ints, *, first: int) -> list[Bridge]:
    """Return bridges that join all parts with the fewest pixels (Prim's algorithm), in the order of joining.

    Parameters
    ----------
    xy : ndarray of int64, shape (n, 2)
        Pixels of the parts' borders.
    part : ndarray of int64, shape (n,)
        The part of each, from 0, none left out.
    first : int
        The part to begin with.

    Returns
    -------
    list of Bridge
        One less than there are parts.
    """
    n_parts = int(part.max()) + 1
    order = np.argsort(part, kind="stable")
    members = np.split(order, np.searchsorted(part[order], np.arange(1, n_parts)))
    every = -(-len(xy) // _MOST_PIXELS)
    chosen = np.sort(np.concatenate([pixels[::every] for pixels in members]))
    points, labels = xy[chosen], part[chosen]
    distance = np.full(len(points), np.iinfo(np.int64).max)
    source = np.zeros(len(points), dtype=np.int64)
    joined = np.zeros(n_parts, dtype=bool)
    bridges = []
    newest = first
    for _ in range(n_parts - 1):
        joined[newest] = True
        rest = np.flatnonzero(~joined[labels])
        fresh = np.flatnonzero(labels == newest)
        found, at = _nearest(points[rest], points[fresh])
        better = found < distance[rest]
        distance[rest[better]] = found[better]
        source[rest[better]] = fresh[at[better]]
        best = rest[np.argmin(distance[rest])]
        newest = int(labels[best])
        near, far = int(chosen[source[best]]), int(chosen[best])
        if every > 1:
            near, far = _refined(xy, near, far, members[part[near]], members[newest], reach=2 * every)
        bridges.append(Bridge(near, far, int(np.abs(xy[near] - xy[far]).max()) - 1))
    return bridges


def worth_bridging(bridges: list[Bridge], part: Ints, areas: Ints, *, first: int) -> list[Bridge]:
    """Return the bridges that gain more pixels of the mask than they cost of the background.

    Parameters
    ----------
    bridges : list of Bridge
        As `shortest_bridges` gives them: a tree that grows from `first`.
    part : ndarray of int64
        The part of each border pixel.
    areas : ndarray of int64
        Pixels of each part.
    first : int
        The part that always stays.
    """
    gain = areas.astype(np.int64).copy()
    for near, far, cost in reversed(bridges):  # whatever hangs on a part was joined after it
        gain[part[near]] += max(0, int(gain[part[far]]) - cost)
    kept, reached = [], {first}
    for bridge in bridges:
        if int(part[bridge.near]) in reached and gain[part[bridge.far]] > bridge.cost:
            reached.add(int(part[bridge.far]))
            kept.append(bridge)
    return kept


def _nearest(points: Ints, others: Ints) -> tuple[Ints, Ints]:
    """Return for each point the distance to the nearest of the others, as a king walks, and which one that is."""
    distance = np.empty(len(points), dtype=np.int64)
    at = np.empty(len(points), dtype=np.int64)
    size = max(1, _CHUNK // len(others))
    (x, y), (other_x, other_y) = points.astype(np.int32).T, others.astype(np.int32).T
    for start in range(0, len(points), size):
        some = slice(start, start + size)
        apart = np.abs(x[some, None] - other_x)
        np.maximum(apart, np.abs(y[some, None] - other_y), out=apart)
        at[some] = apart.argmin(axis=1)
        distance[some] = apart[np.arange(len(apart)), at[some]]
    return distance, at


def _refined(xy: Ints, near: int, far: int, ours: Ints, theirs: Ints, *, reach: int) -> tuple[int, int]:
    """Return the closest two pixels of two parts, looked for around a pixel of each."""
    ours, theirs = (
        pixels[np.maximum(*np.abs(xy[pixels] - xy[end]).T) <= reach]
        for pixels, end in ((ours, near), (theirs, far))
    )
    distance, at = _nearest(xy[theirs], xy[ours])
    best = int(distance.argmin())
    return int(ours[at[best]]), int(theirs[best])
