"""Folders of PNG files: maps whose pixels number objects, or one mask a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import LabelError, MaskError, OptionError
from samframe.labels.frame import LabelRows
from samframe.labels.label_maps import has_palette, masks_of_numbers, read_numbers
from samframe.labels.places import by_stem, check_folder, walk_files
from samframe.masks import Mask

if TYPE_CHECKING:
    import pandas as pd

    Labels = Mapping[int, str] | Sequence[str] | Callable[[Path], str | None] | None

__all__ = ["read_masks"]

_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp"})
_VOID = 255
_MOST_OBJECTS = 65_535
_WHITES = ([0, 1], [0, 255], [1], [255])


def read_masks(
    folder: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    *,
    labels: Labels = None,
    rgb: str | None = None,
    background: int = 0,
) -> pd.DataFrame:
    """Read a folder of PNG files as a frame: each a mask, or a map whose pixels number its objects.

    A file of nothing but black and white, or 0 and 1, is one mask. In any other, and wherever there is a palette, each
    number but the background's is an object; the indices of a palette are the numbers. 16 bits and TIFF are read, too.

    Parameters
    ----------
    folder : path
        The masks; sub-folders are looked through.
    images : path, optional
        The folder of their images: same place and name, any suffix; what follows the last ``-`` or ``_`` of a mask's
        name may be more. None: the column is NA.
    labels : mapping, sequence or callable, optional
        Names by number, or ``lambda path: path.parent.name`` for names by file. None: the label is the number in text,
        NA for a file of one mask. With a mapping or sequence, the number 255 is void where it has no name.
    rgb : {"panoptic"}, optional
        Read colour pictures: a pixel's number is ``R + 256 G + 65536 B``.
    background : int
        The number of no object.

    Returns
    -------
    DataFrame
        A row an object: ``image``, ``label``, ``mask``, ``category_id`` (the number), ``file`` (the mask's path),
        ``error``. A file without objects is a row with NA label and an empty mask. A file that cannot be read is a row
        whose mask is NA, and ``error`` says why.

    Raises
    ------
    LabelError
        If the folder has no such files.
    OptionError
        If `labels` is none of these.
    FileNotFoundError
        If there is no such folder.
    """
    root = check_folder(folder)
    name_of = _namer(labels)
    pictures = by_stem(check_folder(images, "folder of images")) if images is not None else None
    rows = LabelRows()
    for path in walk_files(root, _SUFFIXES):
        image, trouble = _image_of(path, root, pictures)
        try:
            found = _objects(path, rgb=rgb, background=background)
        except (LabelError, MaskError) as error:
            rows.add(image, None, None, str(error), file=os.fspath(path))
            continue
        n_before = len(rows)
        for number, mask in found.items():
            label, wrong = name_of(path, number)
            if wrong != _IS_VOID:
                told = wrong and f"{path.name}: {wrong}"
                rows.add(image, label, mask, told or trouble, category_id=number, file=os.fspath(path))
        if len(rows) == n_before:
            blank = (
                next(iter(found.values())) if None in found else Mask.from_polygons([], _size(found, path))
            )
            rows.add(image, None, blank - blank, trouble, file=os.fspath(path))
    if not len(rows):
        raise LabelError(f"{root} has no PNG, TIFF or BMP files.")
    return rows.frame("category_id", "file")


_IS_VOID = "void"


def _objects(path: Path, *, rgb: str | None, background: int) -> dict[int | None, Mask]:
    """Return a file's masks by number, None for that of a file of black and white."""
    numbers = read_numbers(path, path.name, rgb=rgb)
    present = np.unique(numbers).tolist()
    if rgb is None and background == 0 and present in _WHITES and not has_palette(path):
        return {None: Mask.from_numpy(numbers > 0)}
    wanted = [number for number in present if number != background]
    if len(wanted) > _MOST_OBJECTS:
        raise LabelError(
            f"{path.name} has {len(wanted):,} numbers: it is no map of objects, but a photograph perhaps."
        )
    if not wanted:
        return {None: Mask.from_numpy(numbers != background)}
    return dict(zip(wanted, masks_of_numbers(numbers, wanted), strict=True))


def _size(found: dict[int | None, Mask], path: Path) -> tuple[int, int]:
    if not found:
        raise LabelError(f"{path.name} has no pixels.")
    return next(iter(found.values())).size_hw


def _namer(labels: Any) -> Callable[[Path, int | None], tuple[str | None, str | None]]:
    """Return what names an object: its label, and what is wrong."""
    if labels is None:
        return lambda _, number: (None if number is None else str(number), None)
    if callable(labels):
        return lambda path, _: (labels(path), None)
    if isinstance(labels, Sequence) and not isinstance(labels, str):
        labels = dict(enumerate(labels))
    if not isinstance(labels, Mapping):
        raise OptionError(
            f"labels is a mapping of numbers to names, a list of names, or a function of the path; not {labels!r}."
        )
    names = {int(number): str(name) for number, name in labels.items()}

    def named(_: Path, number: int | None) -> tuple[str | None, str | None]:
        if number is None:
            return (next(iter(names.values())) if len(names) == 1 else names.get(1)), None
        if number in names:
            return names[number], None
        return None, _IS_VOID if number == _VOID else f"there is no label of the number {number}"

    return named


def _image_of(path: Path, root: Path, pictures: dict[str, list[Path]] | None) -> tuple[Any, str | None]:
    """Return the image that belongs to a mask's file, and what is wrong with it."""
    if pictures is None:
        return None, None
    stem = path.relative_to(root).with_suffix("").as_posix()
    tries = [stem]
    for mark in ("-", "_"):
        tries += [stem.rsplit(mark, n)[0] for n in range(1, min(stem.count(mark), 3) + 1)]
    tries += [Path(one).name for one in tries]
    if "/" in stem:
        tries.append(stem.rsplit("/", 1)[0])
    for one in tries:
        if len(pictures.get(one, ())) == 1:
            return os.fspath(pictures[one][0]), None
        if one in pictures:
            return None, f"{path.name}: {len(pictures[one])} images have the name {one}"
    return None, f"{path.name}: there is no image of this name"
