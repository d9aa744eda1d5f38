"""The images of a dataset: which rows have which, and what of them is copied."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from samframe.export.rows import Picture, PictureReader
from samframe.ground.cells import is_missing

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable

    import pandas as pd

__all__ = ["IMAGE_MODES", "RowImages", "find_images", "image_path"]

IMAGE_MODES = ("reference", "copy", "embed")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowImages:
    """The images of a frame's rows.

    Attributes
    ----------
    pictures : list of (Picture or None)
        One a row, None where none is to be copied.
    problems : list of (int, str)
        Rows whose image cannot be copied, and why.
    in_memory : list of int
        Rows whose cell holds pixels, which a table cannot: the copy stands for it.
    """

    pictures: list[Picture | None] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    in_memory: list[int] = field(default_factory=list)


def find_images(
    df: pd.DataFrame, image_col: Hashable, *, mode: str, image_root: str | os.PathLike[str] | None
) -> RowImages:
    """Find the images that a dataset keeps itself.

    Parameters
    ----------
    df : DataFrame
        The frame.
    image_col : column name
        Its column of images.
    mode : {"reference", "copy", "embed"}
        With "reference" only those are kept that no table can hold: Pillow images, arrays, bytes beside text.
    image_root : path, optional
        A folder that confines paths; relative ones start there.
    """
    cells = df[image_col].tolist()
    are_bytes = all(isinstance(cell, bytes) or is_missing(cell) for cell in cells)
    in_memory = [at for at, cell in enumerate(cells) if not (are_bytes or _is_text(cell) or is_missing(cell))]
    wanted = (
        set(in_memory) if mode == "reference" or (mode == "embed" and are_bytes) else set(range(len(cells)))
    )
    reader, by_cell = PictureReader(image_root), dict[object, Picture | str]()
    found = RowImages(pictures=[None] * len(cells), in_memory=in_memory)
    for at in sorted(wanted):
        cell = cells[at]
        if is_missing(cell):
            continue
        key = (type(cell), cell) if _is_text(cell) else id(cell)
        picture = by_cell.get(key) or by_cell.setdefault(key, reader.open(cell))
        if isinstance(picture, str):
            found.problems.append((at, picture))
        elif not picture.is_reference:
            found.pictures[at] = picture
    return found


def image_path(picture: Picture) -> str:
    """Return the path of an image's copy within the dataset: it depends on the bytes alone."""
    digest = picture.sha256 or ""
    return f"images/{digest[:2]}/{digest}{picture.suffix}"


def _is_text(cell: object) -> bool:
    return isinstance(cell, str | PurePath)
