"""COCO instances: compressed RLE that keeps holes and parts, ids that stay, images beside the annotations."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np

from samframe._version import __version__
from samframe.errors import MaskError, OptionError
from samframe.export.files import Scratch
from samframe.export.formats.coco_file import CocoFile, annotation_path, mask_of, read_annotations
from samframe.export.formats.fidelity import Fidelity, likeness
from samframe.export.formats.shelf import (
    Placed,
    RowList,
    Shelf,
    export_folder,
    number_of,
    save_report,
    split_names,
)
from samframe.export.outline import one_outline
from samframe.export.splits import ExportCall, ExportOptions, find_members, iter_members, shows_options

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from samframe.export.report import ExportReport
    from samframe.export.splits import Member, Members
    from samframe.masks import Mask

__all__ = ["to_coco"]

_EMPTY = "the mask is empty: its image is there without an annotation"


@shows_options
def to_coco(
    source: pd.DataFrame | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    instances: Literal["mask", "components"] = "mask",
    polygons: bool = False,
    images: Literal["copy", "reference"] = "copy",
    info: Mapping[str, Any] | None = None,
    licenses: Sequence[Mapping[str, Any]] = (),
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
    if instances not in {"mask", "components"}:
        raise OptionError(f"instances is 'mask' or 'components', not {instances!r}.")
    if images not in {"copy", "reference"}:
        raise OptionError(f"images is 'copy' or 'reference', not {images!r}.")
    with export_folder(folder, overwrite=call.overwrite) as root:
        members = find_members(source, call)
        form = _Form(components=instances == "components", polygons=polygons)
        head = {
            "info": {
                "description": "Masks from samframe",
                "contributor": f"samframe {__version__}",
                **call.shown(dict(info or {})),
            },
            "licenses": [call.shown(dict(licence)) for licence in licenses],
            "categories": [
                {"id": at, "name": name, "supercategory": ""}
                for at, name in enumerate(members.categories, start=1)
            ],
        }
        _write(source, call, members, root, form=form, head=head, copy=images == "copy")
        fidelity = _read_back(source, call, members, root, form)
        report = fidelity.report(folder, "coco", left_out=members.left_out, warnings=members.warnings)
        save_report(root, report, call)
    return report


class _Form:
    """How a mask becomes annotations."""

    def __init__(self, *, components: bool, polygons: bool) -> None:
        self.components = components
        self.polygons = polygons

    def count(self, mask: Mask) -> int:
        """Return how many annotations a mask has."""
        return len(mask.components()) if self.components else 1

    def annotations(self, member: Member, placed: Placed) -> Iterator[dict[str, Any]]:
        """Yield a row's annotations."""
        record, mask = member.record, member.record.mask
        if mask is None or not record.area:
            return
        for at, part in enumerate(mask.components() if self.components else [mask]):
            yield {
                "id": number_of(f"{record.annotation_id}:{at}") if self.components else record.annotation_id,
                "image_id": placed.number,
                "category_id": member.category + 1,
                "segmentation": _polygons(part) if self.polygons else part.to_coco(),
                "area": part.area if self.components else record.area,
                "bbox": list(part.bbox_xywh if self.components else record.bbox_xywh),
                "iscrowd": 0,
            }


def _polygons(mask: Mask) -> list[list[float]]:
    """Return one flat ring a component."""
    return [np.round(one_outline(part).ring, 2).ravel().tolist() for part in mask.components()]


def _write(
    source: pd.DataFrame | str | os.PathLike[str],
    call: ExportCall,
    members: Members,
    root: Path,
    *,
    form: _Form,
    head: Mapping[str, Any],
    copy: bool,
) -> None:
    names = split_names(members.splits)
    folders = {split: root / name for split, name in names.items()} if copy else None
    for path in (folders or {}).values():
        path.mkdir()
    shelf = Shelf(folders, paths=call.paths)
    licence = next((entry.get("id") for entry in head["licenses"]), None)
    (root / "annotations").mkdir()
    with ExitStack() as stack:
        rows = stack.enter_context(RowList(root, call))
        files = {
            split: stack.enter_context(
                CocoFile(
                    stack.enter_context(annotation_path(root, name).open("w", encoding="ascii")),
                    head,
                    licence,
                )
            )
            for split, name in names.items()
        }
        given = Scratch().map()
        for member in iter_members(source, call, members):
            placed, is_new = shelf.place(member)
            file = files[member.split]
            if is_new:
                file.add_image(placed, **_reference(member, placed, call, copied=copy))
            numbers = []
            for annotation in form.annotations(member, placed):
                while annotation["id"] in given:
                    annotation["id"] += 1
                given.add(annotation["id"])
                numbers.append(annotation["id"])
                file.add(annotation)
            rows.add(member, placed, annotations=numbers, category=members.categories[member.category])
        for file in files.values():
            file.end()


def _reference(member: Member, placed: Placed, call: ExportCall, *, copied: bool) -> dict[str, Any]:
    """Return an image's file name, its URL, and where it came from."""
    picture, source = member.record.picture, call.shown(placed.source)
    if picture is not None and picture.is_reference:
        return {
            "file_name": placed.name,
            "coco_url": call.shown(str(member.record.image)),
            "source": source,
        }
    name = placed.name if copied else placed.source or placed.name
    # A path behind an apostrophe would lead nowhere.
    return {"file_name": name if call.shown(name) == name else f"./{name}", "source": source}


def _read_back(
    source: pd.DataFrame | str | os.PathLike[str], call: ExportCall, members: Members, root: Path, form: _Form
) -> Fidelity:
    """Read the files anew, in step with the rows, and compare; note rows whose mask is empty as left out.

    Raises
    ------
    MaskError
        If the files do not hold what was written.
    """
    fidelity = Fidelity()
    names = split_names(members.splits)
    readers = {split: read_annotations(annotation_path(root, name)) for split, name in names.items()}
    for member in iter_members(source, call, members, open_pictures=False):
        mask, position = member.record.mask, member.record.position
        if mask is None or not member.record.area:
            members.left_out.append((position, _EMPTY))
            continue
        parts = [next(readers[member.split], None) for _ in range(form.count(mask))]
        found = None
        for part in parts:
            if part is None or part["category_id"] != member.category + 1:
                raise MaskError(f"Row {position}: the annotations read back are not those that were written.")
            piece = mask_of(part["segmentation"], mask)
            found = piece if found is None else found | piece
        fidelity.add(position, likeness(mask, found) if found is not None else 0.0)
    return fidelity
