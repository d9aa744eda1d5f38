"""YOLO segmentation: label files of one line an object beside images, by data.yaml or by folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import ImageError, LabelError, MaskError
from samframe.images import turn_to_stored
from samframe.labels.frame import LabelRows
from samframe.labels.places import IMAGE_SUFFIXES, ImageSize, image_size, walk_files
from samframe.masks import Mask
from samframe.masks.shapes import filled_toggles

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["read_yolo"]

_MAX_YAML = 1 << 20
_MAX_LABELS = 1 << 26
_BOX = 4
_FEWEST = 6
#: Shares of width and height end at 1; ultralytics takes a little more, for rounding.
_SLACK = 0.01
_SPLITS = ("train", "val", "test", "minival")


def read_yolo(path: str | os.PathLike[str], *, names: list[str] | None = None) -> pd.DataFrame:
    """Read a YOLO dataset of segments or boxes as a frame of images, labels and masks.

    A segment becomes the mask that ultralytics makes of it (corners cut to whole pixels, filled, the border too); a
    line of four numbers is a box, and its mask the box. What a model wrote with ``save_txt`` is read too; a last
    number that pairs with no other is the score.

    Parameters
    ----------
    path : path
        A ``data.yaml``, or a folder with one, or a folder with ``images`` and ``labels`` in it.
    names : list of str, optional
        The classes by number, where there is no ``data.yaml`` or it has none.

    Returns
    -------
    DataFrame
        A row a line, by split and image: ``image`` (path), ``label``, ``mask``, ``category_id`` (the class number),
        ``score``, ``split``, ``line`` (in the label file, from 1), ``error``. An image without lines is a row with NA
        label and an empty mask of its size. A line that cannot be read is a row whose mask is NA, and ``error`` says
        why and where. Masks lie on images as they are stored, also where EXIF turns them.

    Raises
    ------
    LabelError
        If it is no such dataset, or ``data.yaml`` is none.
    FileNotFoundError
        If there is no such file or folder.
    """
    where = Path(path).expanduser()
    if not where.exists():
        raise FileNotFoundError(f"There is no file or folder {os.fspath(path)!r}.")
    found = _dataset(where, names)
    rows, seen = LabelRows(), set[Path]()
    for split, folder in found.splits:
        for image in _images(folder, found.root):
            place = image.resolve()
            if place not in seen:  # one folder may stand for several splits
                seen.add(place)
                _read_image(rows, image, split, found)
        for labels in _without_images(folder):
            where_it_is = _shown(labels, found.root)
            rows.add("", None, None, f"{where_it_is}: there is no image for this file of labels", split=split)
    if not len(rows):
        raise LabelError(f"{where} has no images in {', '.join(str(folder) for _, folder in found.splits)}.")
    return rows.frame("category_id", "score", "split", "line")


@dataclass(frozen=True, slots=True)
class _Dataset:
    """Where a dataset's images are, and its classes."""

    root: Path
    names: dict[int, str]
    splits: list[tuple[str | None, Path]]


def _dataset(where: Path, names: list[str] | None) -> _Dataset:
    if where.is_dir():
        yamls = sorted([*where.glob("*.yaml"), *where.glob("*.yml")])
        named = [file for file in yamls if file.stem == "data"] or yamls
        if len(named) > 1:
            raise LabelError(f"{where} has {len(named)} YAML files: name the one of the dataset.")
        if not named:
            return _folder_of_splits(where, names)
        where = named[0]
    facts = _read_yaml(where)
    root = _root(where, facts.get("path"))
    splits = [
        (split, place)
        for split in [*_SPLITS, *(key for key in facts if key not in _SPLITS)]
        for place in _places(facts.get(split), root, where)
    ]
    if not splits:
        raise LabelError(f"{where.name} names no folder of images: train, val or test is wanted.")
    return _Dataset(root, _names(facts.get("names"), where) or dict(enumerate(names or [])), splits)


def _read_yaml(path: Path) -> dict[Any, Any]:
    import yaml  # noqa: PLC0415 - for this alone

    if path.stat().st_size > _MAX_YAML:
        raise LabelError(f"{path.name} takes {path.stat().st_size:,} bytes: it is no data.yaml.")
    try:
        facts = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise LabelError(f"{path.name} is no YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(facts, dict):
        raise LabelError(f"{path.name} is no data.yaml: it holds a {type(facts).__name__}.")
    return facts


def _root(file: Path, named: Any) -> Path:
    """Return where a dataset's paths start: at its ``path``, where that is there, else at the file's own folder."""
    if isinstance(named, str) and named:
        for place in (Path(named).expanduser(), file.parent / named):
            if place.is_dir():
                return place
    return file.parent


def _names(given: Any, file: Path) -> dict[int, str]:
    """Return the classes by number; a list of its own in a list (YAML's anchors may make one) is refused."""
    pairs = list(
        given.items() if isinstance(given, dict) else enumerate(given if isinstance(given, list) else [])
    )
    names: dict[int, str] = {}
    for number, name in pairs:
        if not isinstance(name, str | int | float | bool) or not str(number).isdecimal():
            raise LabelError(
                f"{file.name}: names are texts by whole numbers, and one is {type(name).__name__}."
            )
        names[int(number)] = str(name)
    return names


def _places(given: Any, root: Path, file: Path) -> Iterator[Path]:
    """Yield the folders and lists of images of one split."""
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, str) and one and (Path(one).is_absolute() or "/" in one or (root / one).exists()):
            for place in (root / one, file.parent / one, file.parent / one.removeprefix("../")):
                if place.exists():
                    yield place
                    break


