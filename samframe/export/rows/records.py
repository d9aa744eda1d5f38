"""The one stream of rows that all exporters read: what each row holds, and why one cannot be exported."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pandas as pd

from samframe.errors import MaskError, OptionError
from samframe.export.files import Scratch
from samframe.export.rows.annotation_ids import AnnotationIds
from samframe.export.rows.batches import Batch, iter_batches
from samframe.export.rows.pictures import Picture, PictureReader
from samframe.export.rows.tables import ANNOTATION_ID, ORIGIN
from samframe.ground.cells import text_or_none
from samframe.ground.engine import is_offline
from samframe.ground.frame import image_cells, remembered
from samframe.ground.status import RowStatus
from samframe.masks import Mask, MaskArray
from samframe.masks.columns import measures as _columns

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from samframe.export.files import PathBase

__all__ = [
    "Record",
    "RecordColumns",
    "image_name",
    "iter_records",
]

#: Whole numbers below this survive JSON readers that have only floats.
_TOO_LARGE = 2**53
#: Statuses of rows whose mask, where there is one, is no result.
_NO_RESULT = frozenset(status.value for status in RowStatus if not status.is_result)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordColumns:
    """Which columns hold what; those besides the mask may be missing from the frame.

    Attributes
    ----------
    image, prompt, mask, status, error, engine : column name or None
        What :func:`samframe.segment` writes and reads, by its default names.
    points : tuple of column names
        Columns of coordinates; they tell rows of one image and prompt apart.
    split : column name or None
        Column with the name of each row's split.
    extra : tuple of column names
        Further columns, handed through in :attr:`Record.cells`.
    """

    image: Hashable | None = "image"
    prompt: Hashable | None = "prompt"
    mask: Hashable = "mask"
    status: Hashable | None = "status"
    error: Hashable | None = "error"
    engine: Hashable | None = "engine"
    points: tuple[Hashable, ...] = ()
    split: Hashable | None = None
    extra: tuple[Hashable, ...] = ()

    def noted_in(self, df: pd.DataFrame) -> RecordColumns:
        """Return the columns, default names by the names that :func:`samframe.segment` noted."""
        roles = ("image", "prompt", "mask", "status", "error", "engine")
        return replace(self, **{role: remembered(df, role, getattr(self, role)) for role in roles})

    def wanted(self) -> list[Hashable]:
        """Return all columns that are named, each once."""
        named = (self.image, self.prompt, self.mask, self.status, self.error, self.engine, self.split)
        every = [name for name in (*named, *self.points, *self.extra) if name is not None]
        return list(dict.fromkeys(every))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row.

    Attributes
    ----------
    position : int
        Place in the source, from 0.
    label : Hashable
        Index label, None where the source has only a range.
    annotation_id : int
        The row's own id, the same at the next export; see :class:`AnnotationIds`.
    image : object
        The image cell as it is.
    origin : object
        The image cell as the user's frame had it, where `image` is a dataset's own copy; else `image`.
    picture : Picture or None
        Its image; None where it cannot be read or was not asked for.
    prompt : str or None
        The prompt, as text.
    mask : Mask or None
        None where missing.
    area : int
        Pixels of the mask, 0 where missing.
    bbox_xywh : (int, int, int, int)
        Tight box in pixels, zeros where missing or empty.
    status, error, engine, split : str or None
        As their columns have them.
    cells : mapping
        Cells of the further columns.
    reason : str or None
        Why the row cannot be exported, in words; None where it can.
    """

    position: int
    label: Hashable
    annotation_id: int
    image: object
    picture: Picture | None
    prompt: str | None
    mask: Mask | None
    area: int = 0
    bbox_xywh: tuple[int, int, int, int] = (0, 0, 0, 0)
    status: str | None = None
    error: str | None = None
    engine: str | None = None
    split: str | None = None
    cells: Mapping[Hashable, Any] = field(default_factory=dict)
    reason: str | None = None
    origin: object = None

    @property
    def size_hw(self) -> tuple[int, int] | None:
        """Height and width of the mask's raster, else of the picture, else None."""
        if self.mask is not None:
            return self.mask.size_hw
        return self.picture.size_hw if self.picture is not None else None

    @property
    def is_offline(self) -> bool:
        """Whether the mask is from the offline engine, and not from SAM 2."""
        return is_offline(self.engine)


def iter_records(
    source: pd.DataFrame | str | os.PathLike[str],
    *,
    columns: RecordColumns | None = None,
    image_root: str | os.PathLike[str] | None = None,
    open_pictures: bool = True,
    with_ids: bool = True,
    ids: AnnotationIds | None = None,
    note_in: AnnotationIds | None = None,
    batch_rows: int = 1024,
) -> Iterator[Record]:
    """Yield each row in order, those that cannot be exported too, with the reason.

    Memory holds one batch at a time. A dataset has its rows' ids with it; of other files, what is needed to give ids
    that are unique is kept on disk, and the rows are read twice unless `ids` has been told what they ask for.

    Parameters
    ----------
    source : DataFrame or path
        A frame, a Parquet file, or a dataset's folder.
    columns : RecordColumns, optional
        Which columns hold what.
    image_root : path, optional
        A folder that confines image paths; relative ones start there.
    open_pictures : bool
        Whether to look at the images: their size must be that of the mask.
    with_ids : bool
        Whether rows get their annotation ids; else they are 0.
    ids : AnnotationIds, optional
        Gives the ids; it has noted all rows.
    note_in : AnnotationIds, optional
        Told what each row asks for.
    batch_rows : int
        Rows taken at a time.

    Raises
    ------
    OptionError
        If the mask's column is missing or holds no masks, or the source is none of these.
    MaskError
        If a file is damaged.
    FileNotFoundError
        If there is no such file.
    """
    names = columns or RecordColumns()
    if isinstance(source, pd.DataFrame):
        names = names.noted_in(source)
    reader = PictureReader(image_root)
    if with_ids and ids is None:
        ids = AnnotationIds(dict if isinstance(source, pd.DataFrame) else Scratch().map)
        for _ in iter_records(
            source,
            columns=names,
            image_root=image_root,
            open_pictures=open_pictures,
            with_ids=False,
            note_in=ids,
            batch_rows=batch_rows,
        ):
            pass
    for batch in iter_batches(source, [*names.wanted(), ANNOTATION_ID], batch_rows=batch_rows):
        yield from _records_of(batch, names, reader if open_pictures else None, ids, note_in)


