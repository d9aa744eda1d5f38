"""COCO instances and results, read in a stream: polygons, both kinds of run lengths, crowds, negatives."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import ImageError, LabelError, OptionError
from samframe.labels.annotations import STANDARD, Annotations, read_annotations
from samframe.labels.elements import ElementReader, parse_elements
from samframe.labels.frame import in_order, label_frame
from samframe.labels.places import ImageFolder, check_folder, image_size
from samframe.labels.scan import JsonOutline, Span, outline_of, read_span
from samframe.masks import Mask, MaskArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from samframe.labels.annotations import Cells

__all__ = ["read_coco"]

_PREFIX = "instances_"
#: As Roboflow names the file in each split's folder of images.
_BESIDE_IMAGES = "_annotations.coco.json"
_NAMES = {"id": "annotation_id"}


def read_coco(
    path: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    *,
    dataset: str | os.PathLike[str] | None = None,
    boxes: bool = False,
) -> pd.DataFrame:
    """Read a COCO file of instances, or of results, as a frame of images, labels and masks.

    The file is read in a stream: of one with millions of annotations no more than some MiB is in memory beside the
    frame. Polygons become the masks that pycocotools makes of them, pixel by pixel.

    Parameters
    ----------
    path : path
        A JSON file; or a folder as :func:`samframe.to_coco` writes it, of which all ``annotations/instances_*.json``
        are read, the split being a column.
    images : path, optional
        The folder that ``file_name`` starts from. None: of a folder, its sub-folder of the split's name; of a file
        ``annotations/instances_SPLIT.json``, the folder ``SPLIT`` beside, where there is one; otherwise the column
        holds ``coco_url`` where there is one, else ``file_name`` as it is.
    dataset : path, optional
        For a file of results (a list of ``image_id, category_id, segmentation, score``): the file of instances whose
        images and categories it refers to.
    boxes : bool
        Whether an annotation that has a box and no segmentation gets the box as its mask. By default it gets none, and
        an error.

    Returns
    -------
    DataFrame
        A row an annotation, by image in the file's order: ``image``, ``label`` (the category's name), ``mask``,
        ``annotation_id``, ``image_id``, ``category_id``, ``iscrowd`` (boolean), ``area`` (as the file has it),
        ``score``, ``split``, as far as the file has them; further numbers, words and flags of annotations as columns
        of their names; and ``error``. An image without annotations is a row with NA label and an empty mask of its
        size. An annotation that cannot be read is a row whose mask is NA; ``error`` says why, and where in the file
        it stands. Where an image is not on disk, ``error`` says so and the mask is there.

    Raises
    ------
    LabelError
        If the file is no JSON of COCO or is cut short, or an id is there twice; the message names the place.
    OptionError
        If a file of results comes without `dataset`.
    FileNotFoundError
        If there is no such file or folder.

    Examples
    --------
    >>> import json, pathlib, tempfile, samframe
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name, "truth.json")
    >>> _ = file.write_text(json.dumps({
    ...     "images": [{"id": 7, "file_name": "a.jpg", "width": 6, "height": 4}],
    ...     "categories": [{"id": 1, "name": "cat"}],
    ...     "annotations": [{"id": 3, "image_id": 7, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 3, 1, 3]]}],
    ... }))
    >>> samframe.read_coco(file)[["image", "label", "annotation_id"]].values.tolist()
    [['a.jpg', 'cat', 3]]
    >>> folder.cleanup()
    """
    where = Path(path).expanduser()
    if not where.exists():
        raise FileNotFoundError(f"There is no file {os.fspath(path)!r}.")
    folder = None if images is None else check_folder(images, "folder of images")
    if where.is_dir():
        return _read_folder(where, folder, boxes=boxes)
    outline = outline_of(where)
    if dataset is not None:
        results = outline.root if outline.root.opens == "[" else _section(outline, "annotations")
        return _read(outline_of(dataset), (outline, results), folder or _beside(Path(dataset)), boxes=boxes)
    if outline.root.opens == "[":
        raise OptionError(
            f"{where.name} is a list, as files of results are: name the file of instances that its ids are of, "
            "dataset='instances.json'."
        )
    return _read(outline, (outline, _section(outline, "annotations")), folder or _beside(where), boxes=boxes)


def _read_folder(where: Path, images: Path | None, *, boxes: bool) -> pd.DataFrame:
    """Read every split of a folder."""
    files = {
        file.stem.removeprefix(_PREFIX): file
        for file in sorted((where / "annotations").glob(f"{_PREFIX}*.json"))
    }
    files = files or {file.parent.name: file for file in sorted(where.glob(f"*/{_BESIDE_IMAGES}"))}
    if not files:
        raise LabelError(
            f"{where} has no files annotations/{_PREFIX}*.json or */{_BESIDE_IMAGES}: name the JSON file itself."
        )
    frames = []
    for split, file in files.items():
        outline = outline_of(file)
        frame = _read(
            outline, (outline, _section(outline, "annotations")), images or _beside(file), boxes=boxes
        )
        frame.insert(len(frame.columns) - 1, "split", pd.array([split] * len(frame), dtype="string"))
        frames.append(frame)
    whole = pd.concat(frames, ignore_index=True)
    return whole[[name for name in whole.columns if name != "error"] + ["error"]]


def _beside(file: Path) -> Path | None:
    """Return the folder of images that belongs to a file by its place, None where there is none."""
    if file.name == _BESIDE_IMAGES:
        return file.parent
    split = file.stem.removeprefix(_PREFIX)
    places = [file.parent.parent / split, file.parent.parent / "images" / split] if file.stem != split else []
    return next((place for place in places if place.is_dir()), None)


def _section(outline: JsonOutline, name: str) -> Span:
    span = outline.sections.get(name)
    if span is None or span.opens != "[":
        has = (
            f"it has {', '.join(sorted(outline.sections)[:8]) or 'nothing'}"
            if span is None
            else "it is no list"
        )
        raise LabelError(f"{outline.path.name} is no COCO file: a list {name!r} is wanted, and {has}.")
    return span


@dataclass(slots=True)
class _Images:
    """The images of a file, in its order."""

    numbers: dict[Any, int] = field(default_factory=dict)
    ids: list[Any] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    errors: list[str | None] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    n_annotations: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    _array: NDArray[np.int64] | None = None

    def number(self, image_id: Any) -> int:
        """Return the place of an image by its id, -1 where there is none of that id."""
        try:
            return self.numbers.get(image_id, -1)
        except TypeError:  # a list or an object as id
            return -1

    def sizes_of(self, image_ids: Cells) -> NDArray[np.int64]:
        """Return heights and widths, -1 where unknown, int64 of shape (n, 2)."""
        if self._array is None:
            self._array = np.array([*self.sizes, (-1, -1)], dtype=np.int64).reshape(-1, 2)
        return self._array[self.numbers_of(image_ids)]

    def numbers_of(self, image_ids: Cells) -> NDArray[np.int64]:
        """Return the places of images by their ids, -1 where there is none of an id, int64 of shape (n,)."""
        image_ids = image_ids if isinstance(image_ids, list) else image_ids.tolist()
        try:
            found = map(self.numbers.get, image_ids, itertools.repeat(-1))
            return np.fromiter(found, dtype=np.int64, count=len(image_ids))
        except TypeError:  # an id that is a list or an object
            return np.array([self.number(image_id) for image_id in image_ids], dtype=np.int64)


def _read(
    outline: JsonOutline, annotations: tuple[JsonOutline, Span], folder: Path | None, *, boxes: bool
) -> pd.DataFrame:
    found = _read_images(outline, ImageFolder(folder))
    names = _read_categories(outline)
    blocks = list(
        _checked(read_annotations(ElementReader(*annotations), found.sizes_of, boxes=boxes), annotations[0])
    )
    return _frame(found, names, blocks, annotations[0].path.name)


def _read_images(outline: JsonOutline, folder: ImageFolder) -> _Images:
    found = _Images()
    file, is_known = outline.path.name, folder.root is not None
    reader = ElementReader(outline, _section(outline, "images"))
    for elements in reader:
        values = parse_elements(elements)
        for at, value in enumerate(
            values if values is not None else parse_elements(reader.recut()) or [], elements.first
        ):
            image_id = value.get("id") if isinstance(value, dict) else None
            if not isinstance(image_id, int | str):
                raise LabelError(f"{file}: images[{at}] has no id: {str(value)[:80]}")
            if found.numbers.setdefault(image_id, at) != at:
                before = found.numbers[image_id]
                raise LabelError(
                    f"{file}: images[{at}] has the id {image_id!r} of images[{before}]: ids are unique."
                )
            cell, error = _cell(value, folder)
            found.ids.append(image_id)
            found.cells.append(cell)
            found.errors.append(None if error is None else f"{file}: images[{at}]: {error}")
            found.sizes.append(_size(value, cell, known=error is None and is_known))
    return found


def _cell(image: dict[str, Any], folder: ImageFolder) -> tuple[str, str | None]:
    """Return what stands in the column for an image, and what is wrong with it."""
    name, url = image.get("file_name"), image.get("coco_url")
    if folder.root is None and isinstance(url, str) and url.startswith(("https://", "http://")):
        return url, None
    if not isinstance(name, str) or not name:
        return "", "it has no file_name"
    return folder.find(name)


def _size(image: dict[str, Any], cell: str, *, known: bool) -> tuple[int, int]:
    """Return height and width: the file's, else those of the image on disk, else -1."""
    height, width = image.get("height"), image.get("width")
    sides = [side for side in (height, width) if isinstance(side, int | float) and not isinstance(side, bool)]
    if len(sides) == 2 and all(0 < side < 2**31 and side == int(side) for side in sides):  # noqa: PLR2004 - both
        return int(sides[0]), int(sides[1])
    if known and height is None and width is None:
        try:
            return image_size(cell).stored_hw
        except ImageError:
            pass
    return -1, -1


