"""A report's rows: what each says in words and figures, a thumbnail of each image, and each mask as a small overlay."""

from __future__ import annotations

import base64
import io
import unicodedata
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import ImageError, OptionError
from samframe.ground.cells import as_text, without_folders
from samframe.ground.frame import has_column, image_cells, only_column
from samframe.ground.status import OTHER_COLOUR, colours
from samframe.images import Upright, make_thumbnail, mask_levels, mask_on, shorten
from samframe.masks import Mask, MaskDtype

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Hashable, Sequence


__all__ = ["ReportColumns", "ReportData", "report_data"]

_MOST_CHARACTERS = 400
_QUALITY = 72
# An overlay's colours with their opacity: a pale veil outside, nothing inside, a white line along the edge and a dark
# one around it. It reads on every picture, and by readers of every colour vision.
_OVERLAY = ((255, 255, 255, 165), (0, 0, 0, 0), (255, 255, 255, 255), (17, 50, 74, 255))
# What could turn the order of the text around it.
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportColumns:
    """Which columns of the frame a report shows; all but the masks may be missing."""

    image: Hashable = "image"
    prompt: Hashable = "prompt"
    mask: Hashable = "mask"
    status: Hashable = "status"
    error: Hashable = "error"
    time: Hashable = "inference_time"
    extra: Sequence[Hashable] = ()


@dataclass(slots=True, kw_only=True)
class ReportData:
    """What the page's script reads: rows, thumbnails (JPEG in base64) that rows share, labels of further columns.

    ``colours`` has the colour of each status, ``other_colour`` that of any other word.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    tile: int = 220
    colours: dict[str, str] = field(default_factory=colours)
    other_colour: str = OTHER_COLOUR


def report_data(
    df: pd.DataFrame,
    columns: ReportColumns,
    *,
    size_px: int,
    suspicion: pd.DataFrame | None = None,
    image_root: str | os.PathLike[str] | None = None,
    fetch: Callable[[str], bytes] | None = None,
) -> ReportData:
    """Gather the rows of a report. A cell whose image cannot be read leaves its place empty.

    Raises
    ------
    OptionError
        If the mask column or one of ``columns.extra`` is missing, named twice or no mask column.
    """
    masks = only_column(df, columns.mask)
    if not isinstance(masks.dtype, MaskDtype):
        raise OptionError(
            f"Column {columns.mask!r} is of dtype {masks.dtype}, not 'mask': convert with .astype('mask')."
        )
    pictures = _Pictures(size_px, image_root, fetch)
    cells = {
        name: _cells(df, getattr(columns, name), are_images=name == "image")
        for name in ("image", "prompt", "status", "error", "time")
    }
    extra = [[_shown(cell) for cell in only_column(df, name)] for name in columns.extra]
    doubts = [None] * len(df) if suspicion is None else [float(score) for score in suspicion["score"]]
    reasons = [""] * len(df) if suspicion is None else [_shown(words) for words in suspicion["reasons"]]
    data = ReportData(
        images=pictures.jpegs, labels=[_shown(name) for name in columns.extra], tile=max(size_px, 180)
    )
    for at, (label, mask) in enumerate(zip(df.index, masks, strict=True)):
        data.rows.append(
            {
                "label": _label(label),
                "prompt": _shown(cells["prompt"][at]),
                "status": _shown(cells["status"][at]),
                "error": _shown(without_folders(as_text(cells["error"][at]))),
                "time": _number(cells["time"][at]),
                "source": _source(cells["image"][at]),
                "doubt": doubts[at],
                "why": reasons[at],
                "extra": [column[at] for column in extra],
                **pictures.shown(cells["image"][at], mask if isinstance(mask, Mask) else None),
            }
        )
    return data


class _Pictures:
    """Thumbnails, each kept once however many rows show it, and overlays on their raster."""

    def __init__(
        self,
        size_px: int,
        image_root: str | os.PathLike[str] | None,
        fetch: Callable[[str], bytes] | None,
    ) -> None:
        self._size_px = size_px
        self._options: dict[str, Any] = {"image_root": image_root, "fetch": fetch, "quality": _QUALITY}
        self._known: dict[Any, tuple[int, Upright | None]] = {}
        self._kept: list[
            object
        ] = []  # holds objects that are known by their id, so that no id is given twice
        self.jpegs: list[str] = []

    def shown(self, cell: object, mask: Mask | None) -> dict[str, Any]:
        """Return what a row's card shows of an image and a mask."""
        image, place = self._thumbnail(cell)
        if mask is None:
            size_hw = None if place is None else place.size_hw
            return {"image": image, "size": size_hw, "mask": "", "area": None, "share": None}
        small = mask_on(place, mask, max_side=self._size_px)
        pixels = mask.size_hw[0] * mask.size_hw[1]
        return {
            "image": image,
            "size": small.size_hw,
            "mask": _text_of(_overlay_png(small)),
            "area": mask.area,
            "share": mask.area / pixels if pixels else 0.0,
        }

    def _thumbnail(self, cell: object) -> tuple[int, Upright | None]:
        by_value = isinstance(cell, str | bytes | PurePath)
        key = (type(cell), cell) if by_value else id(cell)
        if key not in self._known:
            self._kept.append(cell)
            self._known[key] = self._made(cell)
        return self._known[key]

    def _made(self, cell: object) -> tuple[int, Upright | None]:
        try:
            made = make_thumbnail(cell, max_side=self._size_px, **self._options)
        except ImageError:
            return -1, None
        self.jpegs.append(_text_of(made.jpeg))
        # Not the thumbnail itself, whose bytes would be held twice.
        place = Upright(size_hw=made.size_hw, stored_hw=made.stored_hw, orientation=made.orientation)
        return len(self.jpegs) - 1, place


