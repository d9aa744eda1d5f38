"""The images of a training set: each has one safe name, and is copied once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from samframe.export.files import Scratch, safe_name

if TYPE_CHECKING:
    from pathlib import Path

    from samframe.export.files import ScratchMap
    from samframe.export.rows import Record
    from samframe.export.splits import ImageNames, Member

__all__ = ["Placed", "Shelf", "number_of", "refuse_url"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An image's place in the folder.

    Attributes
    ----------
    stem, suffix : str
        Name of the file within its folder.
    number : int
        The image's id, the same at the next export.
    size_hw : (int, int)
        Height and width in pixels.
    source : str or None
        What the cell says of where it came from.
    """

    stem: str
    suffix: str
    number: int
    size_hw: tuple[int, int]
    source: str | None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.stem + self.suffix


class Shelf:
    """Gives each image of a split one safe name, and copies it there once.

    Parameters
    ----------
    folders : mapping of str to Path, or None
        Where the images of each split go; None copies nothing.
    names : ImageNames
        What images are called.
    """

    def __init__(self, folders: dict[str, Path] | None, names: ImageNames) -> None:
        self._folders = folders
        self._names = names
        scratch = Scratch()
        self._placed, self._numbers = scratch.map(), scratch.map()
        self._new_names = scratch.map
        self._taken: dict[str, ScratchMap] = {}

    def place(self, member: Member) -> tuple[Placed, bool]:
        """Return an image's place, and whether it is new.

        Raises
        ------
        ImageError
            If the image can no longer be read, or is another one than before.
        """
        record, split = member.record, member.split
        at = f"{split}\0{member.image_key}"
        known = self._placed.get(at)
        if known is not None:
            return Placed(**json.loads(known)), False
        picture = record.picture
        data, suffix = b"", picture.suffix if picture is not None else ""
        if picture is not None and not picture.is_reference and self._folders is not None:
            data, suffix = picture.file()
        placed = self._new(member, suffix)
        if data and self._folders is not None:
            (self._folders[split] / placed.name).write_bytes(data)
        self._placed[at] = json.dumps(asdict(placed))
        return placed, True

    def _new(self, member: Member, suffix: str) -> Placed:
        record, split = member.record, member.split
        if split not in self._taken:
            self._taken[split] = self._new_names()
        # Stems are unique, whatever the suffix: labels and masks are named after them.
        stem = safe_name(self._names.stem(record), taken=self._taken[split])
        number, own = (
            number_of(self._names.number_text(record)),
            member.image_key.encode("utf-8", "surrogatepass"),
        )
        while self._numbers.setdefault(number, own) != own:
            number += 1
        return Placed(
            stem=stem,
            suffix=suffix or PurePosixPath(str(record.image).split("?")[0]).suffix[:6],
            number=number,
            size_hw=record.size_hw or (0, 0),
            source=self._names.told(record),
        )


def refuse_url(record: Record) -> str | None:
    """Return why a format that needs the image itself cannot take a row, None where it can."""
    if record.picture is not None and record.picture.is_reference:
        return "its image is a URL, which samframe does not download: download it and give its path"
    return None


def number_of(text: str) -> int:
    """Return an id made of a text: from 1 to 2**53 - 1, which survive JSON readers that have only floats."""
    return (
        int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 11
    ) or 1
