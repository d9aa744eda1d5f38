"""Rows of a frame as a grid of pictures, each with its mask."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.masks import MaskDtype
from samframe.plotting._tile import Tile, draw_tile, make_tile

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["plot_masks"]

_TILE_INCHES = 2.5
#: Room for the text above and below a line of tiles.
_TEXT_INCHES = 0.5
_TITLE_CHARACTERS = 34
_MOST_TILES = 100


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
        How many rows to draw at most, 1 to 100.
    cols : int, optional
        Tiles in a line; None: four, or fewer where there are fewer rows.
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
    _check(frame, image_col, mask_col, coordinates_col, remove_coordinates_col)
    if not 1 <= n <= _MOST_TILES:
        raise OptionError(f"n is a number of rows from 1 to {_MOST_TILES}; it is {n!r}.")
    if cols is not None and cols < 1:
        raise OptionError(f"cols is a number of tiles, 1 or more; it is {cols!r}.")
    shown = frame.iloc[:n]
    title_texts = _texts(shown, titles, _default_titles, "titles")
    note_texts = _texts(shown, notes, lambda rows: _default_notes(rows, mask_col), "notes")
    include = _cells(shown, coordinates_col)
    exclude = _cells(shown, remove_coordinates_col)
    tiles = [
        make_tile(
            image,
            mask,
            include=include[row],
            exclude=exclude[row],
            title=title_texts[row],
            note=note_texts[row],
            image_root=image_root,
        )
        for row, (image, mask) in enumerate(zip(shown[image_col], shown[mask_col], strict=True))
    ]
    return _draw(tiles, cols or min(4, len(tiles)) or 1)


def _draw(tiles: list[Tile], cols: int) -> NDArray[np.object_]:
    axes = np.empty(len(tiles), dtype=object)
    if not tiles:
        return axes
    aspects = [float(np.clip(tile.size_hw[0] / tile.size_hw[1], 0.4, 1.8)) for tile in tiles]
    heights = [max(aspects[start : start + cols]) * _TILE_INCHES for start in range(0, len(tiles), cols)]
    figure = _new_figure((cols * _TILE_INCHES, sum(heights) + len(heights) * _TEXT_INCHES))
    grid = figure.add_gridspec(len(heights), cols, height_ratios=heights)
    for at, tile in enumerate(tiles):
        axes[at] = figure.add_subplot(grid[at // cols, at % cols])
        draw_tile(axes[at], tile)
    return axes


def _new_figure(size_inches: tuple[float, float]) -> Figure:
    """Return a figure of nobody's; in a notebook that draws inline, one of pyplot's, which shows and closes it."""
    if _draws_inline():
        from matplotlib import pyplot as plt  # noqa: PLC0415 - matplotlib is heavy

        return plt.figure(figsize=size_inches, layout="constrained")
    from matplotlib.figure import Figure  # noqa: PLC0415 - matplotlib is heavy

    return Figure(figsize=size_inches, layout="constrained")


def _draws_inline() -> bool:
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return False
    import matplotlib as mpl  # noqa: PLC0415 - heavy; asking it for the backend may import pyplot, so only in a kernel

    return "inline" in str(mpl.get_backend())


def _check(frame: pd.DataFrame, image_col: Hashable, mask_col: Hashable, *others: Hashable | None) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise OptionError(f"plot_masks takes a pandas DataFrame, not a {type(frame).__name__}.")
    for name in (image_col, mask_col, *others):
        if name is not None and name not in frame.columns:
            raise OptionError(f"The frame has no column {name!r}.")
    dtype = frame[mask_col].dtype
    if not isinstance(dtype, MaskDtype):
        raise OptionError(
            f"Column {mask_col!r} is of dtype {dtype}, not 'mask': convert with .astype('mask')."
        )


def _cells(frame: pd.DataFrame, column: Hashable | None) -> list[Any]:
    return [None] * len(frame) if column is None else frame[column].tolist()


def _texts(frame: pd.DataFrame, given: Any, default: Any, name: str) -> list[str]:
    if given is None:
        texts = default(frame)
    elif isinstance(given, str) or not isinstance(given, list | tuple | np.ndarray | pd.Series):
        if given not in frame.columns:
            raise OptionError(
                f"{name} is a column of the frame or a list of texts; there is no column {given!r}."
            )
        texts = [_text(cell) for cell in frame[given]]
    else:
        texts = [_text(cell) for cell in given]
        if len(texts) < len(frame):
            raise OptionError(f"{name} has {len(texts)} texts for {len(frame)} rows.")
    return [
        textwrap.shorten(text, _TITLE_CHARACTERS, placeholder=" …") or text[:_TITLE_CHARACTERS]
        for text in texts
    ]


def _default_titles(frame: pd.DataFrame) -> list[str]:
    labels = [f"row {label}" for label in frame.index]
    if "prompt" not in frame.columns:
        return labels
    return [_text(prompt) or label for prompt, label in zip(frame["prompt"], labels, strict=True)]


def _default_notes(frame: pd.DataFrame, mask_col: Hashable) -> list[str]:
    missing = frame[mask_col].isna()
    if "status" not in frame.columns:
        return [""] * len(frame)
    return [_text(status) if lacks else "" for status, lacks in zip(frame["status"], missing, strict=True)]


def _text(cell: object) -> str:
    """Return a cell as one line of text, empty where it is missing."""
    if cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    return " ".join(str(cell).split())
