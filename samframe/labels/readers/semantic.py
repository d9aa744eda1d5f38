"""Semantic segmentation: one map of classes an image, as many programs and samframe itself write it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import LabelError, OptionError
from samframe.labels.frame import LabelRows
from samframe.labels.label_maps import masks_of_numbers, read_numbers
from samframe.labels.places import by_stem, check_folder, walk_files
from samframe.masks import Mask

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["read_semantic"]

_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp"})
_VOID = 255
_MAX_LABELS = 1 << 24


def read_semantic(
    folder: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    *,
    labels: Mapping[int, str] | Sequence[str] | None = None,
    background: int = 0,
) -> pd.DataFrame:
    """Read maps of classes as a frame of one row a class of an image.

    Parameters
    ----------
    folder : path
        As :func:`samframe.to_semantic` writes it (``masks/SPLIT``, ``images/SPLIT``, ``labels.json``), or any folder of
        PNG files whose pixels are the numbers of classes.
    images : path, optional
        The folder of the images: same place and name, any suffix. None: ``images`` beside ``masks``, where there is
        one.
    labels : mapping or sequence of str, optional
        Names by number. None: ``labels.json`` or ``labels.txt`` of the folder, else the numbers in text. A number 255
        without a name is void.
    background : int
        The number that is no class.

    Returns
    -------
    DataFrame
        ``image``, ``label``, ``mask``, ``category_id`` (the number), ``split``, ``error``. An image of nothing but
        background is a row with NA label and an empty mask. A file that cannot be read is a row whose mask is NA, and
        ``error`` says why.

    Raises
    ------
    LabelError
        If there are no such files, or the list of labels is none.
    FileNotFoundError
        If there is no such folder.
    """
    root = check_folder(folder)
    masks = root / "masks" if (root / "masks").is_dir() else root
    names = _given(labels) if labels is not None else _listed(root)
    beside = root / "images"
    home = (
        check_folder(images, "folder of images")
        if images is not None
        else beside
        if beside.is_dir()
        else None
    )
    pictures = by_stem(home) if home is not None else {}
    rows = LabelRows()
    for path in walk_files(masks, _SUFFIXES):
        stem = path.relative_to(masks).with_suffix("").as_posix()
        found = pictures.get(stem, [])
        image = os.fspath(found[0]) if len(found) == 1 else None
        trouble = (
            None
            if image or home is None
            else f"{stem}: {'several images have' if found else 'no image has'} its name"
        )
        split = stem.split("/")[0] if masks != root and "/" in stem else None
        _read_map(rows, path, image, trouble, split=split, names=names, background=background)
    if not len(rows):
        raise LabelError(f"{masks} has no PNG, TIFF or BMP files.")
    return rows.frame("category_id", "split")


def _read_map(
    rows: LabelRows,
    path: Path,
    image: str | None,
    trouble: str | None,
    *,
    split: str | None,
    names: dict[int, str] | None,
    background: int,
) -> None:
    """Add the rows of one map."""
    try:
        numbers = read_numbers(path, path.name)
    except LabelError as error:
        rows.add(image, None, None, str(error), split=split)
        return
    present = [number for number in np.unique(numbers).tolist() if number != background]
    if names is not None:
        present = [number for number in present if number != _VOID or number in names]
    if len(present) > _VOID * _VOID:
        rows.add(
            image,
            None,
            None,
            f"{path.name} has {len(present):,} numbers: it is no map of classes",
            split=split,
        )
        return
    for number, mask in zip(present, masks_of_numbers(numbers, present), strict=True):
        label = str(number) if names is None else names.get(number)
        told = trouble if label is not None else f"{path.name}: there is no label of the number {number}"
        rows.add(image, label, mask, told, category_id=number, split=split)
    if not present:
        blank = Mask.from_polygons([], (numbers.shape[0], numbers.shape[1]))
        rows.add(image, None, blank, trouble, split=split)


def _given(labels: Any) -> dict[int, str]:
    if isinstance(labels, str) or not isinstance(labels, Mapping | Sequence):
        raise OptionError(f"labels is a mapping of numbers to names, or a list of names; not {labels!r}.")
    pairs = labels.items() if isinstance(labels, Mapping) else enumerate(labels)
    return {int(number): str(name) for number, name in pairs}


def _listed(root: Path) -> dict[int, str] | None:
    """Return the labels that a folder lists, None where it lists none."""
    for name in ("labels.json", "id2label.json"):
        file = root / name
        if file.is_file():
            if file.stat().st_size > _MAX_LABELS:
                raise LabelError(f"{file} is too large for a list of labels.")
            return _of_json(file)
    file = root / "labels.txt"
    if file.is_file() and file.stat().st_size <= _MAX_LABELS:
        return dict(enumerate(file.read_text(encoding="utf-8").splitlines()))
    return None


def _of_json(file: Path) -> dict[int, str]:
    try:
        facts = json.loads(file.read_bytes())
        if isinstance(facts, dict):
            return {int(number): str(name) for number, name in facts.items()}
        return {int(label["id"]): str(label["name"]) for label in facts}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise LabelError(f"{file} is no list of labels: {error!r}") from None
