"""COCO instances: compressed RLE that keeps holes and parts, ids that stay, images beside the annotations."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np

from samframe._version import __version__
from samframe.errors import MaskError, OptionError
from samframe.export.files import Scratch
from samframe.export.flags import Flag
from samframe.export.formats.coco_file import CocoFile, annotation_path, mask_of, read_annotations
from samframe.export.formats.fidelity import likeness
from samframe.export.formats.plain_json import plain_json
from samframe.export.formats.registry import Format
from samframe.export.formats.shelf import Placed, number_of
from samframe.export.formats.training_set import training_set
from samframe.export.outline import one_outline
from samframe.export.splits import ExportCall, ExportOptions
from samframe.ground.signature import with_options

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from samframe.export.formats.folder import RowList
    from samframe.export.formats.training_set import TrainingSet
    from samframe.export.report import ExportReport
    from samframe.export.rows import Record
    from samframe.export.splits import Member
    from samframe.masks import Mask

__all__ = ["FORMAT", "to_coco"]

_EMPTY = "the mask is empty: its image is there without an annotation"


#: What an annotation has of its own: further columns may not take these names, but for iscrowd.
_OWN_KEYS = frozenset({"id", "image_id", "category_id", "segmentation", "area", "bbox", "score"})
_SCORE = "score"


@with_options(ExportCall)
def to_coco(
    source: pd.DataFrame | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    instances: Literal["mask", "components"] = "mask",
    polygons: bool = False,
    images: Literal["copy", "reference"] = "copy",
    info: Mapping[str, Any] | None = None,
    licenses: Sequence[Mapping[str, Any]] = (),
    score_col: Hashable | None = _SCORE,
    columns: Sequence[Hashable] = (),
    layout: Literal["split", "images"] = "split",
    **options: Unpack[ExportOptions],
) -> ExportReport:
    """Write a COCO instances dataset: ``annotations/instances_SPLIT.json`` and the images in ``SPLIT/``.

    Masks are compressed RLE with ``iscrowd`` 0, which is exact: pycocotools, and what is built on it, read them as
    they are. Ids of images and annotations are made of content, so a grown or corrected frame keeps them. An image
    whose mask is empty is there without an annotation.

    Parameters
    ----------
    source : DataFrame or path
        A frame with masks, a Parquet file, or a dataset's folder.
    folder : path
        Appears whole or not at all. An earlier export of a training set is replaced, anything else refused.
    instances : {"mask", "components"}
        One annotation a mask, or one a connected component.
    polygons : bool
        Write polygons in place of RLE, for tools that read nothing else: one ring a component, its holes keyholed.
        The report tells what is lost.
    images : {"copy", "reference"}
        Copy images, or name them only: ``file_name`` is then the path as the frame has it. A URL is named as
        ``coco_url``, never downloaded.
    info : mapping, optional
        Added to the ``info`` of the files.
    licenses : sequence of mapping
        COCO's licences; each has an ``id``. Images get the first.
    score_col : column name or None
        Column of scores, which annotations get as ``score``; where there is no column ``score``, they have none.
    columns : sequence of column names
        Further columns; annotations get their cells, where not missing, under their names. ``iscrowd`` is one.
    layout : {"split", "images"}
        Where images go: ``SPLIT/``, as COCO itself has them, or ``images/SPLIT/``, as datumaro and CVAT read them.
    **options
        See :class:`samframe.export.ExportOptions`.

    Returns
    -------
    ExportReport
        Also in ``fidelity.json``; ``rows.jsonl`` leads from annotations back to rows.

    Raises
    ------
    OptionError
        If an option, a column or the folder is wrong, or no row can be exported.
    ImageError
        If an image changes meanwhile.
    OSError
        If the folder cannot be written.
    """
    call = ExportCall(**options)
    for name, value, known in (
        ("instances", instances, ("mask", "components")),
        ("images", images, ("copy", "reference")),
        ("layout", layout, ("split", "images")),
    ):
        if value not in known:
            raise OptionError(f"{name} is {known[0]!r} or {known[1]!r}, not {value!r}.")
    head = _head(info or {}, licenses)
    further = _further(columns, score_col)
    form = _Form(components=instances == "components", polygons=polygons, further=further, numbers=[])
    with training_set(source, folder, call, "coco", extra=list(further)) as (work, root, lines):
        form.numbers = work.members.class_numbers(first=1)
        head["categories"] = [
            {"id": number, "name": name, "supercategory": ""}
            for number, name in sorted(zip(form.numbers, work.members.categories, strict=True))
        ]
        places = root / "images" if layout == "images" else root
        _write(work, root, lines, form=form, head=head, places=places if images == "copy" else None)
        _read_back(work, root, form)
    return work.report(folder)


def _head(info: Mapping[str, Any], licenses: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what stands at the beginning of the files, as JSON has it."""
    said = {"description": "Masks from samframe", "contributor": f"samframe {__version__}", **info}
    return {
        "info": plain_json(said, where="info"),
        "licenses": plain_json(list(licenses), where="licenses"),
    }


def _further(columns: Sequence[Hashable], score_col: Hashable | None) -> dict[Hashable, str]:
    """Return which columns annotations get, and under which names."""
    if isinstance(columns, str):
        raise OptionError(f"columns is a list of column names, not {columns!r}.")
    taken = [name for name in columns if str(name) in _OWN_KEYS]
    if taken:
        raise OptionError(f"columns: {taken[0]!r} is a key of COCO's own; rename the column.")
    found = {name: str(name) for name in columns}
    return found if score_col is None else {**found, score_col: _SCORE}


