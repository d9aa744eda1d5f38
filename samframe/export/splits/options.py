"""What all exporters of training sets take: columns, splits, categories, what becomes of the images."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from samframe.errors import OptionError
from samframe.export.flags import Flag
from samframe.export.rows import RecordColumns
from samframe.export.splits.categories import check_categories
from samframe.export.splits.drawing import check_fractions
from samframe.export.splits.likeness import NEAR_DUPLICATE_BITS

if TYPE_CHECKING:
    import os

__all__ = ["SHARED_FLAGS", "ExportCall", "ExportOptions"]

_MOST_BITS = 63


class ExportOptions(TypedDict, total=False):
    """The keywords that all exporters of training sets share.

    split
        ``{"train": 0.8, "val": 0.2}``: fractions of the rows, met as closely as whole clusters allow. Or the name of a
        column with each row's split, such as :func:`samframe.split` makes. None: all rows are ``"train"``.
    seed
        Another one gives another draw.
    stratify
        A column; each of its values is divided by the fractions.
    group
        A column; rows of one value (a patient, a video) never straddle splits.
    near_duplicates
        Images whose perceptual hashes differ in at most so many of 63 bits never straddle splits; None compares the
        files' bytes only, and does not decode images.
    category_col
        Column of categories; None takes the prompt in lower case, its spaces collapsed, "object" where there is none.
    categories
        All categories in the order of their ids, or a mapping of names to ids such as ``{"cat": 17}``; None: by first
        appearance, so that a grown frame keeps them. A column of whole numbers names ids. YOLO and Hugging Face number
        classes from 0 without gaps, semantic maps from 1 to 255: other ids are refused there. A row whose mask is empty
        makes no category.
    image_col, prompt_col, mask_col
        Columns of the frame.
    image_root
        A folder that confines image paths; relative ones start there.
    paths
        ``"relative"``: absolute paths are told from `image_root` on, else from the folder on that all share;
        ``"absolute"`` keeps them.
    merge_images
        Whether files of equal bytes are one image of the export. By default each file is an image of its own.
    overwrite
        Whether an earlier export in the same folder is replaced. A folder that is none, or that holds files which the
        export did not write, is never touched.
    """

    split: Mapping[str, float] | Hashable | None
    seed: int
    stratify: Hashable | None
    group: Hashable | None
    near_duplicates: int | None
    category_col: Hashable | None
    categories: Sequence[str] | Mapping[str, int] | None
    image_col: Hashable
    prompt_col: Hashable | None
    mask_col: Hashable
    image_root: str | os.PathLike[str] | None
    paths: Literal["relative", "absolute"]
    merge_images: bool
    overwrite: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCall:
    """One export's options, checked. See :class:`ExportOptions`.

    Raises
    ------
    OptionError
        If one is wrong.
    """

    split: Mapping[str, float] | Hashable | None = None
    seed: int = 0
    stratify: Hashable | None = None
    group: Hashable | None = None
    near_duplicates: int | None = NEAR_DUPLICATE_BITS
    category_col: Hashable | None = None
    categories: Sequence[str] | Mapping[str, int] | None = None
    image_col: Hashable = "image"
    prompt_col: Hashable | None = "prompt"
    mask_col: Hashable = "mask"
    image_root: str | os.PathLike[str] | None = None
    paths: str = "relative"
    merge_images: bool = False
    overwrite: bool = True

    def __post_init__(self) -> None:
        if self.paths not in {"relative", "absolute"}:
            raise OptionError(f"paths is 'relative' or 'absolute', not {self.paths!r}.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise OptionError(f"seed is a whole number, not {self.seed!r}.")
        bits = self.near_duplicates
        if bits is not None and (
            isinstance(bits, bool) or not isinstance(bits, int) or not 0 <= bits <= _MOST_BITS
        ):
            raise OptionError(
                f"near_duplicates is a number of bits from 0 to {_MOST_BITS}, or None; not {bits!r}."
            )
        if isinstance(self.split, Mapping):
            object.__setattr__(self, "split", check_fractions(self.split))
        elif self.stratify is not None or self.group is not None:
            raise OptionError('stratify and group belong to split={"train": 0.8, "val": 0.2}.')
        if self.categories is not None:
            check_categories(self.categories)

    @property
    def fractions(self) -> dict[str, float] | None:
        """The fractions, where splits are to be made."""
        return dict(self.split) if isinstance(self.split, Mapping) else None

    @property
    def listed(self) -> dict[str, int | None] | None:
        """All categories and their numbers, where they are listed."""
        return None if self.categories is None else check_categories(self.categories)

    def columns(self, further: Sequence[Hashable] = ()) -> RecordColumns:
        """Return which columns the record stream reads."""
        named = (self.category_col, self.stratify, self.group, *further)
        extra = [name for name in named if name is not None]
        return RecordColumns(
            image=self.image_col,
            prompt=self.prompt_col,
            mask=self.mask_col,
            split=None if isinstance(self.split, Mapping) else self.split,
            extra=tuple(dict.fromkeys(extra)),
        )


def read_fractions(text: str) -> dict[str, float]:
    """Return ``train=.8,val=.2`` as a mapping.

    Raises
    ------
    OptionError
        If the text is none.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, share = part.partition("=")
        try:
            value = float(share)
        except ValueError:
            value = math.nan
        if not equals or not name.strip() or name.strip() in found or math.isnan(value):
            raise OptionError(f"{part!r} is no part of a split such as train=.8,val=.2")
        found[name.strip()] = value
    return found


