"""Columns in: rows become distinct jobs, or the reason why one cannot be sent. Positions count, the index does not."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from samframe.errors import ImageError, OptionError
from samframe.frame.cells.boxes import BoxFormat, read_boxes, why_not_on
from samframe.frame.cells.hints import missing_column
from samframe.frame.cells.points import read_points
from samframe.frame.cells.refusals import LONGEST_PROMPT, why_no_image, why_no_prompt
from samframe.ground.cells import is_missing
from samframe.ground.frame import has_column
from samframe.jobs import Boxes, Job, Parameters, Points, job_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from samframe.images import Image

__all__ = ["Distinct", "Inputs", "distinct_rows", "factorize_cells", "make_inputs", "read_prompt"]

# What shows as nothing, by Unicode's categories: controls, formats (zero-width and direction marks, soft hyphen, byte
# order mark), spaces; and the letters that are blank by design (Hangul fillers, the Braille blank).
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
_HALF_PIXEL = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct:
    """The distinct combinations of cells in a frame.

    Attributes
    ----------
    images : list of object
        Distinct image cells.
    prompts : list of object
        Distinct prompt cells.
    points, remove_points, boxes : list of object
        Distinct cells of coordinates and boxes.
    combinations : ndarray of int64, shape (n, 5)
        Indexes into the five lists, one row a distinct combination.
    first : ndarray of int64, shape (n,)
        Position of the first frame row of each.
    codes : ndarray of int64, shape (n_rows,)
        Which combination each frame row is.
    """

    images: list[Any]
    prompts: list[Any]
    points: list[Any]
    remove_points: list[Any]
    boxes: list[Any]
    combinations: NDArray[np.int64]
    first: NDArray[np.int64]
    codes: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a frame asks for.

    Attributes
    ----------
    jobs : list of Job
        Distinct jobs.
    problems : list of str
        Why a combination cannot be sent.
    codes : ndarray of int64, shape (n_rows,)
        For each row the index of its job, or ``-1 - i`` for problem ``i``.
    """

    jobs: list[Job]
    problems: list[str]
    codes: NDArray[np.int64]

    @property
    def n_invalid(self) -> int:
        """How many rows cannot be sent."""
        return int(np.count_nonzero(self.codes < 0))

    def problem_counts(self) -> list[tuple[str, int]]:
        """Return each problem with how many rows have it."""
        counts = np.bincount(-1 - self.codes[self.codes < 0], minlength=len(self.problems))
        return list(zip(self.problems, counts.tolist(), strict=True))

    def told_problems(self, rows: NDArray[np.int64]) -> tuple[str, ...]:
        """Return each problem with the first row that has it, as ``rows`` calls it, and how many more have it."""
        told = []
        for number, (text, count) in enumerate(self.problem_counts()):
            first = int(rows[np.flatnonzero(self.codes == -1 - number)[0]])
            others = "" if count == 1 else f" (and {count - 1:,} more)"
            told.append(f"Row {first}: {text}{others}")
        return tuple(told)

    def notes(self) -> tuple[str, ...]:
        """Return how images were changed to be sent, each way once, with how many images it concerns."""
        images = {job.image.identity: job.image.note for job in self.jobs if job.image.note is not None}
        counts = Counter(images.values())
        return tuple(f"{note} ({count:,} image{'s' if count > 1 else ''})." for note, count in counts.items())


def distinct_rows(
    df: pd.DataFrame, columns: Sequence[Any], *, rows: NDArray[np.int64] | None = None
) -> Distinct:
    """Find the distinct combinations of the image, prompt, points, remove-points and boxes columns.

    Parameters
    ----------
    df : pandas.DataFrame
        Any index.
    columns : sequence of five column names or None
        None stands for a column of nothing; a list of two or four names for numbers that lie in columns of their own.
    rows : ndarray of int64, optional
        What each row is called in ``first``; None: its position.

    Raises
    ------
    OptionError
        If a column is missing or named twice in the frame.
    """
    lists: list[list[Any]] = []
    parts: list[NDArray[np.int64]] = []
    codes = np.zeros(len(df), dtype=np.int64)
    for role, name in zip(
        ("image", "prompt", "coordinates", "remove_coordinates", "boxes"), columns, strict=True
    ):
        part, uniques = (
            factorize_cells(_column(df, name, role)) if name is not None else (np.zeros_like(codes), [None])
        )
        lists.append(uniques)
        parts.append(part)
        codes = _combine(codes, part, len(uniques))
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")  # jobs go out in the order of the frame
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    first = first[order].astype(np.int64)
    return Distinct(
        images=lists[0],
        prompts=lists[1],
        points=lists[2],
        remove_points=lists[3],
        boxes=lists[4],
        combinations=np.stack([part[first] for part in parts], axis=1),
        first=first if rows is None else rows[first],
        codes=rank[inverse.reshape(-1)].astype(np.int64),
    )


