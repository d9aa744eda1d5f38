"""A mask drawn on matplotlib Axes as one filled outline, exact to the pixel at any zoom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.ground.figure import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["draw_mask"]

#: Okabe and Ito's blue: told apart from reds, greens and greys by every reader.
_COLOUR = "#0072B2"
_LONG_SIDE_INCHES = 4.0
_MIDDLE = 0.5


def draw_mask(
    polygons: list[list[NDArray[np.int64]]],
    size_hw: tuple[int, int],
    *,
    ax: Axes | None = None,
    color: Any = None,
    alpha: float = 0.5,
    outline: bool = True,
) -> Axes:
    """Draw polygons as :meth:`Mask.polygons` gives them; see :meth:`Mask.plot`."""
    height, width = size_hw
    if ax is None:
        scale = _LONG_SIDE_INCHES / max(height, width, 1)
        ax = new_figure((max(width * scale, 1.0), max(height * scale, 1.0))).add_subplot()
    if not ax.has_data():
        ax.set(
            xlim=(-_MIDDLE, max(width, 1) - _MIDDLE),
            ylim=(max(height, 1) - _MIDDLE, -_MIDDLE),
            aspect="equal",
        )
    if polygons:
        _add_patch(ax, polygons, _COLOUR if color is None else color, alpha, outline=outline)
    return ax


def _add_patch(
    ax: Axes, polygons: list[list[NDArray[np.int64]]], colour: Any, alpha: float, *, outline: bool
) -> None:
    from matplotlib.colors import to_rgba  # noqa: PLC0415 - matplotlib is heavy
    from matplotlib.patches import PathPatch  # noqa: PLC0415
    from matplotlib.path import Path  # noqa: PLC0415

    # Holes run the other way round than outlines, so that the fill leaves them free. imshow puts a pixel's centre on
    # its number.
    rings = [Path(np.vstack([ring, ring[:1]]) - _MIDDLE, closed=True) for rings in polygons for ring in rings]
    face = to_rgba(colour, alpha)
    edge = to_rgba(colour, 1.0) if outline else (0.0, 0.0, 0.0, 0.0)
    ax.add_patch(PathPatch(Path.make_compound_path(*rings), facecolor=face, edgecolor=edge, linewidth=1.2))
