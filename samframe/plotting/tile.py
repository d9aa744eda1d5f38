"""One row's tile: the image, its mask, its points, and in a few words what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import ImageError, MaskError
from samframe.images import make_preview, mask_on, veiled
from samframe.masks import Mask
from samframe.plotting.lettering import letter, one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from samframe.images import Preview

__all__ = ["Tile", "draw_tile", "make_tile"]

# Colours of Okabe and Ito (2008), which people with any common form of colour blindness tell apart. What belongs to
# the mask is also brighter than what does not, so the picture reads without colour as well.
_INCLUDE = "#009E73"
_EXCLUDE = "#D55E00"
_INK = "#1b1b1b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """What one tile shows.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (h, w, 3), or None
        The image, perhaps scaled down; None where it cannot be shown (a URL, a file that is gone).
    mask : ndarray of bool, shape (h, w), or None
        The mask on the same raster; None where the row has none.
    size_hw : (int, int)
        Height and width in pixels of the whole image, upright: the units of the axes.
    include, exclude : ndarray of float64, shape (n, 2)
        Points as (x, y) in the same pixels.
    title, note : str
        First line, and a smaller one below it.
    """

    pixels: NDArray[np.uint8] | None
    mask: NDArray[np.bool_] | None
    size_hw: tuple[int, int]
    include: NDArray[np.float64]
    exclude: NDArray[np.float64]
    title: str = ""
    note: str = ""


def make_tile(
    image: object,
    mask: object,
    *,
    include: object = None,
    exclude: object = None,
    title: str = "",
    note: str = "",
    image_root: Any = None,
    max_side_px: int = 640,
) -> Tile:
    """Gather what a tile shows; an image that cannot be read leaves its place to the mask alone.

    Parameters
    ----------
    image : object
        A cell of the image column.
    mask : Mask or missing
        A cell of the mask column.
    include, exclude : object
        Cells of the coordinate columns.
    max_side_px : int
        More pixels than a tile shows would only make the picture slow.
    """
    found = mask if isinstance(mask, Mask) else None
    shown = _preview(image, image_root, max_side_px)
    small: Mask | None = None
    if found is not None:
        small = mask_on(shown, found, max_side=max_side_px)
    points = [_points(include), _points(exclude)]
    if shown is not None:
        points = [shown.points(one) for one in points]
    size_hw = shown.full_hw if shown is not None else found.size_hw if found is not None else (3, 4)
    return Tile(
        pixels=None if shown is None else shown.pixels,
        mask=None if small is None else small.to_numpy(),
        size_hw=size_hw,
        include=points[0],
        exclude=points[1],
        title=title,
        note=note if note or shown is not None else "image not shown",
    )


def draw_tile(axes: Axes, tile: Tile, *, points: float = 10.0, limit: int = 32) -> None:
    """Draw a tile into its axes, with text of so many points and letters at most.

    Text takes the style's own colour, so that a dark style shows it.
    """
    height, width = tile.size_hw
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    shape = (2, 2) if tile.mask is None else tile.mask.shape
    pixels = tile.pixels if tile.pixels is not None else np.full((*shape, 3), 214, np.uint8)
    axes.imshow(veiled(pixels, tile.mask), extent=extent, origin="upper", interpolation="antialiased")
    if tile.mask is not None:
        _draw_outline(axes, tile.mask, tile.size_hw, width=0.6 + 0.07 * points)
    else:
        _draw_no_mask(axes, points)
    _draw_points(axes, tile.include, "o", _INCLUDE, points)
    _draw_points(axes, tile.exclude, "X", _EXCLUDE, points)
    axes.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set(color="#9a9a9a", linewidth=0.8)
    axes.grid(visible=False)
    letter(axes.set_title("", fontsize=points, pad=points / 2), one_line(tile.title, limit=limit))
    note = axes.set_xlabel("", fontsize=points * 0.85, alpha=0.75, labelpad=points * 0.4)
    letter(note, one_line(tile.note, limit=limit))


def _preview(image: object, image_root: Any, max_side_px: int) -> Preview | None:
    try:
        return make_preview(image, max_side=max_side_px, image_root=image_root)
    except ImageError:
        return None


def _draw_outline(axes: Axes, mask: NDArray[np.bool_], size_hw: tuple[int, int], *, width: float) -> None:
    if mask.all() or not mask.any():
        return
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - matplotlib is heavy

    # A frame of background, so that the line closes where the mask meets the edge of the image.
    padded = np.pad(mask, 1).astype(np.float32)
    x = (np.arange(padded.shape[1]) - 0.5) * size_hw[1] / mask.shape[1] - 0.5
    y = (np.arange(padded.shape[0]) - 0.5) * size_hw[0] / mask.shape[0] - 0.5
    lines = axes.contour(x, y, padded, levels=[0.5], colors=["white"], linewidths=[width])
    lines.set(path_effects=[withStroke(linewidth=2.2 * width, foreground="#11324a")])


def _draw_no_mask(axes: Axes, points: float) -> None:
    axes.text(
        0.5,
        0.5,
        "no mask",
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=points,
        color=_INK,
        bbox={"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": _EXCLUDE, "linewidth": 1.4},
    )


def _draw_points(axes: Axes, points: NDArray[np.float64], marker: str, colour: str, size: float) -> None:
    if len(points):
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=0.44 * size**2,
            marker=marker,
            color=colour,
            edgecolors="white",
            linewidths=1.2,
            zorder=5,
        )


def _points(cell: object) -> NDArray[np.float64]:
    """Return the points of a cell, none where it holds none or what is no points: a picture is no place to complain."""
    nothing = np.empty((0, 2))
    try:
        value = json.loads(cell) if isinstance(cell, str) else cell
        points = np.asarray(value, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError, RecursionError, MaskError):
        return nothing
    return points if np.isfinite(points).all() else nothing
