"""Label Studio's JSON exports: brushes, polygons, boxes and ellipses of annotations and predictions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from samframe.errors import LabelError, MaskError, OptionError
from samframe.labels.elements import ElementReader, parse_elements
from samframe.labels.frame import LabelRows
from samframe.labels.places import ImageFolder, check_folder
from samframe.labels.scan import outline_of
from samframe.labels.shapes import box_of_shape, ellipse_of_shape, polygon_of_shape
from samframe.masks import Mask
from samframe.masks.brush import brush_mask

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["read_label_studio"]

#: What a region may be without being an area: it makes no row.
_NO_AREAS = frozenset(
    {
        "choices", "textarea", "rating", "number", "relation", "taxonomy", "pairwise", "datetime", "ranker", "labels",
        "hypertextlabels",
    }
)  # fmt: skip
_TASKS = "tasks.json"
_PREFIX = re.compile(r"^[0-9a-f]{8}-")


def read_label_studio(
    path: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    *,
    image_key: str | None = None,
    predictions: bool = False,
) -> pd.DataFrame:
    """Read a JSON export of Label Studio as a frame of images, labels and masks.

    Brushes (Label Studio's own run lengths), polygons, boxes and ellipses become masks; the last three are in percent
    of the image, and polygons are rasterised as pycocotools does it. Classifications, texts and relations are no areas
    and make no rows. The file is read a task at a time.

    Parameters
    ----------
    path : path
        An export in the format JSON, or JSON-MIN; or a folder of :func:`samframe.to_label_studio`, whose masks are
        predictions.
    images : path, optional
        A folder of the images: a task's URL leads to the file of that name, with or without the eight digits that an
        upload gets in front. None: the column has what the task says.
    image_key : str, optional
        The name in a task's ``data`` of its image. None: what the regions' ``to_name`` says, or the one text there is.
    predictions : bool
        Read the tasks' predictions in place of their annotations.

    Returns
    -------
    DataFrame
        A row a region: ``image``, ``label`` (of several the first; all are in ``labels``), ``mask``, ``annotation_id``
        (the region's), ``image_id`` (the task's), ``completion_id`` (the annotation's in the task), ``score``,
        ``error``. A task whose annotation is empty is a row with NA label, and an empty mask where a size is known. A
        region that cannot be read is a row whose mask is NA; ``error`` says why and where.

    Raises
    ------
    LabelError
        If the file is no such export or is cut short.
    OptionError
        If `image_key` is in no task.
    FileNotFoundError
        If there is no such file or folder.
    """
    where = Path(path).expanduser()
    if where.is_dir():
        where, images = where / _TASKS, where if images is None else images
    outline = outline_of(where)
    if outline.root.opens != "[":
        raise LabelError(f"{outline.path.name} is no export of Label Studio: it is no list of tasks.")
    folder = ImageFolder(check_folder(images, "folder of images") if images is not None else None)
    rows = LabelRows()
    reader = ElementReader(outline, outline.root)
    for elements in reader:
        values = parse_elements(elements)
        for at, task in enumerate(
            values if values is not None else parse_elements(reader.recut()) or [], elements.first
        ):
            place = f"{outline.path.name}: tasks[{at}]"
            if not isinstance(task, dict):
                rows.add(
                    "", None, None, f"{place}: {task if isinstance(task, LabelError) else 'it is no task'}"
                )
            else:
                _read_task(rows, task, place, folder, image_key=image_key, predictions=predictions)
    if image_key is not None and len(rows) and all(image is None for image in rows.images):
        raise OptionError(f"No task of {outline.path.name} has {image_key!r} in its data.")
    rows.count_ids("annotation_id")
    return rows.frame("annotation_id", "image_id", "completion_id", "labels", "score")


def _read_task(
    rows: LabelRows,
    task: dict[str, Any],
    place: str,
    folder: ImageFolder,
    *,
    image_key: str | None,
    predictions: bool,
) -> None:
    data = task["data"] if isinstance(task.get("data"), dict) else task
    completions = list(_completions(task, predictions=predictions))
    results = [result for _, _, result in completions]
    image, trouble = _image(data, results, folder, image_key)
    told = trouble and f"{place}: {trouble}"
    task_id = task.get("id") if isinstance(task.get("id"), int | str) else None
    for number, (completion_id, score, regions) in enumerate(completions):
        n_before, size = len(rows), None
        for name, region, labels in _regions(regions):
            size = _size(region) or size
            if _kind(region) in _NO_AREAS:
                continue
            mask, error = None, told
            try:
                mask = _mask(region)
            except (MaskError, LabelError) as problem:
                error = f"{place}, annotation {number}, region {name}: {problem}"
            own = region.get("score") if isinstance(region.get("score"), int | float) else score
            rows.add(
                image,
                labels[0] if labels else None,
                mask,
                error,
                annotation_id=name,
                image_id=task_id,
                completion_id=completion_id,
                labels=", ".join(labels) if len(labels) > 1 else None,
                score=own,
            )
        if len(rows) == n_before:
            blank = Mask.from_polygons([], size) if size else None
            rows.add(image, None, blank, told, image_id=task_id, completion_id=completion_id)
    if not completions:
        rows.add(image, None, None, told, image_id=task_id)


def _completions(task: dict[str, Any], *, predictions: bool) -> Iterator[tuple[Any, float | None, list[Any]]]:
    """Yield the annotations of a task (or its predictions): id, score, regions; cancelled ones are left out."""
    name = "predictions" if predictions else "annotations" if "annotations" in task else "completions"
    given = task.get(name)
    if isinstance(given, list):
        for completion in given:
            if isinstance(completion, dict) and not completion.get("was_cancelled"):
                regions, score = completion.get("result"), completion.get("score")
                number = score if isinstance(score, int | float) and predictions else None
                yield completion.get("id"), number, regions if isinstance(regions, list) else []
    elif not predictions and "data" not in task:  # JSON-MIN: one annotation, its regions by control
        regions = [
            region
            for value in task.values()
            if isinstance(value, list)
            for region in value
            if isinstance(region, dict) and "original_width" in region
        ]
        yield task.get("annotation_id"), None, [{"value": region, **region} for region in regions]


def _regions(regions: list[Any]) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Yield each region with the labels that all results of its id give it."""
    found: dict[str, dict[str, Any]] = {}
    labels: dict[str, list[str]] = {}
    for at, region in enumerate(regions):
        if not isinstance(region, dict):
            found[f"#{at}"], labels[f"#{at}"] = {}, []
            continue
        name = str(region.get("id", f"#{at}"))
        value = region.get("value")
        value = value if isinstance(value, Mapping) else {}
        named = [
            str(label)
            for key, texts in value.items()
            if key.endswith("labels") and isinstance(texts, list)
            for label in texts
        ]
        has_shape = any(key in value for key in ("rle", "points", "width", "radiusX"))
        if name not in found or (has_shape and _kind(found[name]) in _NO_AREAS):
            found[name] = region
        labels.setdefault(name, []).extend(label for label in named if label not in labels.get(name, []))
    for name, region in found.items():
        yield name, region, labels[name]


def _kind(region: Mapping[str, Any]) -> str:
    """Return a region's type in lower case, ``brush`` and ``polygon`` with ``labels`` or without alike."""
    return str(region.get("type", "")).lower()


def _size(region: Mapping[str, Any]) -> tuple[int, int] | None:
    height, width = region.get("original_height"), region.get("original_width")
    if type(height) is int and type(width) is int and 0 < height < 2**31 and 0 < width < 2**31:
        return height, width
    return None


def _mask(region: Mapping[str, Any]) -> Mask:
    """Return the mask of a region.

    Raises
    ------
    MaskError, LabelError
        If it has none.
    """
    value, size = region.get("value"), _size(region)
    if not isinstance(value, Mapping):
        raise LabelError("it has no value")
    if size is None:
        raise LabelError("it has no original_width and original_height")
    if region.get("image_rotation") not in (None, 0, 0.0):
        raise LabelError(
            f"the image is turned by {region['image_rotation']} degrees in Label Studio, which is not read"
        )
    if "rle" in value:
        return brush_mask(value["rle"], size)
    if "points" in value:
        return polygon_of_shape(value, size)
    if "radiusX" in value:
        return ellipse_of_shape(value, size)
    if "width" in value and "height" in value and not _kind(region).startswith("keypoint"):
        return box_of_shape(value, size)
    raise LabelError(f"a region of the type {region.get('type')!r} is no area")


def _image(
    data: dict[str, Any], results: list[list[Any]], folder: ImageFolder, image_key: str | None
) -> tuple[str | None, str | None]:
    """Return what stands for a task's image, and what is wrong with it."""
    named = [
        str(region.get("to_name")) for regions in results for region in regions if isinstance(region, dict)
    ]
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    keys = [image_key] if image_key is not None else [*named, "image", *list(texts)[:1]]
    text = next((texts[key] for key in keys if key in texts), None)
    if text is None:
        return None, "its data name no image"
    if folder.root is None:
        return text, None
    names = _names_of(text)
    for name in names:
        path, error = folder.find(name)
        if error is None:
            return path, None
    return text, f"no file of {folder.root} is {names[0] if names else text!r}"


def _names_of(url: str) -> list[str]:
    """Return the names that an image may have in a folder, the longest first."""
    parts = urlsplit(url)
    local = parse_qs(parts.query).get("d", [])
    path = local[0] if local else unquote(parts.path)
    pieces = [piece for piece in path.replace("\\", "/").split("/") if piece not in {"", ".", ".."}]
    names = ["/".join(pieces[at:]) for at in range(len(pieces))]
    if pieces and _PREFIX.match(pieces[-1]):
        names.append(pieces[-1][9:])
    return names
