"""One closed outline for a whole mask: its holes keyholed, its parts bridged.

A format of one ring an object (YOLO's) can say neither holes nor parts. A ring may pass one line twice, there and back:
from the outline to a hole and back it costs nothing where the foreground is crossed, from part to part it costs the
pixels of the background below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from samframe.export.outline.bridges import shortest_bridges, worth_bridging
from samframe.export.outline.rings import BorderPixels, inset_rings
from samframe.masks import Mask
from samframe.masks.shapes import filled_toggles

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Outline", "fill_outline", "one_outline"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Outline(NamedTuple):
    """One ring for a mask.

    Attributes
    ----------
    ring : ndarray of float64, shape (n, 2)
        ``x, y`` in pixels from the image's top left corner.
    n_bridges : int
        Lines from part to part.
    n_parts_left_out : int
        Parts that are smaller than the bridge to them.
    """

    ring: Floats
    n_bridges: int
    n_parts_left_out: int


class _Way(NamedTuple):
    """A link between two rings, seen from one of them."""

    step: int
    along: float
    points: Floats
    ring: int
    arrival: tuple[int, float]


def one_outline(mask: Mask) -> Outline:
    """Return a mask as one ring that `fill_outline` turns back, exactly where the mask has one part.

    Parameters
    ----------
    mask : Mask
        Not empty.
    """
    rings, owners, border = inset_rings(mask)
    if border is None:
        return Outline(_without_repeats(rings[0]), 0, 0)
    ways: list[list[_Way]] = [[] for _ in rings]
    for number, (_, is_hole) in enumerate(owners):
        if is_hole:
            _link(ways, rings, border, *_keyhole(mask, border, number))
    n_parts = owners[-1][0] + 1
    start, kept = 0, []
    if n_parts > 1:
        areas = np.array([component.area for component in mask.components()])
        first = int(areas.argmax())
        start = next(number for number, owner in enumerate(owners) if owner == (first, False))
        bridges = shortest_bridges(border.xy, border.part, first=first)
        kept = worth_bridging(bridges, border.part, areas, first=first)
        for near, far, _ in kept:
            _link(ways, rings, border, near, far)
    return Outline(_tour(rings, ways, start), len(kept), n_parts - 1 - len(kept))


def _keyhole(mask: Mask, border: BorderPixels, hole: int) -> tuple[int, int]:
    """Return border pixels of another ring and of a hole, one above the other with nothing but foreground between.

    Going up from the highest pixel above a hole one comes to the outer ring or to a hole that reaches higher, so the
    links of all holes form a tree.
    """
    ours = np.flatnonzero((border.ring == hole) & ~border.is_top)
    start = ours[border.at[ours, 1].argmin()]
    height = mask.size_hw[0]
    x, y = border.xy[start].tolist()
    toggles = mask.toggles
    begin = int(toggles[np.searchsorted(toggles, x * height + y, side="right") - 1])
    top = max(begin - x * height, 0)
    end = np.flatnonzero(border.is_top & (border.xy[:, 0] == x) & (border.xy[:, 1] == top))[0]
    return int(end), int(start)


def _link(ways: list[list[_Way]], rings: list[Floats], border: BorderPixels, a: int, b: int) -> None:
    """Link two rings by a straight line, or by a diagonal and a straight one: no reader draws those differently."""
    (ax, ay), (bx, by) = border.xy[a].tolist(), border.xy[b].tolist()
    dx, dy = bx - ax, by - ay
    short = min(abs(dx), abs(dy))
    elbow = (ax + short * np.sign(dx), ay + short * np.sign(dy))
    points = [border.at[a]]
    if dx:
        points += [np.add(pixel, 0.5) for pixel in ((ax, ay), elbow, (bx, by))]
    line = np.array([*points, border.at[b]], dtype=np.float64)
    places = [(int(border.step[end]), _along(rings[border.ring[end]], border, end)) for end in (a, b)]
    ways[border.ring[a]].append(_Way(*places[0], line, int(border.ring[b]), places[1]))
    ways[border.ring[b]].append(_Way(*places[1], line[::-1], int(border.ring[a]), places[0]))


def _along(ring: Floats, border: BorderPixels, pixel: int) -> float:
    """Return how far from the corner before it a ring passes a pixel."""
    return float(np.abs(border.at[pixel] - ring[border.step[pixel]]).max())


def _tour(rings: list[Floats], ways: list[list[_Way]], start: int) -> Floats:
    """Return the ring that goes round all rings of a tree, over each way twice."""
    pieces: list[Floats] = []
    stack = [(_round(rings[start], ways[start], (0, 0.0), None), np.empty((0, 2)))]
    while stack:
        walk, way_back = stack[-1]
        for item in walk:
            if not isinstance(item, _Way):
                pieces.append(item)
                continue
            pieces.append(item.points)
            leaving = (item.step, item.along)
            entering = _round(rings[item.ring], ways[item.ring], item.arrival, leaving)
            stack.append((entering, item.points[::-1]))
            break
        else:
            pieces.append(way_back)
            stack.pop()
    return _without_repeats(np.concatenate(pieces))


def _without_repeats(ring: Floats) -> Floats:
    """Return a ring without corners that are equal to the next one."""
    found: Floats = ring[(ring != np.concatenate([ring[1:], ring[:1]])).any(axis=1)]
    return found


def _round(
    ring: Floats, ways: list[_Way], entry: tuple[int, float], back: tuple[int, float] | None
) -> Iterator[Floats | _Way]:
    """Yield corners and ways once round a ring from where it is entered, but the way that one came by."""
    order = sorted(ways, key=lambda way: (way.step, way.along))
    came = next((way for way in order if (way.step, way.along) == entry and way.arrival == back), None)
    after = [way for way in order if way is not came and (way.step, way.along) >= entry]
    before = [way for way in order if way is not came and (way.step, way.along) < entry]
    step = entry[0]
    for way in after:
        yield ring[step + 1 : way.step + 1] if way.step >= step else ring[:0]
        yield way
        step = way.step
    yield ring[step + 1 :]
    step = -1
    for way in before:
        yield ring[step + 1 : way.step + 1]
        yield way
        step = way.step
    yield ring[step + 1 : entry[0] + 1]


def fill_outline(ring: npt.NDArray[np.floating[Any]], size_hw: tuple[int, int]) -> Mask:
    """Return the mask that a YOLO trainer makes of a ring: fractions dropped, filled even-odd, its border too.

    That is ``cv2.fillPoly`` on whole numbers, as ultralytics' ``polygon2mask`` calls it. Lines that are neither
    straight nor diagonal, which `one_outline` does not make, are drawn to the nearest pixels.

    Parameters
    ----------
    ring : ndarray of float64, shape (n, 2)
        ``x, y`` in pixels from the image's top left corner.
    size_hw : (int, int)
        Height and width in pixels.
    """
    return Mask._from_toggles(filled_toggles(ring, size_hw), size_hw)  # noqa: SLF001 - sound: it was just drawn
