"""The first pass over the rows of an export: who takes part, in which split, with which category."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import ImageError, MaskError, OptionError
from samframe.export.files import RowColumn, Scratch
from samframe.export.rows import AnnotationIds, content_key, iter_records
from samframe.export.splits.categories import NO_NAME, Categories
from samframe.export.splits.links import Links, Numbers
from samframe.export.splits.names import ImageNames
from samframe.ground.engine import offline_warning

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Hashable, Iterator, Sequence

    import numpy.typing as npt
    import pandas as pd

    from samframe.export.rows import Record
    from samframe.export.splits.options import ExportCall

__all__ = ["Member", "Members", "find_members", "iter_members"]

#: The split of all rows where none is asked for.
ONLY_SPLIT = "train"

NOT_A_MEMBER = -1
#: The category of a row that shows none: its mask is empty.
NEGATIVE = -2
#: In place of what is known of a row that was not there.
_MORE = (-2, 0, 0, 0)
_MOST_TOLD = 5
_CHANGED = "The source changed while this export was reading it: it has other rows now. Export it again."


@dataclass(slots=True, kw_only=True)
class Members:
    """What the first pass found, that of each row on disk. Rows are known by their position in the source.

    Attributes
    ----------
    splits : list of str
        Names, in order.
    split : RowColumn
        Position in `splits` of each row, -1 for rows that are left out.
    categories : list of str
        Names, by first appearance or as they were listed.
    numbers : list of int or None
        The number of each category, None where the user has given none.
    category : RowColumn
        Position in `categories` of each row, -1 for rows that are left out, -2 for those whose mask is empty.
    names : ImageNames
        What images are called.
    images : Numbers or None
        The number of each image.
    image, content : RowColumn
        Number of each row's image, and of its bytes; -1 for rows that are left out.
    ids : AnnotationIds
        Gives the rows' ids.
    is_last : RowColumn
        1 for the last row of its image in its split.
    left_out : list of (int, str)
        Position and reason.
    warnings : list of str
    """

    splits: list[str] = field(default_factory=list)
    split: RowColumn = field(default_factory=RowColumn)
    categories: list[str] = field(default_factory=list)
    numbers: list[int] | None = None
    category: RowColumn = field(default_factory=RowColumn)
    names: ImageNames
    images: Numbers = field(default_factory=lambda: Numbers(Scratch().map()))
    content: RowColumn = field(default_factory=RowColumn)
    ids: AnnotationIds = field(default_factory=lambda: AnnotationIds(Scratch().map))
    image: RowColumn = field(default_factory=RowColumn)
    is_last: RowColumn = field(default_factory=RowColumn)
    left_out: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def class_numbers(self, *, first: int) -> list[int]:
        """Return the number of each category: the user's, else counted from `first`."""
        return self.numbers if self.numbers is not None else list(range(first, first + len(self.categories)))

    def ordered_names(self, kind: str) -> list[str]:
        """Return the names in the order of their numbers, for a format that counts its classes from 0.

        Raises
        ------
        OptionError
            If the user's numbers do not.
        """
        by_number = dict(zip(self.class_numbers(first=0), self.categories, strict=True))
        if sorted(by_number) != list(range(len(by_number))):
            shown = ", ".join(f"{name!r}: {number}" for number, name in sorted(by_number.items())[:5])
            raise OptionError(
                f"{kind} numbers its classes from 0 without gaps, and these are {{{shown}}}: list all names in their "
                "order as categories=[...], or make the column of categories one of names."
            )
        return [by_number[number] for number in range(len(by_number))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A row that takes part.

    Attributes
    ----------
    record : Record
    split : str
    category : int
        Position among the categories, -2 where the mask is empty.
    image_key : str
        What tells its image from others.
    is_last_of_image : bool
        Whether no later row of this split shows the same image.
    """

    record: Record
    split: str
    category: int
    image_key: str
    is_last_of_image: bool

    @property
    def is_negative(self) -> bool:
        """Whether the mask is empty: the row shows an image, and no object."""
        return self.category == NEGATIVE


def find_members(
    source: pd.DataFrame | str | os.PathLike[str],
    call: ExportCall,
    *,
    refuse: Callable[[Record], str | None] = lambda _: None,
    extra: Sequence[Hashable] = (),
) -> Members:
    """Go over all rows once: what each needs of the others is known afterwards.

    Parameters
    ----------
    source : DataFrame or path
        As for :func:`iter_records`.
    call : ExportCall
    refuse : callable
        Why a format cannot take a row, None where it can.
    extra : sequence of column names
        Further columns that the format reads, where they are there.

    Raises
    ------
    OptionError
        If a column is missing, a category is not listed, or no row can be exported.
    """
    names = ImageNames(paths=call.paths, image_root=call.image_root, merge=call.merge_images)
    members = Members(names=names)
    categories = Categories(call.listed, call.category_col)
    splits: dict[str, int] = {}
    links = Links()
    unprompted: list[int] = []
    offline = prompted = n_unprompted = 0
    for record in iter_records(
        source,
        columns=call.columns(extra),
        image_root=call.image_root,
        with_ids=False,
        note_in=members.ids,
    ):
        _check_cells(record, call)
        name = categories.name_of(record) if record.area else None
        reason = record.reason or refuse(record) or _lacks(record, call, name)
        if reason is not None:
            members.left_out.append((record.position, reason))
            for column in (members.split, members.category, members.image, members.content):
                column.append(NOT_A_MEMBER)
            continue
        offline += record.is_offline
        prompted += record.prompt is not None
        if record.prompt is None and call.category_col is None:
            n_unprompted += 1
            unprompted += [record.position] if n_unprompted <= _MOST_TOLD else []
        members.category.append(NEGATIVE if name is None else categories.position(name, record.position))
        members.split.append(
            0 if call.fractions else splits.setdefault(record.split or ONLY_SPLIT, len(splits))
        )
        n_images = len(members.images)
        number = members.images.give(names.key(record))
        if number == n_images:
            names.note(record)
        members.image.append(number)
        members.content.append(_add_links(links, record, call))
    if not len(links):
        raise OptionError(f"No row can be exported. {_first_reason(members)}")
    members.categories, members.numbers, members.splits = categories.names, categories.numbers, list(splits)
    if call.fractions:
        _draw_splits(members, links, call, call.fractions)
    _note_images(members)
    members.warnings += [offline_warning(offline)] if offline else []
    if unprompted and (prompted or _has_column(source, call.prompt_col)):
        members.warnings.append(_told_unprompted(n_unprompted, unprompted))
    return members


def iter_members(
    source: pd.DataFrame | str | os.PathLike[str],
    call: ExportCall,
    members: Members,
    *,
    open_pictures: bool = True,
    extra: Sequence[Hashable] = (),
) -> Iterator[Member]:
    """Yield the rows that take part, in order; without pictures they have no annotation ids.

    Raises
    ------
    ImageError
        If an image is another one than in the first pass.
    MaskError
        If there are more rows, or fewer.
    """
    stream = iter_records(
        source,
        columns=call.columns(extra),
        image_root=call.image_root,
        open_pictures=open_pictures,
        with_ids=open_pictures,
        ids=members.ids if open_pictures else None,
    )
    known = zip(members.split, members.category, members.image, members.is_last, strict=True)
    for record in stream:
        split, category, image, is_last = next(known, _MORE)
        if split == _MORE[0]:
            raise MaskError(_CHANGED)
        if split == NOT_A_MEMBER:
            continue
        key = members.names.key(record) if open_pictures else ""
        if open_pictures and members.images.find(key) != image:
            raise ImageError(f"Row {record.position}: its image changed since this export had read it.")
        yield Member(
            record=record,
            split=members.splits[split],
            category=category,
            image_key=key,
            is_last_of_image=bool(is_last),
        )
    if next(known, None) is not None:
        raise MaskError(_CHANGED)


def _add_links(links: Links, record: Record, call: ExportCall) -> int:
    return links.add(
        image=content_key(record),
        picture=record.picture if call.fractions and call.near_duplicates is not None else None,
        group=record.cells.get(call.group) if call.group is not None else None,
        stratum=record.cells.get(call.stratify) if call.stratify is not None else None,
    )


def _draw_splits(members: Members, links: Links, call: ExportCall, fractions: dict[str, float]) -> None:
    found, warnings = links.draw(
        fractions,
        seed=call.seed,
        near_duplicates=call.near_duplicates,
        is_stratified=call.stratify is not None,
    )
    members.splits = list(fractions)
    drawn, split = iter(found), RowColumn()
    for at in members.split:
        split.append(at if at == NOT_A_MEMBER else next(drawn))
    members.split = split
    members.warnings += warnings


def _note_images(members: Members) -> None:
    """Note the last row of each image in each split, and warn where an image is in several."""
    n_images = len(members.images)
    shown = np.empty(0, np.int64)
    for split, image in zip(members.split.blocks(), members.image.blocks(), strict=True):
        shown = np.union1d(shown, (split.astype(np.int64) * n_images + image)[split != NOT_A_MEMBER])
    last, start = np.zeros(len(shown), np.int64), 0
    for at in _places(members, shown, n_images):
        rows = start + np.arange(len(at))
        last[at[at != NOT_A_MEMBER]] = rows[at != NOT_A_MEMBER]  # of rows of one image numpy keeps the last
        start += len(at)
    start = 0
    for at in _places(members, shown, n_images):
        members.is_last.extend((at != NOT_A_MEMBER) & (last[at] == start + np.arange(len(at))))
        start += len(at)
    straddling = _count_straddling(members)
    if straddling:
        members.warnings.append(
            f"{straddling:,} images are in more than one split: what is measured on one has been seen in another."
        )


def _count_straddling(members: Members) -> int:
    """Return how many images, by their bytes, are in several splits."""
    n_splits, met = len(members.splits), np.empty(0, np.int64)
    for split, content in zip(members.split.blocks(), members.content.blocks(), strict=True):
        met = np.union1d(met, (content.astype(np.int64) * n_splits + split)[split != NOT_A_MEMBER])
    return int(np.count_nonzero(np.bincount(met // n_splits) > 1))


def _places(
    members: Members, shown: npt.NDArray[np.int64], n_images: int
) -> Iterator[npt.NDArray[np.integer]]:
    """Yield where the split and image of each row are among all, -1 for rows that are left out."""
    for split, image in zip(members.split.blocks(), members.image.blocks(), strict=True):
        found = np.searchsorted(shown, split.astype(np.int64) * n_images + image)
        yield np.where(split == NOT_A_MEMBER, NOT_A_MEMBER, found)


def _lacks(record: Record, call: ExportCall, category: str | None) -> str | None:
    if record.picture is None:
        return "no image: the column of images is named with image_col"
    if category is None and record.area:
        return f"no category in column {call.category_col!r}"
    if not call.fractions and call.split is not None and record.split is None:
        return f"no split in column {call.split!r}"
    return None


def _check_cells(record: Record, call: ExportCall) -> None:
    for name in (call.category_col, call.stratify, call.group):
        if name is not None and name not in record.cells:
            raise OptionError(f"There is no column {name!r}.")


def _has_column(source: object, name: Hashable | None) -> bool:
    return name is not None and name in getattr(source, "columns", ())


def _told_unprompted(count: int, first: list[int]) -> str:
    """Return what is told of rows without a prompt."""
    which = ", ".join(map(str, first)) + (", ..." if count > len(first) else "")
    return (
        f"{count:,} rows have no prompt (rows {which}): where their masks are not empty, their category is "
        f"{NO_NAME!r}; category_col names a column of others."
    )


def _first_reason(members: Members) -> str:
    if not members.left_out:
        return "There are no rows."
    position, reason = members.left_out[0]
    return f"Row {position}: {reason}."
