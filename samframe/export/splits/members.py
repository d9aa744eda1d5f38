"""The first pass over the rows of an export: who takes part, in which split, with which category."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from samframe._cells import text_or_none
from samframe._engine import offline_warning
from samframe.errors import ImageError, MaskError, OptionError
from samframe.export.files import RowColumn
from samframe.export.rows import iter_records
from samframe.export.splits.links import Links

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    import pandas as pd

    from samframe.export.rows import Record
    from samframe.export.splits.links import Numbers
    from samframe.export.splits.options import ExportCall

__all__ = ["Member", "Members", "find_members", "image_key", "iter_members"]

#: The split of all rows where none is asked for.
ONLY_SPLIT = "train"
_NO_CATEGORY = "object"

NOT_A_MEMBER = -1
#: In place of what is known of a row that was not there.
_MORE = (-2, 0, 0, 0)
_CHANGED = "The source changed while this export was reading it: it has other rows now. Export it again."


@dataclass(slots=True)
class Members:
    """What the first pass found, that of each row on disk. Rows are known by their position in the source.

    Attributes
    ----------
    splits : list of str
        Names, in order.
    split : RowColumn
        Position in `splits` of each row, -1 for rows that are left out.
    categories : list of str
        Names, in the order of their ids.
    category : RowColumn
        Position in `categories` of each row, -1 for rows that are left out.
    images : Numbers or None
        The number of each image.
    image : RowColumn
        Number of each row's image, -1 for rows that are left out.
    is_last : RowColumn
        1 for the last row of its image in its split.
    left_out : list of (int, str)
        Position and reason.
    warnings : list of str
    """

    splits: list[str] = field(default_factory=list)
    split: RowColumn = field(default_factory=RowColumn)
    categories: list[str] = field(default_factory=list)
    category: RowColumn = field(default_factory=RowColumn)
    images: Numbers | None = None
    image: RowColumn = field(default_factory=RowColumn)
    is_last: RowColumn = field(default_factory=RowColumn)
    left_out: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A row that takes part.

    Attributes
    ----------
    record : Record
    split : str
    category : int
        Position among the categories.
    is_last_of_image : bool
        Whether no later row of this split shows the same image.
    """

    record: Record
    split: str
    category: int
    is_last_of_image: bool


def find_members(
    source: pd.DataFrame | str | os.PathLike[str],
    call: ExportCall,
    *,
    refuse: Callable[[Record], str | None] = lambda _: None,
) -> Members:
    """Go over all rows once: what each needs of the others is known afterwards.

    Parameters
    ----------
    source : DataFrame or path
        As for :func:`iter_records`.
    call : ExportCall
    refuse : callable
        Why a format cannot take a row, None where it can.

    Raises
    ------
    OptionError
        If a column is missing, a category is not listed, or no row can be exported.
    """
    members = Members(categories=list(call.categories or ()))
    known = {name: at for at, name in enumerate(members.categories)}
    splits: dict[str, int] = {}
    links = Links()
    offline = 0
    for record in iter_records(source, columns=call.columns(), image_root=call.image_root, with_ids=False):
        _check_cells(record, call)
        category = _category(record, call)
        reason = record.reason or refuse(record) or _lacks(record, call, category)
        if reason is not None or category is None:
            members.left_out.append((record.position, reason or ""))
            for column in (members.split, members.category, members.image):
                column.append(NOT_A_MEMBER)
            continue
        if call.categories is not None and category not in known:
            raise OptionError(f"Row {record.position}: its category {category!r} is not among categories.")
        offline += record.is_offline
        members.category.append(known.setdefault(category, len(known)))
        members.split.append(
            0 if call.fractions else splits.setdefault(record.split or ONLY_SPLIT, len(splits))
        )
        members.image.append(_add_links(links, record, call))
    if not len(links):
        raise OptionError(f"No row can be exported. {_first_reason(members)}")
    members.categories, members.splits, members.images = list(known), list(splits), links.names
    if call.fractions:
        _draw_splits(members, links, call, call.fractions)
    _note_images(members)
    members.warnings += [offline_warning(offline)] if offline else []
    members.categories, members.splits = call.shown(members.categories), call.shown(members.splits)
    return members


def iter_members(
    source: pd.DataFrame | str | os.PathLike[str],
    call: ExportCall,
    members: Members,
    *,
    open_pictures: bool = True,
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
        columns=call.columns(),
        image_root=call.image_root,
        open_pictures=open_pictures,
        with_ids=open_pictures,
    )
    known = zip(members.split, members.category, members.image, members.is_last, strict=True)
    for record in stream:
        split, category, image, is_last = next(known, _MORE)
        if split == _MORE[0]:
            raise MaskError(_CHANGED)
        if split == NOT_A_MEMBER:
            continue
        if open_pictures and members.images is not None and members.images.find(image_key(record)) != image:
            raise ImageError(f"Row {record.position}: its image changed since this export had read it.")
        yield Member(
            record=record, split=members.splits[split], category=category, is_last_of_image=bool(is_last)
        )
    if next(known, None) is not None:
        raise MaskError(_CHANGED)


def image_key(record: Record) -> str:
    """Return what tells images apart: the digest of the bytes, or a URL."""
    picture = record.picture
    return picture.sha256 if picture is not None and picture.sha256 is not None else f"url:{record.image}"


def _add_links(links: Links, record: Record, call: ExportCall) -> int:
    return links.add(
        image=image_key(record),
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
    n_images = len(members.images or ())
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
    straddling = int(np.count_nonzero(np.bincount(shown % n_images) > 1))
    if straddling:
        members.warnings.append(
            f"{straddling:,} images are in more than one split: what is measured on one has been seen in another."
        )


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
    if category is None:
        return f"no category in column {call.category_col!r}"
    if not call.fractions and call.split is not None and record.split is None:
        return f"no split in column {call.split!r}"
    return None


def _check_cells(record: Record, call: ExportCall) -> None:
    for name in (call.category_col, call.stratify, call.group):
        if name is not None and name not in record.cells:
            raise OptionError(f"There is no column {name!r}.")


def _category(record: Record, call: ExportCall) -> str | None:
    """Return the category's name, None where a column of categories has none."""
    if call.category_col is not None:
        return _plain(text_or_none(record.cells.get(call.category_col)) or "") or None
    return _plain(record.prompt or "").lower() or _NO_CATEGORY


def _plain(text: str) -> str:
    """Return a text in one line and one normal form, without what does not print."""
    normal = unicodedata.normalize("NFC", text)
    return " ".join("".join(letter if letter.isprintable() else " " for letter in normal).split())


def _first_reason(members: Members) -> str:
    if not members.left_out:
        return "There are no rows."
    position, reason = members.left_out[0]
    return f"Row {position}: {reason}."
