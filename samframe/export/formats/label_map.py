"""Label maps: one number a pixel, several masks of an image laid over each other by a stated rule."""

from __future__ import annotations

import functools
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from samframe.errors import OptionError
from samframe.export.files import Scratch
from samframe.export.formats.folder import plain_label
from samframe.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from samframe.export.splits import Member, Members

__all__ = [
    "MOST_CATEGORIES",
    "OVERLAPS",
    "Overlap",
    "by_image",
    "check_overlap",
    "class_values",
    "encode_label_map",
    "label_map",
    "palette",
    "read_label_map",
    "visible_share",
]

Overlap = Literal["smaller", "larger", "last", "first"]
OVERLAPS: tuple[str, ...] = ("smaller", "larger", "last", "first")

#: Categories that 8 bits tell apart, beside the background's 0.
MOST_CATEGORIES = 255

LabelMap = npt.NDArray[np.uint8]


def check_overlap(overlap: str, categories: Collection[str]) -> None:
    """Refuse a rule that is none, and more categories than a label map tells apart.

    Raises
    ------
    OptionError
    """
    if overlap not in OVERLAPS:
        raise OptionError(f"overlap is one of {', '.join(map(repr, OVERLAPS))}; not {overlap!r}.")
    if len(categories) > MOST_CATEGORIES:
        raise OptionError(
            f"A label map tells {MOST_CATEGORIES} categories apart, and there are {len(categories):,}: "
            "name a column of fewer with category_col, or write instances."
        )


def class_values(members: Members, *, overlap: str) -> list[int]:
    """Return the pixel value of each category: the user's number, else its position from 1.

    Raises
    ------
    OptionError
        If a number is not from 1 to 255.
    """
    check_overlap(overlap, members.categories)
    values = members.class_numbers(first=1)
    for value, name in zip(values, members.categories, strict=True):
        if not 0 < value <= MOST_CATEGORIES:
            raise OptionError(
                f"A label map has values from 1 to {MOST_CATEGORIES} beside 0, its background, and the category "
                f"{name!r} is {value}: list the names in their order as categories=[...], or give other numbers."
            )
    return values


def by_image(members: Iterator[Member]) -> Iterator[list[Member]]:
    """Yield the rows of each image of a split together, as soon as its last one is known.

    The others wait on disk meanwhile. Of the frame's cells, they come back with those of the last row.
    """
    waiting = Scratch().map()
    for member in members:
        at = f"{member.split}\0{member.image_key}"
        count = waiting.get(at, 0)
        if not member.is_last_of_image:
            waiting[f"{at}\0{count}"] = _packed(member)
            waiting[at] = count + 1
            continue
        yield [
            *(_unpacked(waiting.pop(f"{at}\0{number}"), member) for number in range(count)),
            member,
        ]


def _packed(member: Member) -> str:
    """Return what a label map and its list of rows need of a row, as text."""
    record, mask = member.record, member.record.mask
    return json.dumps(
        [
            record.position,
            plain_label(record.label),
            record.annotation_id,
            None if mask is None else mask.to_coco(),
            record.area,
            member.category,
        ]
    )


def _unpacked(text: str, last: Member) -> Member:
    """Return the row of a text; what it shares with the last row of its image is taken from there."""
    position, label, annotation_id, mask, area, category = json.loads(text)
    record = replace(
        last.record,
        position=position,
        label=label,
        annotation_id=annotation_id,
        mask=None if mask is None else Mask.from_coco(mask),
        area=area,
    )
    return replace(last, record=record, category=category, is_last_of_image=False)


def label_map(rows: Sequence[Member], values: Sequence[int], *, overlap: str) -> LabelMap:
    """Return the label map of an image: 0 is background.

    Parameters
    ----------
    rows : sequence of Member
        Rows of one image; each has a mask.
    values : sequence of int
        The value of each category.
    overlap : {"smaller", "larger", "last", "first"}
        Which mask is seen where several lie. Of equal ones the later row.

    Returns
    -------
    ndarray of uint8, shape (H, W)
    """
    order = {
        "smaller": lambda row: (-row.record.area, row.record.position),
        "larger": lambda row: (row.record.area, row.record.position),
        "last": lambda row: row.record.position,
        "first": lambda row: -row.record.position,
    }[overlap]
    found = np.zeros(rows[0].record.size_hw or (0, 0), dtype=np.uint8)
    for row in sorted(rows, key=order):
        if row.record.mask is not None and not row.is_negative:
            found[row.record.mask.to_numpy()] = values[row.category]
    return found


def visible_share(row: Member, values: Sequence[int], found: LabelMap) -> float:
    """Return the IoU of a row's mask with the pixels of it that a label map gives to its category."""
    mask = row.record.mask
    if mask is None or found.shape != mask.size_hw:
        return 0.0
    if row.is_negative:
        return 1.0
    return int(np.count_nonzero(found[mask.to_numpy()] == values[row.category])) / row.record.area


def encode_label_map(found: LabelMap, *, coloured: bool) -> bytes:
    """Return a label map as an 8-bit PNG file; with a palette if it is to be looked at."""
    from PIL import Image  # noqa: PLC0415 - samframe starts without it

    picture = Image.fromarray(found)
    if coloured:
        picture.putpalette(palette().ravel().tolist())
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def read_label_map(data: bytes) -> LabelMap:
    """Return the numbers of a label map's PNG file, uint8 of shape (H, W)."""
    from PIL import Image  # noqa: PLC0415 - samframe starts without it

    with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
        return np.array(picture, dtype=np.uint8)


@functools.cache
def palette() -> npt.NDArray[np.uint8]:
    """Return the colours of Pascal VOC's label maps, RGB, uint8 of shape (256, 3): bits dealt to the three in turn."""
    numbers = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((numbers >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return colours
