"""What all exporters of training sets take: columns, splits, categories, what becomes of the images."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

from samframe.errors import OptionError
from samframe.export.rows import RecordColumns, quote_json
from samframe.export.splits.drawing import check_fractions
from samframe.export.splits.likeness import NEAR_DUPLICATE_BITS

if TYPE_CHECKING:
    import os

__all__ = ["ExportCall", "ExportOptions", "shows_options"]

F = TypeVar("F", bound=Callable[..., Any])

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
        All categories in the order of their ids; None: by first appearance, so that a grown frame keeps them.
    image_col, prompt_col, mask_col
        Columns of the frame.
    image_root
        A folder that confines image paths; relative ones start there.
    paths
        ``"relative"``: absolute paths are cut to the file's name wherever a source is told; ``"absolute"`` keeps them.
    quote_formulas
        Whether text of the frame that a spreadsheet would calculate (``=1+1``, ``@SUM``) gets an apostrophe in front:
        categories, splits, prompts, labels and sources, in every file. False leaves names as trainers match them.
    overwrite
        Whether an earlier export in the same folder is replaced. A folder that is none is never touched.
    """

    split: Mapping[str, float] | Hashable | None
    seed: int
    stratify: Hashable | None
    group: Hashable | None
    near_duplicates: int | None
    category_col: Hashable | None
    categories: Sequence[str] | None
    image_col: Hashable
    prompt_col: Hashable | None
    mask_col: Hashable
    image_root: str | os.PathLike[str] | None
    paths: Literal["relative", "absolute"]
    quote_formulas: bool
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
    categories: Sequence[str] | None = None
    image_col: Hashable = "image"
    prompt_col: Hashable | None = "prompt"
    mask_col: Hashable = "mask"
    image_root: str | os.PathLike[str] | None = None
    paths: str = "relative"
    quote_formulas: bool = False
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
            listed = tuple(self.categories)
            if isinstance(self.categories, str) or not listed or len(set(listed)) < len(listed):
                raise OptionError(f"categories is a list of distinct names, not {self.categories!r}.")
            object.__setattr__(self, "categories", listed)

    @property
    def fractions(self) -> dict[str, float] | None:
        """The fractions, where splits are to be made."""
        return dict(self.split) if isinstance(self.split, Mapping) else None

    def shown(self, value: Any) -> Any:
        """Return what JSON holds as it is written: its texts quoted where formulas are to be."""
        return quote_json(value) if self.quote_formulas else value

    def columns(self) -> RecordColumns:
        """Return which columns the record stream reads."""
        extra = [name for name in (self.category_col, self.stratify, self.group) if name is not None]
        return RecordColumns(
            image=self.image_col,
            prompt=self.prompt_col,
            mask=self.mask_col,
            split=None if isinstance(self.split, Mapping) else self.split,
            extra=tuple(dict.fromkeys(extra)),
        )


def shows_options(function: F) -> F:
    """Show the shared options in a function's signature, for ``help()`` and the notebook's tooltips."""
    given = inspect.signature(function)
    own = [
        parameter for parameter in given.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD
    ]
    shared = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option.default if option.default is not MISSING else inspect.Parameter.empty,
            annotation=option.type,
        )
        for option in fields(ExportCall)
    ]
    function.__signature__ = given.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]  # inspect reads it
    return function