def _read_bits(text: str) -> int | None:
    if text.lower() == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise OptionError(f"{text!r} is neither a number of bits nor none") from None


def _read_folder(text: str) -> Path:
    return Path(text).absolute()


def _column(name: str, flag: str, words: str) -> Flag:
    return Flag(name=name, flag=flag, metavar="COL", group=_COLUMNS, help=words)


_SPLITS, _COLUMNS = "splits", "columns and images"

#: The options of all exporters, as the command line has them.
SHARED_FLAGS = (
    Flag(
        name="split", kind=read_fractions, metavar="NAME=SHARE,...", group=_SPLITS,
        help="fractions of the rows, such as train=.8,val=.2; images, near-duplicates and groups stay together",
    ),
    Flag(
        name="split", flag="--split-col", metavar="COL", group=_SPLITS,
        help="a column with each row's split, in place of --split",
    ),
    Flag(name="seed", kind=int, metavar="N", group=_SPLITS, help="another one is another draw"),
    Flag(name="stratify", metavar="COL", group=_SPLITS, help="divide each value of this column by the fractions"),
    Flag(name="group", metavar="COL", group=_SPLITS, help="rows of one value never straddle splits"),
    Flag(
        name="near_duplicates", kind=_read_bits, metavar="BITS", group=_SPLITS,
        help="of 63 bits, how many near-duplicates' hashes may differ in; none compares bytes only",
    ),
    _column("category_col", "--category", "categories; without it the prompts, in lower case"),
    _column("image_col", "--image", "images"),
    _column("prompt_col", "--prompt", "prompts"),
    _column("mask_col", "--mask", "masks"),
    Flag(
        name="image_root", kind=_read_folder, metavar="DIR", group=_COLUMNS,
        help="refuse images outside this folder",
    ),
    Flag(
        name="paths", flag="--absolute-paths", const="absolute", group=_COLUMNS,
        help="tell absolute image paths in the output",
    ),
    Flag(
        name="merge_images", const=True, group=_COLUMNS,
        help="files of equal bytes are one image; by default each is an image of its own",
    ),
    Flag(
        name="overwrite", flag="--no-overwrite", const=False, group="output",
        help="refuse to replace an earlier training set",
    ),
)  # fmt: skip
