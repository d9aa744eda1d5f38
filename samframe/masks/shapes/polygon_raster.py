"""Polygons to the runs of masks, thousands of polygons at a time, by either of two rules.

"coco" is the rule of ``rleFrPoly`` in pycocotools' ``maskApi.c``, to the pixel. Corners are put on a grid five times as
fine, edges become Bresenham's lines on it, and a column of the mask changes where the outline steps over the column's
middle, from grid column 5 n + 2 to 5 n + 3 or back, at the upper of the two points. Here no line is walked: an edge
steps over each column at most once, so that its points there are computed, with the same rounding.

"edges" is the rule of outlines that run along the edges of pixels: a pixel is inside where its centre is.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.runs import bases_of, covered_runs, lay_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Rings", "Rule", "rasterise"]

Rule = Literal["coco", "edges"]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_FINE = 5  # pycocotools' upsampling
_MIDDLE = 2  # the fine column (row) after which a pixel's middle lies
_FARTHEST = 2.0**40  # corners past it are no pixels of any image, and products would lose whole numbers
_STEPS_AT_ONCE = 1 << 18
_FEWEST = 6  # numbers of a ring: three corners


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """The polygons of many masks in flat arrays.

    Attributes
    ----------
    corners : ndarray of float64, shape (n_corners, 2)
        ``x, y`` in pixels from the image's top left corner, ring after ring, the first corner not repeated.
    ring_ends : ndarray of int64, shape (n_rings + 1,)
        Ring i owns ``corners[ring_ends[i]:ring_ends[i + 1]]``.
    polygon_ends : ndarray of int64, shape (n_polygons + 1,)
        Polygon i owns the rings ``polygon_ends[i]`` to ``polygon_ends[i + 1]``; those inside others are its holes
        (even-odd rule).
    mask_ends : ndarray of int64, shape (n_masks + 1,)
        Mask i is the union of the polygons ``mask_ends[i]`` to ``mask_ends[i + 1]``.
    """

    corners: Floats
    ring_ends: Offsets
    polygon_ends: Offsets
    mask_ends: Offsets

    @classmethod
    def from_lists(cls, masks: Sequence[Iterable[Any]], positions: Sequence[int] | None = None) -> Rings:
        """Return the polygons of masks, each a list of polygons as :meth:`samframe.Mask.from_polygons` takes them.

        Raises
        ------
        MaskError
            If a ring is of another form, has fewer than three corners, or a corner is not finite; the message names
            the mask's position where `positions` tells it.
        """
        flat = _flat_lists(masks)
        return flat if flat is not None else _any_lists(masks, positions)


def rasterise(rings: Rings, sizes_hw: npt.ArrayLike, *, rule: Rule) -> Iterator[tuple[slice, Ints, Offsets]]:
    """Yield where masks made of polygons begin and end, some hundred masks at a time.

    Parameters
    ----------
    rings : Rings
        The polygons of n masks.
    sizes_hw : array_like of int, shape (n, 2)
        Height and width of each mask in pixels.
    rule : {"coco", "edges"}
        "coco": to the pixel what pycocotools makes of polygons. "edges": a pixel is inside where its centre is, so that
        outlines along pixel edges come back exactly.

    Yields
    ------
    part : slice
        Which masks.
    toggles : ndarray of int64, shape (n_toggles,)
        ``start, end, start, end ...`` of these masks, column-major positions ``x * height + y``, ends excluded.
    offsets : ndarray of int64, shape (n_part + 1,)
        Their mask i owns ``toggles[offsets[i]:offsets[i + 1]]``.

    Raises
    ------
    MaskError
        If the rule is another, or a corner lies further than 2**40 pixels away.
    """
    if rule not in get_args(Rule):
        raise MaskError(f"polygons are drawn by the rule 'coco' or 'edges', not {rule!r}")
    sizes = np.asarray(sizes_hw, dtype=np.int64).reshape(-1, 2)
    if rings.corners.size and not float(np.abs(rings.corners).max()) < _FARTHEST:
        raise MaskError("a polygon's corner lies further than 2**40 pixels from the image")
    ends = _work(rings, sizes)
    first = 0
    while first < len(sizes):
        last = int(np.searchsorted(ends, ends[first] + _STEPS_AT_ONCE, side="right")) - 1
        last = min(max(last, first + 1), len(sizes))
        yield slice(first, last), *_rasterise_some(rings, first, last, sizes[first:last], rule)
        first = last


def _work(rings: Rings, sizes: Offsets) -> Offsets:
    """Return about how many steps over columns the outlines of the masks before each make, of shape (n + 1,)."""
    ends = rings.ring_ends[rings.polygon_ends[rings.mask_ends]]
    steps = np.ones(len(rings.corners) + 1)
    steps[1:-1] += np.abs(np.diff(rings.corners[:, 0]))
    widths = np.repeat(sizes[:, 1], np.diff(ends))
    np.minimum(steps[1:], widths + 1, out=steps[1:])
    return np.cumsum(steps)[ends].astype(np.int64)


def _rasterise_some(rings: Rings, first: int, last: int, sizes: Offsets, rule: Rule) -> tuple[Ints, Offsets]:
    """Rasterise the masks first to last."""
    mask_ends = rings.mask_ends[first : last + 1]
    polygon_ends = rings.polygon_ends[mask_ends[0] : mask_ends[-1] + 1]
    ring_ends = rings.ring_ends[polygon_ends[0] : polygon_ends[-1] + 1]
    corners = rings.corners[ring_ends[0] : ring_ends[-1]]
    n_polygons, n_corners = np.diff(mask_ends), np.diff(rings.ring_ends[polygon_ends])
    mask = np.repeat(np.arange(last - first), n_polygons)  # of each polygon
    polygon = np.repeat(np.arange(len(mask)), n_corners)  # of each corner
    after = np.arange(1, len(corners) + 1)
    filled = np.flatnonzero(np.diff(ring_ends))
    after[ring_ends[filled + 1] - ring_ends[0] - 1] = ring_ends[filled] - ring_ends[0]
    heights, widths = sizes[mask].T
    # A place between two polygons: a run may end past the last pixel.
    bases = bases_of(sizes[mask])
    kind = np.int32 if bases[-1] < 2**31 else np.int64
    starts = bases.astype(kind)
    width: Any = np.where(heights > 0, widths, 0)[polygon]
    crossings = _coco_crossings if rule == "coco" else _centre_crossings
    found = [np.empty(0, dtype=kind)]
    for edge, column, y in crossings(corners, after, width):
        owner = polygon[edge]
        tall: Any = heights[owner] if len(heights) and (heights != heights[0]).any() else heights[:1]
        row = np.minimum(np.maximum(y, 0, out=y), tall, out=y)
        row += column * tall
        found.append(row.astype(kind) + starts[owner])
    positions = np.concatenate(found)
    positions.sort()
    toggles = _odd_ones(positions)
    spread, offsets = lay_apart(toggles, bases)
    if (n_polygons <= 1).all():
        return spread, offsets[mask_ends - mask_ends[0]]
    return _united(spread, mask, np.diff(offsets), sizes)


def _odd_ones(positions: Ints) -> Ints:
    """Return, of sorted positions, one of each that occurs an odd number of times."""
    new = np.ones(len(positions) + 1, dtype=bool)
    np.not_equal(positions[1:], positions[:-1], out=new[1:-1])
    if new.all():
        return positions
    heads = np.flatnonzero(new)
    odd: Ints = positions[heads[:-1][np.diff(heads) & 1 == 1]]
    return odd


def _united(toggles: Ints, mask: Offsets, n_toggles: Offsets, sizes: Offsets) -> tuple[Ints, Offsets]:
    """Return the union of each mask's polygons, whose toggles come one polygon after another."""
    bases = bases_of(sizes)
    merged = covered_runs(toggles + np.repeat(bases[:-1][mask], n_toggles), 1)
    return lay_apart(merged, bases)