def _read_categories(outline: JsonOutline) -> dict[Any, str]:
    span = outline.sections.get("categories")
    if span is None:
        return {}
    names: dict[Any, str] = {}
    values = read_span(outline, span, "categories")
    for at, value in enumerate(values if isinstance(values, list) else []):
        place = f"{outline.path.name}: categories[{at}]"
        if not isinstance(value, dict) or not isinstance(value.get("id"), int | str) or "name" not in value:
            raise LabelError(f"{place} has no id and name: {str(value)[:80]}")
        if value["id"] in names:
            raise LabelError(f"{place} has the id {value['id']!r} of {names[value['id']]!r}: ids are unique.")
        names[value["id"]] = str(value["name"])
    return names


def _checked(blocks: Iterator[Annotations], outline: JsonOutline) -> Iterator[Annotations]:
    """Pass blocks on, once it is sure that no annotation's id was there before."""
    seen: list[NDArray[np.int64]] = []
    others: Counter[Any] = Counter()
    for block in blocks:
        ids = block.columns["id"]
        try:
            seen.append(np.array(ids, dtype=np.int64))
        except (TypeError, ValueError, OverflowError):
            others.update(value for value in ids if isinstance(value, int | str | float))
        yield block
    found = np.sort(np.concatenate(seen)) if seen else np.empty(0, dtype=np.int64)
    repeated = found[1:][found[1:] == found[:-1]].tolist()
    repeated += [
        value for value, times in others.items() if times > 1 or (type(value) is int and _holds(found, value))
    ]
    if repeated:
        more = f", and {len(set(repeated)) - 1:,} more ids" if len(set(repeated)) > 1 else ""
        raise LabelError(
            f"{outline.path.name}: the annotation id {repeated[0]!r} is there twice{more}: ids are unique."
        )


