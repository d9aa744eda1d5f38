"""Colours that people with any common form of colour blindness tell apart (Okabe and Ito, 2008)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ACCENTS", "line_colour"]

#: Sky blue, blue and orange, for what has no meaning of its own.
ACCENTS = ("#56B4E9", "#0072B2", "#D55E00")


def line_colour(axes: Axes) -> str:
    """Return a blue for lines and dots that stands out from the axes' ground, light or dark."""
    from matplotlib.colors import to_rgb  # noqa: PLC0415 - matplotlib is heavy

    red, green, blue = to_rgb(axes.get_facecolor())
    is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5  # noqa: PLR2004 - half of white
    return ACCENTS[0] if is_dark else ACCENTS[1]