def _columns_of(first: Offsets, last: Offsets) -> tuple[Offsets, Floats]:
    """Return, for edges that step over the columns first to before last, the edge and the column of each step."""
    n_columns = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(first)), n_columns)
    column = np.arange(len(edge), dtype=np.float64)
    column += np.repeat(first - (np.cumsum(n_columns) - n_columns), n_columns)
    return edge, column


def _coco_crossings(
    corners: Floats, after: Offsets, widths: Offsets
) -> Iterator[tuple[Offsets, Floats, Floats]]:
    """Yield the steps over columns' middles as pycocotools has them: the edge, the column, and the row below."""
    fine = np.trunc(_FINE * corners + 0.5)  # cuts towards 0, as C does
    (x0, y0), (x1, y1) = fine.T, fine[after].T
    flat = np.abs(x1 - x0) >= np.abs(y1 - y0)
    # Lines are drawn rightwards where they are flat, downwards where they are steep.
    turned = np.where(flat, x0 > x1, y0 > y1)
    first, last = (np.floor((side(x0, x1) + _MIDDLE) / _FINE) for side in (np.minimum, np.maximum))
    first, last = (np.clip(side, 0, widths).astype(np.int64) for side in (first, last))
    x, y = np.where(turned, x1, x0), np.where(turned, y1, y0)
    run_x, run_y = np.where(turned, x0 - x1, x1 - x0), np.where(turned, y0 - y1, y1 - y0)
    for some, is_flat in ((np.flatnonzero(flat & (first < last)), True), (np.flatnonzero(~flat), False)):
        edge, column = _columns_of(first[some], last[some])
        here_x, here_y = x[some], y[some]
        if is_flat:
            slope = run_y[some] / run_x[some]
            here_x -= slope < 0  # of the two points, the upper one counts
            row = _FINE * column
            row += (_MIDDLE - here_x)[edge]
            row *= slope[edge]
            row += here_y[edge]
            row += 0.5
            np.floor(row, out=row)
        else:
            slope = run_x[some] / run_y[some]
            row = _last_before(here_x[edge], slope[edge], _FINE * column + _MIDDLE)
            row += here_y[edge]
        row += _MIDDLE
        row /= _FINE
        yield some[edge], column, np.floor(row, out=row)