def _holds(found: NDArray[np.int64], value: int) -> bool:
    at = int(np.searchsorted(found, value)) if abs(value) < 2**63 else len(found)
    return at < len(found) and int(found[at]) == value


def _frame(images: _Images, names: dict[Any, str], blocks: list[Annotations], file: str) -> pd.DataFrame:
    """Put annotations in the order of their images, images without any between them."""
    numbers = np.concatenate(
        [np.empty(0, dtype=np.int64), *(images.numbers_of(block.columns["image_id"]) for block in blocks)]
    )
    without = np.ones(len(images.ids), dtype=bool)
    without[numbers[numbers >= 0]] = False
    bare = np.flatnonzero(without)
    # Annotations of no image come last.
    key = np.concatenate([np.where(numbers < 0, len(images.ids), numbers), bare])
    order = np.argsort(key, kind="stable")
    n_given = len(numbers)
    masks = MaskArray._concat_same_type(  # noqa: SLF001 - pandas' name for a public hook
        [MaskArray.from_masks([]), *(block.masks for block in blocks), _empty_masks(images, bare)]
    )
    columns = _gathered(blocks)
    errors, labels = _told(images, names, blocks, numbers, columns, file)
    errors += [images.errors[at] for at in bare.tolist()]
    given = np.where(order < n_given, order, -1)
    places = order.tolist()
    ids: dict[str, Any] = {}
    for name, values in columns.items():
        if name == "image_id":
            whole = [*values, *(images.ids[at] for at in bare.tolist())]
            ids[name] = [whole[at] for at in places]
        else:
            ids[_NAMES.get(name, name)] = in_order(name, values, given)
    cells = [images.cells[at] if at >= 0 else "" for at in numbers.tolist()] + [
        images.cells[at] for at in bare.tolist()
    ]
    return label_frame(
        [cells[at] for at in places],
        [labels[at] if at < n_given else None for at in places],
        masks[order],
        ids,
        [errors[at] for at in places],
    )