def make_inputs(
    distinct: Distinct,
    images: Sequence[Image | ImageError],
    *,
    identity: str,
    parameters: Parameters,
    box_format: BoxFormat = "xyxy",
    max_prompt: int = LONGEST_PROMPT,
) -> Inputs:
    """Turn distinct combinations into distinct jobs.

    Parameters
    ----------
    distinct : Distinct
        The combinations.
    images : sequence of Image or ImageError
        One for each of ``distinct.images``.
    identity : str
        What stands for the deployment of the API in a job's key.
    parameters : Parameters
        What is the same for every row.
    box_format : {"xyxy", "xywh"}
        What four bare numbers of a box mean.
    max_prompt : int
        Characters that a prompt may have.
    """
    prompts = [read_prompt(cell, longest=max_prompt) for cell in distinct.prompts]
    images = [_without_key(cell, image) for cell, image in zip(distinct.images, images, strict=True)]
    points = [_attempt(read_points, cell) for cell in distinct.points]
    removes = [_attempt(read_points, cell) for cell in distinct.remove_points]
    boxes = [_attempt(lambda cell: read_boxes(cell, box_format), cell) for cell in distinct.boxes]
    lists: tuple[Sequence[Any], ...] = (images, prompts, points, removes, boxes)
    needs = parameters.fields.needs()
    by_key: dict[str, int] = {}
    heads: list[int] = []
    problems: list[str] = []
    code_of = np.empty(len(distinct.first), dtype=np.int64)
    for index, places in enumerate(distinct.combinations):
        image, prompt, point, remove, box = (cells[at] for cells, at in zip(lists, places, strict=True))
        problem = _problem(image, prompt, point, remove, box, needs=needs)
        if problem is not None:
            code_of[index] = -1 - len(problems)
            problems.append(problem)
            continue
        key = job_key(
            identity=identity,
            image_identity=image.identity,
            prompt=prompt,
            points=point,
            remove_points=remove,
            boxes=box,
            parameters=parameters,
        )
        code_of[index] = by_key.setdefault(key, len(heads))
        if code_of[index] == len(heads):
            heads.append(index)
    codes = code_of[distinct.codes]
    n_rows = np.bincount(codes[codes >= 0], minlength=len(heads)).tolist()
    jobs = []
    for key, index, count in zip(by_key, heads, n_rows, strict=True):
        image, prompt, point, remove, box = (
            cells[at] for cells, at in zip(lists, distinct.combinations[index], strict=True)
        )
        jobs.append(
            Job(
                key=key,
                image=image,
                prompt=prompt,
                points=point,
                remove_points=remove,
                boxes=box,
                parameters=parameters,
                row=int(distinct.first[index]),
                n_rows=count,
            )
        )
    return Inputs(jobs=jobs, problems=problems, codes=codes)


class _Bad(str):
    """A cell's problem in words, in the place of its value."""

    __slots__ = ()


def _without_key(cell: object, image: Image | ImageError) -> Image | ImageError:
    """Refuse an image whose cell holds a key: what names it would stand in messages and in the ledger."""
    reason = why_no_image(cell)
    return image if reason is None else ImageError(reason)


