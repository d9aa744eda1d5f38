"""``df.sam.preview``: the first rows as a table with pictures, complete in itself, for a cell's output."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.frame.look.fetching import make_fetch
from samframe.ground.cells import as_text, one_line
from samframe.ground.frame import image_cells, only_column, remembered
from samframe.ground.html import NOT_MATHS, html_text
from samframe.masks import Mask

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable

    import pandas as pd

    from samframe.segmind import Client

__all__ = ["Preview", "preview"]

_MOST_PICTURES = 50
_MOST_COLUMNS = 12
_MOST_CHARACTERS = 80
_SIDES = (16, 512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The first rows of a frame as text and small pictures; a notebook shows it as a table.

    Attributes
    ----------
    rows : int
        Rows of the frame.
    columns : tuple of str
        Names of the columns of text.
    cells : tuple of tuple of str
        Index label and texts of each row that is shown.
    pictures : tuple of bytes
        WebP file of each row that is shown: its image with the mask on it.
    side_px : int
        Side of a picture.
    """

    rows: int
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...] = field(repr=False)
    pictures: tuple[bytes, ...] = field(repr=False)
    side_px: int

    def _caption(self) -> str:
        return f"{len(self.cells):,} of {self.rows:,} rows"

    def __str__(self) -> str:
        return "\n".join([self._caption(), *(", ".join(texts) for texts in self.cells)])

    def _repr_html_(self) -> str:
        """Return a table for notebooks, every text escaped; nothing is fetched."""
        head = "".join(f"<th>{html_text(name)}</th>" for name in ("", "image and mask", *self.columns))
        lines = "".join(map(self._line, self.cells, self.pictures))
        return (
            f'<table class="{NOT_MATHS}"><caption>{self._caption()}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
        )

    def _line(self, texts: tuple[str, ...], picture: bytes) -> str:
        label, *others = texts
        data = base64.b64encode(picture).decode("ascii")
        side = self.side_px
        image = (
            f'<img alt="Image and mask" width="{side}" height="{side}" src="data:image/webp;base64,{data}">'
        )
        cells = "".join(f"<td style='text-align:left'>{html_text(text)}</td>" for text in others)
        return f"<tr><th>{html_text(label)}</th><td>{image}</td>{cells}</tr>"


def preview(
    df: pd.DataFrame,
    image_col: Hashable = "image",
    mask_col: Hashable = "mask",
    *,
    n: int = 10,
    side_px: int = 96,
    image_root: str | os.PathLike[str] | None = None,
    client: Client | None = None,
) -> Preview:
    """Return the first rows with a small picture each: the image with its mask on it, and the other columns as text.

    Parameters
    ----------
    df : pandas.DataFrame
        What :func:`samframe.segment` returned, or any frame with images. It is not changed.
    image_col, mask_col : column name
        Images in any form that :func:`samframe.segment` takes; masks may be missing.
    n : int
        Rows, 50 at most: more are no table to look at (``df.sam.view()`` is).
    side_px : int
        Side of a picture, 16 to 512 pixels.
    image_root : path, optional
        Folder that paths must lie in.
    client : Client, optional
        Fetches images behind URLs, from hosts that it allows; None: their rows show the mask alone.

    Returns
    -------
    Preview
        Shown by being the last line of a cell.

    Raises
    ------
    OptionError
        If it is no frame, there is no such column of images, or a number is out of range.
    """
    image_col, mask_col = remembered(df, "image", image_col), remembered(df, "mask", mask_col)
    only_column(df, image_col)
    _check("n", n, 0, None)
    _check("side_px", side_px, *_SIDES)
    from samframe.widgets.sheet import contact_sheet  # noqa: PLC0415 - Pillow's writers, and ipywidgets beside it

    shown = df.iloc[: min(n, _MOST_PICTURES)]
    images = image_cells(shown, image_col)
    masks = list(shown[mask_col].array) if list(df.columns).count(mask_col) == 1 else [None] * len(shown)
    fetch = make_fetch(client) if client is not None else None
    pictures = [
        contact_sheet([(image, mask)], side=side_px, columns=1, image_root=image_root, fetch=fetch)
        for image, mask in zip(images, masks, strict=True)
    ]
    told = [at for at, name in enumerate(df.columns) if name != image_col][:_MOST_COLUMNS]
    cells = [
        (_text(label), *(_text(shown.iloc[row, at]) for at in told)) for row, label in enumerate(shown.index)
    ]
    return Preview(
        rows=len(df),
        columns=tuple(_text(df.columns[at]) for at in told),
        cells=tuple(cells),
        pictures=tuple(pictures),
        side_px=side_px,
    )


def _check(name: str, value: Any, low: int, high: int | None) -> None:
    is_fit = isinstance(value, int) and not isinstance(value, bool) and value >= low
    if not is_fit or (high is not None and value > high):
        span = f"{low} to {high}" if high is not None else f"{low} or more"
        raise OptionError(f"{name} is a whole number, {span}; it is {value!r}.")


def _text(cell: object) -> str:
    """Return a cell as one short line; of arrays and files, which no table tells, the kind."""
    if isinstance(cell, Mask):
        return f"{cell.area:,} px"
    if isinstance(cell, bytes) or hasattr(cell, "__array__") or hasattr(cell, "tobytes"):
        return f"<{type(cell).__name__}>"
    return one_line(as_text(cell), _MOST_CHARACTERS)
