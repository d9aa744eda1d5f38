"""Rows of a frame as a grid of pictures, each with its mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.ground.cells import as_text
from samframe.ground.figure import new_figure
from samframe.ground.frame import has_column, image_cells, only_column, remembered
from samframe.masks import MaskDtype
from samframe.plotting.tile import Tile, draw_tile, make_tile

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

__all__ = ["plot_masks"]

_MOST_TILES = 400
#: Lines of text above and below a line of tiles.
_TEXT_LINES = 4.2
_POINTS_PER_INCH = 72
#: Room between two tiles over a tile's width.
_GAP_SHARE = 0.06
#: Mean width of a letter over the size of its font.
_LETTER_WIDTH = 0.61


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """How tiles are drawn where there are up to so many: tiles in a line, width in inches, text in points, raster."""

    rows: int
    cols: int
    inches: float
    points: float
    max_side_px: int

    @property
    def characters(self) -> int:
        """How many letters of a title have room above a tile."""
        return int(self.inches * _POINTS_PER_INCH / (_LETTER_WIDTH * self.points))


_SCALES = (
    _Scale(rows=16, cols=4, inches=2.5, points=10.0, max_side_px=640),
    _Scale(rows=60, cols=8, inches=1.6, points=7.5, max_side_px=320),
    _Scale(rows=_MOST_TILES, cols=12, inches=1.15, points=6.0, max_side_px=224),
)


def plot_masks(
    frame: pd.DataFrame,
    *,
    image_col: Hashable = "image",
    mask_col: Hashable = "mask",
    n: int = 12,
    cols: int | None = None,
    titles: Hashable | Sequence[str] | None = None,
    notes: Hashable | Sequence[str] | None = None,
    coordinates_col: Hashable | None = None,
    remove_coordinates_col: Hashable | None = None,
    image_root: str | os.PathLike[str] | None = None,
) -> NDArray[np.object_]:
    """Draw the first rows of a frame as a grid: each image with its mask.

    What the mask covers keeps its colours, the rest is pale, a line runs between them. Points that
    include are green discs, points that exclude orange crosses. A row without a mask says so.

    Parameters
    ----------
    frame : pandas.DataFrame
        What :func:`samframe.segment` returned, or any frame with images and masks.
    image_col, mask_col : column name
        Cells as :func:`samframe.segment` takes them (URLs are not downloaded: their masks stand alone), and a column of
        dtype ``mask``.
    n : int
        How many rows to draw at most, 1 to 400; where there are many, their tiles are smaller.
    cols : int, optional
        Tiles in a line; None: four, where there are more than 16 rows eight, more than 60 twelve.
    titles, notes : column name or sequence of str, optional
        Text above and below each tile. By default the column ``prompt`` (else the row's label), and the status of rows
        that have no mask.
    coordinates_col, remove_coordinates_col : column name, optional
        Points to mark.
    image_root : path, optional
        Folder that paths must lie in.

    Returns
    -------
    ndarray of matplotlib.axes.Axes, shape (rows drawn,)
        Their figure is ``axes[0].figure``. It is not shown, and pyplot does not know it; only a notebook with
        the inline backend is handed it, shows it below the cell and forgets it.

    Raises
    ------
    OptionError
        If a column is missing or is no mask column, or ``n`` or ``cols`` is out of range.

    Examples
    --------
    >>> import pandas as pd
    >>> from samframe.masks import Mask
    >>> from samframe.testing import make_scene
    >>> scene = make_scene("flat", 3, size=128)
    >>> masks = pd.array([Mask.from_numpy(scene.objects[0].mask)], dtype="mask")
    >>> axes = plot_masks(pd.DataFrame({"image": [scene.image], "mask": masks}), titles=["the first object"])
    >>> axes[0].get_title()
    'the first object'
    """
    image_col, mask_col = remembered(frame, "image", image_col), remembered(frame, "mask", mask_col)
    _check_masks(frame, mask_col)
    if not 1 <= n <= _MOST_TILES:
        raise OptionError(f"n is a number of rows from 1 to {_MOST_TILES}; it is {n!r}.")
    if cols is not None and cols < 1:
        raise OptionError(f"cols is a number of tiles, 1 or more; it is {cols!r}.")
    shown = frame.iloc[:n]
    scale = next(scale for scale in _SCALES if len(shown) <= scale.rows)
    title_texts = _texts(shown, titles, _default_titles, "titles")
    note_texts = _texts(shown, notes, lambda rows: _default_notes(rows, mask_col), "notes")
    include = _cells(shown, coordinates_col)
    exclude = _cells(shown, remove_coordinates_col)
    only_column(shown, image_col)
    cells = zip(image_cells(shown, image_col), shown[mask_col], strict=True)
    tiles = [
        make_tile(
            image,
            mask,
            include=include[row],
            exclude=exclude[row],
            title=title_texts[row],
            note=note_texts[row],
            image_root=image_root,
            max_side_px=scale.max_side_px,
        )
        for row, (image, mask) in enumerate(cells)
    ]
    return _draw(tiles, min(cols or scale.cols, len(tiles)) or 1, scale)


def _draw(tiles: list[Tile], cols: int, scale: _Scale) -> NDArray[np.object_]:
    axes = np.empty(len(tiles), dtype=object)
    if not tiles:
        return axes
    aspects = [float(np.clip(tile.size_hw[0] / tile.size_hw[1], 0.4, 1.8)) for tile in tiles]
    heights = [max(aspects[start : start + cols]) * scale.inches for start in range(0, len(tiles), cols)]
    room, gap = _TEXT_LINES * scale.points / _POINTS_PER_INCH, scale.inches * _GAP_SHARE
    width, height = cols * (scale.inches + gap) + gap, sum(heights) + len(heights) * room
    # All sizes are known: a layout engine, which measures every text, takes seconds for hundreds of tiles.
    figure = new_figure((width, height), layout=None)
    grid = figure.add_gridspec(
        len(heights),
        cols,
        height_ratios=heights,
        left=gap / width,
        right=1 - gap / width,
        top=1 - 0.5 * room / height,
        bottom=0.5 * room / height,
        wspace=gap / scale.inches,
        hspace=room * len(heights) / sum(heights),
    )
    for at, tile in enumerate(tiles):
        axes[at] = figure.add_subplot(grid[at // cols, at % cols])
        draw_tile(axes[at], tile, points=scale.points, limit=scale.characters)
    return axes


def _check_masks(frame: pd.DataFrame, mask_col: Hashable) -> None:
    dtype = only_column(frame, mask_col).dtype
    if not isinstance(dtype, MaskDtype):
        raise OptionError(
            f"Column {mask_col!r} is of dtype {dtype}, not 'mask': convert with .astype('mask')."
        )


def _cells(frame: pd.DataFrame, column: Hashable | None) -> list[Any]:
    return [None] * len(frame) if column is None else only_column(frame, column).tolist()


def _texts(frame: pd.DataFrame, given: Any, default: Any, name: str) -> list[str]:
    if given is None:
        texts: list[str] = default(frame)
        return texts
    if not isinstance(given, list | tuple | np.ndarray | pd.Series) or has_column(frame, given):
        if not has_column(frame, given):
            raise OptionError(
                f"{name} is a column of the frame or a list of texts; there is no column {given!r}."
            )
        return [as_text(cell) for cell in only_column(frame, given)]
    if len(given) < len(frame):
        raise OptionError(f"{name} has {len(given)} texts for {len(frame)} rows.")
    return [as_text(cell) for cell in given]


def _default_titles(frame: pd.DataFrame) -> list[str]:
    labels = [f"row {label}" for label in frame.index]
    if not has_column(frame, "prompt"):
        return labels
    prompts = only_column(frame, "prompt")
    return [as_text(prompt).strip() or label for prompt, label in zip(prompts, labels, strict=True)]


def _default_notes(frame: pd.DataFrame, mask_col: Hashable) -> list[str]:
    missing = frame[mask_col].isna()
    if not has_column(frame, "status"):
        return [""] * len(frame)
    statuses = only_column(frame, "status")
    return [as_text(status) if lacks else "" for status, lacks in zip(statuses, missing, strict=True)]