def _folder_of_splits(where: Path, names: list[str] | None) -> _Dataset:
    """Return a folder without data.yaml: ``images/SPLIT``, ``SPLIT/images``, or images alone."""
    classes = where / "classes.txt"
    listed = dict(enumerate(names or []))
    if not listed and classes.is_file():
        lines = classes.read_text(encoding="utf-8", errors="replace").splitlines()
        listed = dict(enumerate(line.strip() for line in lines))
    images = where / "images"
    if images.is_dir():
        inner = sorted(folder for folder in images.iterdir() if folder.is_dir())
        return _Dataset(where, listed, [(folder.name, folder) for folder in inner] or [(None, images)])
    halves = sorted(folder for folder in where.glob("*/images") if folder.is_dir())
    return _Dataset(where, listed, [(folder.parent.name, folder) for folder in halves] or [(None, where)])


def _images(place: Path, root: Path) -> Iterator[Path]:
    """Yield the images of a folder, or those that a list names."""
    if place.is_dir():
        yield from walk_files(place, IMAGE_SUFFIXES)
    elif place.suffix == ".txt":
        with place.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                name = line.strip()
                if name:
                    yield (
                        place.parent / name
                        if name.startswith("./") or not (root / name).exists()
                        else root / name
                    )
    elif place.suffix.lower() in IMAGE_SUFFIXES:
        yield place


def _labels_of(image: Path) -> Path:
    """Return the file of labels that belongs to an image: ``images`` in its path, the last one, becomes ``labels``."""
    parts = list(image.parts)
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "images":
            parts[at] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _without_images(folder: Path) -> Iterator[Path]:
    """Yield files of labels beside a folder of images that belong to none of them."""
    labels = _labels_of(folder / "x.jpg").parent
    if not folder.is_dir() or labels == folder or not labels.is_dir():
        return
    stems = {
        image.relative_to(folder).with_suffix("").as_posix() for image in walk_files(folder, IMAGE_SUFFIXES)
    }
    for file in walk_files(labels, frozenset({".txt"})):
        if file.relative_to(labels).with_suffix("").as_posix() not in stems and file.name != "classes.txt":
            yield file


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _read_image(rows: LabelRows, image: Path, split: str | None, dataset: _Dataset) -> None:
    """Add the rows of an image."""
    labels = _labels_of(image)
    place = _shown(labels, dataset.root)
    try:
        size = image_size(os.fspath(image))
    except ImageError as error:
        rows.add(os.fspath(image), None, None, str(error), split=split)
        return
    try:
        lines = _lines(labels)
    except LabelError as error:
        rows.add(os.fspath(image), None, None, f"{place}: {error}", split=split)
        return
    for number, line in lines:
        label, category, score, mask, trouble = None, None, None, None, None
        try:
            category, values, score = _numbers(line)
            label = dataset.names.get(category)
            mask = _mask(values, size)
            if label is None and dataset.names:
                trouble = f"there is no class of the number {category}"
        except (LabelError, MaskError) as problem:
            trouble = str(problem)
        told = None if trouble is None else f"{place}:{number}: {trouble}"
        label = str(category) if label is None and not dataset.names and category is not None else label
        rows.add(
            os.fspath(image), label, mask, told, category_id=category, score=score, split=split, line=number
        )
    if not lines:
        rows.add(os.fspath(image), None, Mask.from_polygons([], size.stored_hw), split=split)


def _lines(path: Path) -> list[tuple[int, str]]:
    if not path.is_file():
        return []
    if path.stat().st_size > _MAX_LABELS:
        raise LabelError(f"the file takes {path.stat().st_size:,} bytes, over the limit of 64 MiB")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(f"the file cannot be read: {error}") from None
    return [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _numbers(line: str) -> tuple[int, Any, float | None]:
    """Return the class, the shares of width and height, and the score where there is one."""
    words = line.split()
    try:
        category = float(words[0])
        # float32 as ultralytics reads them: what is lost there is lost here.
        values = np.array(words[1:], dtype=np.float32)
    except ValueError:
        raise LabelError(f"no line of numbers: {line[:60]!r}") from None
    if not category.is_integer() or category < 0:
        raise LabelError(f"a class is a whole number from 0, not {words[0][:20]}")
    score = None
    if len(values) == _BOX + 1 or (len(values) > _FEWEST and len(values) % 2):
        score, values = float(values[-1]), values[:-1]
    if len(values) != _BOX and (len(values) < _FEWEST or len(values) % 2):
        raise LabelError(f"a class and {len(values)} numbers: a box has 4, a segment 6 or more, x and y")
    if not ((values >= -_SLACK) & (values <= 1 + _SLACK)).all():
        raise LabelError("numbers that are no shares of width and height, from 0 to 1")
    return int(category), values, score


def _mask(values: Any, size: ImageSize) -> Mask:
    """Return the mask of a box or a segment, on the image as it is stored."""
    height, width = size.upright_hw
    if len(values) == _BOX:
        x, y, wide, high = (values.astype(np.float64) * (width, height, width, height)).tolist()
        mask = Mask.from_bbox((x - wide / 2, y - high / 2, wide, high), (height, width))
    else:
        ring = values.reshape(-1, 2) * np.array((width, height), dtype=np.float32)
        toggles = filled_toggles(ring, (height, width))
        mask = Mask._from_toggles(toggles, (height, width))  # noqa: SLF001 - sound: it was just drawn
    return turn_to_stored(mask, size.stored_hw, size.orientation)
