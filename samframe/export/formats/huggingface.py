"""Hugging Face datasets: Parquet with Image features, or a DatasetDict in memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from samframe.errors import MaskError, OptionError
from samframe.export.flags import Flag
from samframe.export.formats.fidelity import likeness
from samframe.export.formats.hf_parquet import SplitTables, hf_schema
from samframe.export.formats.label_map import (
    OVERLAPS,
    Overlap,
    by_image,
    check_overlap,
    class_values,
    encode_label_map,
    label_map,
    read_label_map,
    visible_share,
)
from samframe.export.formats.registry import Format
from samframe.export.formats.shelf import refuse_url
from samframe.export.formats.training_set import TrainingSet, training_set
from samframe.export.splits import ExportCall, ExportOptions
from samframe.ground.signature import with_options
from samframe.masks import Mask

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from samframe.export.formats.folder import RowList
    from samframe.export.report import ExportReport
    from samframe.export.splits import Member

__all__ = ["FORMAT", "to_huggingface"]

_NAME = "huggingface"
_TASKS = ("instance", "semantic")


@overload
def to_huggingface(
    source: pd.DataFrame | str | os.PathLike[str],
    path: None = None,
    *,
    task: Literal["instance", "semantic"] = "instance",
    overlap: Overlap = "smaller",
    **options: Unpack[ExportOptions],
) -> Any: ...
@overload
def to_huggingface(
    source: pd.DataFrame | str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    task: Literal["instance", "semantic"] = "instance",
    overlap: Overlap = "smaller",
    **options: Unpack[ExportOptions],
) -> ExportReport: ...
@with_options(ExportCall)
def to_huggingface(
    source: pd.DataFrame | str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    task: Literal["instance", "semantic"] = "instance",
    overlap: Overlap = "smaller",
    **options: Unpack[ExportOptions],
) -> Any:
    """Make a Hugging Face dataset: in memory, or on disk as Parquet that ``load_dataset`` reads without samframe.

    For instances, one row a mask: ``image``, ``mask`` (black and white), ``label`` (a ClassLabel), ``prompt``,
    ``bbox`` (x, y, width, height in pixels), ``area`` (pixels), ``annotation_id``, ``row``. For semantic segmentation,
    one row an image: ``image``, and ``label_map`` of which 0 is background and 1 the first category.

    Parameters
    ----------
    source : DataFrame or path
        A frame with masks, a Parquet file, or a dataset's folder.
    path : path, optional
        A folder, which appears whole or not at all; the files are ``data/SPLIT-*.parquet``. None: in memory, for which
        the package datasets is needed (``pip install samframe[hf]``).
    task : {"instance", "semantic"}
        One row a mask, or one row an image.
    overlap : {"smaller", "larger", "last", "first"}
        For semantic segmentation, which mask is seen where several lie.
    **options
        See :class:`samframe.export.ExportOptions`.

    Returns
    -------
    ExportReport or datasets.DatasetDict
        The report where a folder was written, also in ``fidelity.json``; without one the datasets, of which each
        ``info.description`` is the report in one line.

    Raises
    ------
    OptionError
        If an option, a column or the folder is wrong, no row can be exported, or datasets is needed and missing.
    ImageError
        If an image changes meanwhile.
    OSError
        If the folder cannot be written.
    """
    call = ExportCall(**options)
    if task not in _TASKS:
        raise OptionError(f"task is 'instance' or 'semantic', not {task!r}.")
    check_overlap(overlap, ())
    if path is None:
        library = _datasets()
        made = _Made(
            TrainingSet(source, call, _NAME, refuse=refuse_url),
            is_semantic=task == "semantic",
            overlap=overlap,
        )
        made.fill(None)
        return _in_memory(library, made)
    with training_set(source, path, call, _NAME, refuse=refuse_url) as (work, root, lines):
        _Made(work, is_semantic=task == "semantic", overlap=overlap).fill(root, lines)
    return work.report(path)


class _Made:
    """The tables of one export, and what was measured of them."""

    def __init__(self, work: TrainingSet, *, is_semantic: bool, overlap: str) -> None:
        self.work, self._overlap, self._is_semantic = work, overlap, is_semantic
        if is_semantic:
            self._values = class_values(work.members, overlap=overlap)
            self._names = list(work.members.categories)
        else:
            self._names = work.members.ordered_names("Hugging Face's ClassLabel")
            self._values = work.members.class_numbers(first=0)
        self._shelf = work.shelf(None)
        self._checksums = dict.fromkeys(work.names, 0)
        self.tables: SplitTables | None = None

    def fill(self, root: Path | None, rows: RowList | None = None) -> None:
        """Make all rows, in files below `root` or in memory, and read them back.

        Raises
        ------
        MaskError
            If what is read back is not what was written.
        """
        schema = hf_schema(self._names, values=self._values if self._is_semantic else None)
        column = "label_map" if self._is_semantic else "mask"
        with SplitTables(schema, self.work.names, root) as tables:
            for split, row in self._semantic_rows(rows) if self._is_semantic else self._instance_rows(rows):
                self._checksums[split] = _checksum(row["image"], row[column], self._checksums[split])
                tables.add(split, row)
        for split, written in self._checksums.items():
            found = 0
            for image, mask in tables.pairs(split, "image", column):
                found = _checksum(image, mask, found)
            if found != written:
                raise MaskError(f"split {split!r}: the rows read back are not those that were written.")
        self.tables = tables

    def _instance_rows(self, lines: RowList | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield a split and a row for each mask, measured on the PNG that it holds."""
        for member in self.work.rows():
            record = member.record
            if record.mask is None:
                continue
            png = record.mask.to_png()
            iou = likeness(record.mask, Mask.from_png(png) if record.area else record.mask)
            self.work.fidelity.add(record.position, iou)
            image = self._image(member)
            name = image["path"]
            if lines is not None:
                placed, _ = self._shelf.place(member)
                lines.add(member, placed, category=self.work.category(member))
            yield (
                member.split,
                {
                    "image": image,
                    "mask": {"bytes": png, "path": f"{name.rsplit('.', 1)[0]}-{record.annotation_id}.png"},
                    "label": None if member.is_negative else self._values[member.category],
                    "prompt": record.prompt,
                    "bbox": list(record.bbox_xywh),
                    "area": record.area,
                    "annotation_id": record.annotation_id,
                    "row": record.position,
                },
            )

    def _semantic_rows(self, lines: RowList | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield a split and a row for each image, measured on the PNG that it holds."""
        for rows in by_image(self.work.rows()):
            png = encode_label_map(label_map(rows, self._values, overlap=self._overlap), coloured=False)
            found = read_label_map(png)
            image = self._image(rows[-1])
            placed, _ = self._shelf.place(rows[-1])
            for row in rows:
                share = visible_share(row, self._values, found)
                self.work.fidelity.add(row.record.position, share)
                if lines is not None:
                    lines.add(row, placed, category=self.work.category(row), iou=round(share, 6))
            yield (
                rows[0].split,
                {
                    "image": image,
                    "label_map": {"bytes": png, "path": f"{placed.stem}.png"},
                },
            )

    def _image(self, member: Member) -> dict[str, Any]:
        picture = member.record.picture
        if picture is None:  # such rows are no members
            raise MaskError(f"Row {member.record.position} has no image.")
        placed, _ = self._shelf.place(member)
        data, suffix = picture.file()
        return {"bytes": data, "path": f"{placed.stem}{suffix}"}


def _checksum(image: dict[str, Any], mask: dict[str, Any], before: int) -> int:
    """Return the checksum of all rows up to this one."""
    return zlib.crc32(mask["bytes"], zlib.crc32(image["bytes"], before))


def _datasets() -> Any:
    try:
        import datasets  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise OptionError(
            "A DatasetDict in memory needs the package datasets: pip install samframe[hf]. "
            "With a folder as path it is not needed."
        ) from None
    return datasets


def _in_memory(library: Any, made: _Made) -> Any:
    """Return the tables as a DatasetDict."""
    found = library.DatasetDict()
    for split, name in made.work.names.items():
        if made.tables is not None:
            dataset = library.Dataset(library.table.InMemoryTable(made.tables.table(split)))
            dataset.info.description = str(made.work.report(""))
            found[name] = dataset
    return found


FORMAT = Format(
    name="hf",
    line="Parquet that datasets.load_dataset reads: exact, one row a mask (or an image, with --task semantic)",
    write=to_huggingface,
    flags=(
        Flag(name="task", choices=_TASKS, help="one row a mask, or one an image"),
        Flag(
            name="overlap",
            choices=OVERLAPS,
            help="of label maps: which mask is seen where several lie (default: smaller)",
        ),
    ),
)