def _last_before(start: Floats, slope: Floats, left: Floats) -> Floats:
    """Return the last step of steep lines before they leave the fine column `left` or the one to its right."""
    exact = (left + 0.5 - start) / slope
    nearest = np.rint(exact)
    # Where the line passes nearly half-way between two columns, the rounding of C's doubles decides.
    close = np.flatnonzero(np.abs(exact - nearest) < 1e-3)  # noqa: PLR2004 - far above any rounding
    step = np.floor(exact, out=exact)
    begin, rise, near = start[close], slope[close], nearest[close]
    stays = ((begin + rise * near + 0.5) < left[close] + 1) == (rise > 0)
    step[close] = near - ~stays
    return step


def _centre_crossings(
    corners: Floats, after: Offsets, widths: Offsets
) -> Iterator[tuple[Offsets, Floats, Floats]]:
    """Yield where the line down a column's middle crosses each edge: the edge, the column, and the row below it."""
    (x0, y0), (x1, y1) = corners.T, corners[after].T
    sides = (np.ceil(side(x0, x1) - 0.5) for side in (np.minimum, np.maximum))
    first, last = (np.clip(side, 0, widths).astype(np.int64) for side in sides)
    some = np.flatnonzero(first < last)
    edge, column = _columns_of(first[some], last[some])
    slope = (y1[some] - y0[some]) / (x1[some] - x0[some])
    y = y0[some][edge] + (column + 0.5 - x0[some][edge]) * slope[edge]
    yield some[edge], column, np.ceil(y - 0.5)


def _flat_lists(masks: Sequence[Iterable[Any]]) -> Rings | None:
    """Return masks that are lists of COCO's flat lists ``x, y, x, y ...``, None for any other or faulty ones."""
    lists = [mask for mask in masks if type(mask) is list]
    if len(lists) < len(masks):
        return None
    rings = [ring for mask in lists for ring in mask]
    lengths = np.array([len(ring) if type(ring) is list else 0 for ring in rings], dtype=np.int64)
    if ((lengths < _FEWEST) | (lengths & 1 == 1)).any():
        return None
    numbers = array("d")
    try:
        for ring in rings:
            numbers.fromlist(ring)
    except (TypeError, OverflowError):
        return None
    corners = np.frombuffer(numbers, dtype=np.float64) if numbers else np.empty(0)
    if not np.isfinite(corners).all():
        return None
    return Rings(
        corners=corners.reshape(-1, 2),
        ring_ends=_ends(lengths // 2),
        polygon_ends=np.arange(len(rings) + 1),
        mask_ends=_ends([len(mask) for mask in lists]),
    )


def _any_lists(masks: Sequence[Iterable[Any]], positions: Iterable[int] | None) -> Rings:
    corners: list[Floats] = []
    n_rings: list[int] = []
    n_polygons: list[int] = []
    for position, mask in zip(range(len(masks)) if positions is None else positions, masks, strict=True):
        before = len(n_rings)
        try:
            for polygon in mask:
                rings = [_ring(ring) for ring in _rings(polygon)]
                corners += rings
                n_rings.append(len(rings))
        except MaskError as error:
            raise (MaskError(f"Element {position}: {error}") if positions is not None else error) from error
        n_polygons.append(len(n_rings) - before)
    return Rings(
        corners=np.concatenate(corners) if corners else np.empty((0, 2)),
        ring_ends=_ends([len(ring) for ring in corners]),
        polygon_ends=_ends(n_rings),
        mask_ends=_ends(n_polygons),
    )


def _ends(lengths: npt.ArrayLike) -> Offsets:
    return np.append(0, np.cumsum(np.asarray(lengths, dtype=np.int64)))


def _rings(polygon: Any) -> list[Any]:
    """Return the rings of a polygon that may be one ring."""
    if isinstance(polygon, np.ndarray):
        return [polygon] if polygon.ndim < 3 else list(polygon)  # noqa: PLR2004 - a stack of rings
    try:
        rings = list(polygon)
    except TypeError:
        raise MaskError(f"a polygon is a ring or a list of rings, not {type(polygon).__name__}") from None
    flat = bool(rings) and np.ndim(rings[0]) == 0
    corners = bool(rings) and all(np.ndim(part) == 1 and len(part) == 2 for part in rings)  # noqa: PLR2004 - x, y
    return [np.asarray(rings)] if flat or corners else rings


def _ring(ring: Any) -> Floats:
    try:
        corners = np.asarray(ring, dtype=np.float64)
        corners = corners.reshape(-1, 2) if corners.ndim == 1 else corners
    except (TypeError, ValueError):
        raise MaskError(
            "a polygon's ring is an array of shape (n, 2) or a flat list x, y, x, y ..."
        ) from None
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:  # noqa: PLR2004 - three corners (x, y)
        raise MaskError(f"a polygon's ring has three corners (x, y) or more, not shape {corners.shape}")
    if not np.isfinite(corners).all():
        raise MaskError("a polygon's corners are finite numbers")
    return corners