def read_prompt(cell: object, *, longest: int = LONGEST_PROMPT) -> str | None:
    """Return a prompt NFC-normalised and stripped; None where the cell holds none; a problem in words as ``_Bad``."""
    if is_missing(cell):
        return None
    if not isinstance(cell, str):
        return _Bad(
            f"the prompt is a {type(cell).__name__}, not text; convert it with .astype(str) or .decode()"
        )
    try:
        cell.encode("utf-8")
    except UnicodeEncodeError:
        return _Bad("the prompt holds half a character (a lone surrogate) that cannot be sent")
    prompt = unicodedata.normalize("NFC", cell).strip()
    if (reason := why_no_prompt(prompt, longest=longest)) is not None:
        return _Bad(reason)
    return prompt if any(map(_is_visible, prompt)) else None


def _is_visible(letter: str) -> bool:
    return unicodedata.category(letter) not in _INVISIBLE and letter not in _BLANK_LETTERS


def _attempt(function: Callable[[object], T], cell: object) -> T | _Bad:
    try:
        return function(cell)
    except ValueError as error:
        return _Bad(str(error))


def _problem(
    image: Image | ImageError,
    prompt: str | None,
    points: Points | _Bad,
    removes: Points | _Bad,
    boxes: Boxes | _Bad,
    *,
    needs: str,
) -> str | None:
    """Return why a combination cannot be sent, None where it can."""
    if isinstance(image, ImageError):
        return str(image)
    if isinstance(prompt, _Bad):
        return prompt
    checks: tuple[tuple[str, Any, Callable[[Image, Any], str | None]], ...] = (
        ("coordinates", points, _outside),
        ("remove_coordinates", removes, _outside),
        ("boxes", boxes, why_not_on),
    )
    for name, value, check in checks:
        problem = value if isinstance(value, _Bad) else check(image, value)
        if problem is not None:
            return f"{name}: {problem}"
    if prompt is None and not points and not boxes:
        return f"there is {needs}" if not removes else "there are remove_coordinates, but nothing to find"
    return None


def _outside(image: Image, points: Points) -> str | None:
    if image.stored_hw is None:
        return None
    height, width = image.stored_hw
    for x, y in points:
        if not (-_HALF_PIXEL <= x <= width - _HALF_PIXEL and -_HALF_PIXEL <= y <= height - _HALF_PIXEL):
            return f"({x:g}, {y:g}) lies outside the image of {width} x {height} px (x before y)"
    return None


def _column(df: pd.DataFrame, name: Any, role: str) -> Any:
    """Return the cells of a column, or of several columns together as tuples."""
    if has_column(df, name):
        column = df[name]
        if isinstance(column, pd.DataFrame):
            raise OptionError(
                f"The frame has {column.shape[1]} columns named {name!r}; rename all but one. Nothing was sent."
            )
        return column.to_numpy(dtype=object)
    if (
        isinstance(name, list | tuple)
        and len(name) == _PARTS.get(role)
        and all(has_column(df, one) for one in name)
    ):
        parts = [_column(df, one, role) for one in name]
        cells = np.empty(len(df), dtype=object)
        cells[:] = [None if all(map(is_missing, cell)) else cell for cell in zip(*parts, strict=True)]
        return cells
    raise missing_column(df, name, role)


#: How many columns of numbers make a cell: x and y, or the four of a box.
_PARTS = {"coordinates": 2, "remove_coordinates": 2, "boxes": 4}


def factorize_cells(values: Iterable[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Return a code for each value and the distinct values; what cannot be hashed by value goes by identity."""
    seen: dict[Any, int] = {}
    uniques: list[Any] = []
    codes = []
    for value in values:
        key = value if type(value) is str else _identity_key(value)
        code = seen.get(key)
        if code is None:
            code = seen[key] = len(uniques)
            uniques.append(value)
        codes.append(code)
    return np.asarray(codes, dtype=np.int64), uniques


def _identity_key(value: Any) -> Any:
    if isinstance(value, str | bytes):
        return (type(value), value)
    if isinstance(value, tuple):
        try:
            hash(value)
        except TypeError:
            return (id(value),)
        return (tuple, value)
    return (id(value),)


def _combine(codes: NDArray[np.int64], part: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return codes of pairs, made dense again so that they never overflow."""
    _, inverse = np.unique(codes * max(size, 1) + part, return_inverse=True)
    dense: NDArray[np.int64] = inverse.reshape(-1).astype(np.int64)
    return dense