def _records_of(
    batch: Batch,
    names: RecordColumns,
    reader: PictureReader | None,
    ids: AnnotationIds | None,
    note_in: AnnotationIds | None,
) -> Iterator[Record]:
    masks = _mask_array(batch.frame, names.mask)
    areas = _columns.areas(masks.pool, masks.positions).tolist()
    boxes = _columns.bboxes(masks.pool, masks.positions).tolist()
    lists = {name: batch.frame[name].tolist() for name in names.wanted() if name in batch.frame.columns}
    if names.image in lists:
        lists[names.image] = image_cells(batch.frame, names.image)
    labels = batch.frame.index.tolist() if batch.has_labels else None
    given = batch.frame[ANNOTATION_ID].tolist() if ANNOTATION_ID in batch.frame.columns else None
    origins = batch.frame[ORIGIN].tolist() if ORIGIN in batch.frame.columns else None
    # A frame without a column of engines knows them all the same: what may be offline is told as offline.
    engines = batch.frame.attrs.get("samframe_engines", ())
    fallback = next((engine for engine in engines if is_offline(engine)), None)
    for at, mask in enumerate(masks):
        row = {name: column[at] for name, column in lists.items()}
        image, prompt = row.get(names.image), text_or_none(row.get(names.prompt))
        picture = reader.open(image) if reader is not None and names.image in lists else None
        found = mask if isinstance(mask, Mask) else None
        status, error = text_or_none(row.get(names.status)), text_or_none(row.get(names.error))
        points = [row.get(name) for name in names.points]
        number = None if given is None else _given_id(given[at])
        if note_in is not None and number is None:
            note_in.note(image_name(image, picture), prompt, *points)
        if ids is not None and number is None:
            number = ids.give(image_name(image, picture), prompt, *points, mask=found)
        yield Record(
            position=batch.start + at,
            label=None if labels is None else labels[at],
            annotation_id=number or 0,
            image=image,
            picture=picture if isinstance(picture, Picture) else None,
            prompt=prompt,
            mask=found,
            area=areas[at],
            bbox_xywh=tuple(boxes[at]),
            status=status,
            error=error,
            engine=text_or_none(row.get(names.engine)) if names.engine in lists else fallback,
            split=text_or_none(row.get(names.split)),
            cells={name: row[name] for name in names.extra if name in row},
            reason=_reason(found, picture, status, error),
            origin=image if origins is None else origins[at],
        )


def _given_id(cell: object) -> int | None:
    """Return the id that a row brings with it, None where it has none that is one."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return cell if isinstance(cell, int) and not isinstance(cell, bool) and 0 < cell < _TOO_LARGE else None


def image_name(cell: object, picture: Picture | str | None, base: PathBase | None = None) -> str:
    """Return what stands for an image in an annotation's id: its path as it is stored, or the digest of its bytes."""
    if isinstance(cell, str | PurePath):
        return base.relative(str(cell)) if base is not None and os.path.isabs(cell) else str(cell)  # noqa: PTH117 - may be text
    if isinstance(cell, bytes | bytearray | memoryview):
        return hashlib.sha256(cell).hexdigest()
    if isinstance(picture, Picture) and picture.sha256 is not None:
        return picture.sha256
    return ""


def _mask_array(frame: pd.DataFrame, name: Hashable) -> MaskArray:
    if name not in frame.columns:
        raise OptionError(f"There is no column {name!r} of masks: name it, for example mask_col='mask'.")
    array = frame[name].array
    if isinstance(array, MaskArray):
        return array
    try:
        return MaskArray._from_sequence(array)  # noqa: SLF001 - pandas' own constructor
    except (MaskError, TypeError, ValueError) as error:
        raise OptionError(f"The column {name!r} holds no masks: {error}") from error


def _reason(
    mask: Mask | None, picture: Picture | str | None, status: str | None, error: str | None
) -> str | None:
    """Return why a row cannot be exported, None where it can."""
    if mask is None or status in _NO_RESULT:
        words = f"no mask (status {status})" if status else "no mask"
        return f"{words}: {error}" if error else words
    if isinstance(picture, str):
        return f"the image cannot be read: {picture}"
    if picture is not None and picture.size_hw is not None and picture.size_hw != mask.size_hw:
        (height, width), (mask_height, mask_width) = picture.size_hw, mask.size_hw
        return (
            f"the mask is {mask_width} x {mask_height} px, the image {picture.label} {width} x {height}: "
            "bring them to one size, for example with .sam.resize"
        )
    return None