class _Form:
    """How a mask becomes annotations."""

    def __init__(
        self, *, components: bool, polygons: bool, further: Mapping[Hashable, str], numbers: list[int]
    ) -> None:
        self.components = components
        self.polygons = polygons
        self.further = further
        self.numbers = numbers

    def count(self, mask: Mask) -> int:
        """Return how many annotations a mask has."""
        return len(mask.components()) if self.components else 1

    def annotations(self, member: Member, placed: Placed) -> Iterator[dict[str, Any]]:
        """Yield a row's annotations."""
        record, mask = member.record, member.record.mask
        if mask is None or member.is_negative:
            return
        said = self._said(record)
        for at, part in enumerate(mask.components() if self.components else [mask]):
            yield {
                "id": number_of(f"{record.annotation_id}:{at}") if self.components else record.annotation_id,
                "image_id": placed.number,
                "category_id": self.numbers[member.category],
                "segmentation": _polygons(part) if self.polygons else part.to_coco(),
                "area": part.area if self.components else record.area,
                "bbox": list(part.bbox_xywh if self.components else record.bbox_xywh),
                "iscrowd": 0,
                **said,
            }

    def _said(self, record: Record) -> dict[str, Any]:
        """Return what the row's further columns say."""
        found = {}
        for column, name in self.further.items():
            if column not in record.cells:
                if column == name == _SCORE:
                    continue
                raise OptionError(f"There is no column {column!r}.")
            value = plain_json(record.cells[column], where=f"Row {record.position}: column {column!r}")
            if value is not None:
                found[name] = value
        return found


def _polygons(mask: Mask) -> list[list[float]]:
    """Return one flat ring a component."""
    return [np.round(one_outline(part).ring, 2).ravel().tolist() for part in mask.components()]


def _write(
    work: TrainingSet,
    root: Path,
    lines: RowList,
    *,
    form: _Form,
    head: Mapping[str, Any],
    places: Path | None,
) -> None:
    shelf = work.shelf(
        None if places is None else {split: places / name for split, name in work.names.items()}
    )
    licence = next((entry.get("id") for entry in head["licenses"]), None)
    (root / "annotations").mkdir()
    with ExitStack() as stack:
        files = {
            split: stack.enter_context(
                CocoFile(
                    stack.enter_context(annotation_path(root, name).open("w", encoding="ascii")),
                    head,
                    licence,
                )
            )
            for split, name in work.names.items()
        }
        scratch = Scratch()
        given, named = scratch.map(), scratch.map()
        for member in work.rows():
            placed, is_new = shelf.place(member)
            file = files[member.split]
            if is_new:
                said = _reference(member, placed, copied=places is not None)
                at = f"{member.split}\0{said['file_name']}"
                if at in named:
                    raise OptionError(
                        f"Row {member.record.position}: two images would be named {said['file_name']!r}: give the "
                        "folder that both lie in as image_root, or copy the images."
                    )
                named.add(at)
                file.add_image(placed, **said)
            numbers = []
            for annotation in form.annotations(member, placed):
                while annotation["id"] in given:
                    annotation["id"] += 1
                given.add(annotation["id"])
                numbers.append(annotation["id"])
                file.add(annotation)
            lines.add(member, placed, annotations=numbers, category=work.category(member))
        for file in files.values():
            file.end()


def _reference(member: Member, placed: Placed, *, copied: bool) -> dict[str, Any]:
    """Return an image's file name, its URL, and where it came from."""
    picture = member.record.picture
    if picture is not None and picture.is_reference:
        return {"file_name": placed.name, "coco_url": str(member.record.image), "source": placed.source}
    return {"file_name": placed.name if copied else placed.source or placed.name, "source": placed.source}


def _read_back(work: TrainingSet, root: Path, form: _Form) -> None:
    """Read the files anew, in step with the rows, and compare; note rows whose mask is empty as left out.

    Raises
    ------
    MaskError
        If the files do not hold what was written.
    """
    readers = {split: read_annotations(annotation_path(root, name)) for split, name in work.names.items()}
    for member in work.rows(open_pictures=False):
        mask, position = member.record.mask, member.record.position
        if mask is None or member.is_negative:
            work.left_out.append((position, _EMPTY))
            continue
        parts = [next(readers[member.split], None) for _ in range(form.count(mask))]
        found = None
        for part in parts:
            if part is None or part["category_id"] != form.numbers[member.category]:
                raise MaskError(f"Row {position}: the annotations read back are not those that were written.")
            piece = mask_of(part["segmentation"], mask)
            found = piece if found is None else found | piece
        work.fidelity.add(position, likeness(mask, found) if found is not None else 0.0)


FORMAT = Format(
    name="coco",
    line="instances as compressed RLE: exact, with holes and parts",
    write=to_coco,
    flags=(
        Flag(
            name="instances", choices=("mask", "components"), help="one annotation a mask, or one a component"
        ),
        Flag(name="polygons", const=True, help="polygons in place of compressed RLE"),
        Flag(name="images", choices=("copy", "reference"), help="copy images, or name them only"),
        Flag(
            name="layout",
            choices=("split", "images"),
            help="images in SPLIT/, or in images/SPLIT/ for datumaro",
        ),
    ),
)