def _overlay_png(mask: Mask) -> bytes:
    """Return the mask as a PNG of two bits a pixel: outside, inside, its edge, and the line around it."""
    from PIL import Image  # noqa: PLC0415 - heavy

    picture = Image.fromarray(mask_levels(mask.to_numpy()))
    picture.putpalette([part for colour in _OVERLAY for part in colour[:3]])
    file = io.BytesIO()
    alphas = bytes(colour[3] for colour in _OVERLAY)
    picture.save(file, "PNG", transparency=alphas, bits=2, optimize=True)
    return file.getvalue()


def _text_of(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _cells(df: pd.DataFrame, name: Hashable, *, are_images: bool = False) -> list[Any]:
    if are_images and has_column(df, name):
        return image_cells(df, name)
    return only_column(df, name).tolist() if has_column(df, name) else [None] * len(df)


def _label(label: object) -> str:
    return _shown(", ".join(map(str, label)) if isinstance(label, tuple) else label)


def _shown(cell: object) -> str:
    """Return a cell as text: cut where it is long, controls and direction marks as their escapes."""
    text = as_text(cell)
    start = "".join(_escaped(one) if _is_control(one) else one for one in text[:_MOST_CHARACTERS])
    return start if len(text) <= _MOST_CHARACTERS else f"{start}… ({len(text):,} characters)"


def _is_control(letter: str) -> bool:
    return letter in _DIRECTION or (unicodedata.category(letter) in {"Cc", "Cs"} and letter not in "\n\t")


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def _source(cell: object) -> str:
    """Return what a report calls an image: the file's name, or the URL without its secrets; nothing of the rest."""
    if isinstance(cell, PurePath):
        return _shown(cell.name)
    if not isinstance(cell, str) or cell.lstrip().startswith("data:"):
        return ""
    if "://" in cell[:_MOST_CHARACTERS]:
        return _shown(shorten(cell.strip()).strip("'\""))
    return _shown(PurePath(cell.replace("\\", "/")).name)


def _number(cell: object) -> float | None:
    if cell is None or cell is pd.NA or isinstance(cell, bool | str):
        return None
    try:
        number = float(cell)  # type: ignore[arg-type]  # whatever is no number is caught
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None