def _empty_masks(images: _Images, bare: NDArray[np.int64]) -> MaskArray:
    """Return an empty mask of each image's size, NA where that is not known."""
    sizes = [images.sizes[at] for at in bare.tolist()]
    blank = {size: Mask.from_polygons([], size) if min(size) >= 0 else None for size in set(sizes)}
    return MaskArray.from_masks([blank[size] for size in sizes])


def _gathered(blocks: list[Annotations]) -> dict[str, Cells]:
    """Return the columns of all blocks, the standard ones first; arrays where every block has one of a kind."""
    names = dict.fromkeys([*STANDARD, *(name for block in blocks for name in block.columns)])
    reserved = {"image", "label", "mask", "error", "annotation_id", "split"}
    columns: dict[str, Cells] = {}
    for name in names:
        parts = [block.columns.get(name, [None] * len(block)) for block in blocks]
        kinds = {part.dtype if isinstance(part, np.ndarray) else None for part in parts}
        if len(kinds) == 1 and None not in kinds:
            whole: Cells = np.concatenate(parts)
        else:
            lists = (part.tolist() if isinstance(part, np.ndarray) else part for part in parts)
            whole = list(itertools.chain.from_iterable(lists))
        columns[name if name not in reserved else f"{name}_"] = whole
    return columns


def _told(
    images: _Images,
    names: dict[Any, str],
    blocks: list[Annotations],
    numbers: NDArray[np.int64],
    columns: dict[str, Cells],
    file: str,
) -> tuple[list[str | None], list[str | None]]:
    """Return errors, each with its place in the file, and labels of all annotations."""
    errors: list[str | None] = [images.errors[at] if at >= 0 else None for at in numbers.tolist()]
    labels: list[str | None]
    categories = columns["category_id"]
    categories = categories if isinstance(categories, list) else categories.tolist()
    try:
        labels = list(map(names.get, categories))
    except TypeError:  # an id that is a list or an object
        labels = [names.get(category) if isinstance(category, int | str) else None for category in categories]
    ids = columns["id"]
    for at in np.flatnonzero(numbers < 0).tolist():
        errors[at] = (
            f"{_place(file, at, ids)}: there is no image of the id {str(columns['image_id'][at])[:80]}"
        )
    start = 0
    for block in blocks:
        for at, words in block.faults.items():
            if numbers[start + at] >= 0 or columns["image_id"][start + at] is None:
                errors[start + at] = f"{_place(file, start + at, ids)}: {words}"
        start += len(block)
    for at in [at for at, label in enumerate(labels) if label is None]:
        if errors[at] is None:
            errors[at] = f"{_place(file, at, ids)}: there is no category of the id {categories[at]!r}"
    return errors, labels


def _place(file: str, at: int, ids: Cells) -> str:
    return f"{file}: annotations[{at}]" + (f" (id {ids[at]})" if ids[at] is not None else "")
