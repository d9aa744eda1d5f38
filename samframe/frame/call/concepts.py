"""Several prompts an image: rows for each, labels with their synonyms, and prompts to be taken away from a mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.ground.cells import is_missing
from samframe.ground.frame import has_column
from samframe.ground.status import RowStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from samframe.masks import Mask

__all__ = ["Concepts", "check_prompts", "collapse", "expand", "has_lists"]

_KEPT, _EXCLUDED = "", "exclude"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concepts:
    """What is asked of every image.

    Attributes
    ----------
    prompts : tuple of (label, prompt)
        The label is None where there are prompts only.
    exclude : tuple of str
        Prompts whose masks are taken away.
    same_iou : float
        From which intersection over union on two synonyms' masks are one object.
    """

    prompts: tuple[tuple[str | None, str], ...]
    exclude: tuple[str, ...] = ()
    same_iou: float = 0.8

    @property
    def has_labels(self) -> bool:
        """Whether prompts stand for labels."""
        return any(label is not None for label, _ in self.prompts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A frame with a row an image and prompt.

    Attributes
    ----------
    frame : pandas.DataFrame
        Its index repeats that of the source.
    source : ndarray of int64, shape (n,)
        Position of each row's source.
    excluded : ndarray of bool, shape (n,)
        Rows that are asked for to be taken away, and are none of the result.
    """

    frame: pd.DataFrame
    source: NDArray[np.int64]
    excluded: NDArray[np.bool_]


def check_prompts(prompts: Any, exclude: Any, same_iou: Any) -> Concepts:
    """Return the prompts of a call.

    Parameters
    ----------
    prompts : str, list of str, or mapping of label to str or list of str
        The same for every image.
    exclude : str or list of str
        Prompts whose masks are taken away from all others.
    same_iou : float
        Above 0, up to 1.

    Raises
    ------
    OptionError
        If it is anything else, or empty.
    """
    if isinstance(prompts, Mapping):
        pairs: list[tuple[str | None, str]] = [
            (str(label), text)
            for label, texts in prompts.items()
            for text in _texts(texts, f"prompts[{label!r}]")
        ]
    else:
        pairs = [(None, text) for text in _texts(prompts, "prompts")]
    if not pairs:
        raise OptionError("prompts is empty: there is nothing to find. Nothing was sent.")
    number = same_iou if isinstance(same_iou, int | float) and not isinstance(same_iou, bool) else -1.0
    if not 0 < number <= 1:
        raise OptionError(f"same_iou is a number above 0, up to 1; it is {same_iou!r}.")
    unwanted = tuple(dict.fromkeys(_texts(exclude, "exclude"))) if exclude is not None else ()
    both = [text for _, text in pairs if text in unwanted]
    if both:
        raise OptionError(f"{both[0]!r} is in prompts and in exclude. Nothing was sent.")
    return Concepts(prompts=tuple(dict.fromkeys(pairs)), exclude=unwanted, same_iou=float(number))


def _texts(value: Any, name: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, np.ndarray | pd.Series | set | frozenset):
        texts = sorted(texts) if isinstance(texts, set | frozenset) else list(texts)
    if not isinstance(texts, list | tuple) or not all(
        isinstance(text, str) and text.strip() for text in texts
    ):
        raise OptionError(
            f'{name} is a text or a list of texts, such as ["boy", "red car"]; it is {value!r}.'
        )
    return [text.strip() for text in texts]


def has_lists(df: pd.DataFrame, prompt_col: Any) -> bool:
    """Say whether a column of prompts has cells of several prompts."""
    column = df[prompt_col] if prompt_col is not None and has_column(df, prompt_col) else None
    if not isinstance(column, pd.Series):
        return False
    return any(isinstance(cell, list | tuple | np.ndarray) for cell in column.tolist())


def expand(
    df: pd.DataFrame, concepts: Concepts | None, *, prompt_col: Any, label_col: str, overwrite: bool
) -> Expansion:
    """Return the frame with a row for each image and prompt.

    Parameters
    ----------
    df : pandas.DataFrame
        The rows of a call.
    concepts : Concepts or None
        What is asked of each; None: what the lists in ``prompt_col`` hold.
    prompt_col, label_col : str
        Names of the columns that say which prompt and label a row is for.
    overwrite : bool
        Whether these may be there already.

    Raises
    ------
    OptionError
        If one is, and may not.
    """
    n = len(df)
    if concepts is None:
        cells = [_listed(cell) for cell in df[prompt_col].tolist()]
        source = np.repeat(np.arange(n), [len(cell) for cell in cells])
        frame = df.iloc[source].copy(deep=False)
        column = np.empty(len(source), dtype=object)
        column[:] = [text for cell in cells for text in cell]
        frame[prompt_col] = pd.Series(column, index=frame.index, dtype=object)
        return Expansion(frame=frame, source=source, excluded=np.zeros(len(source), dtype=bool))
    new = [prompt_col, *([label_col] if concepts.has_labels else [])]
    taken = [name for name in new if has_column(df, name)]
    if taken and not overwrite:
        raise OptionError(
            f"The frame has {', '.join(map(repr, taken))} already, and prompts= makes columns of these names. Nothing "
            f'was sent. Drop them, pass overwrite=True, or rename: columns={{"prompt": ..., "label": ...}}.'
        )
    asked = [*concepts.prompts, *((None, text) for text in concepts.exclude)]
    source = np.repeat(np.arange(n), len(asked))
    frame = df.iloc[source].copy(deep=False)
    frame[prompt_col] = pd.array([text for _, text in asked] * n, dtype="string").astype(object)
    if concepts.has_labels:
        frame[label_col] = pd.array([label for label, _ in asked] * n, dtype=object)
    unwanted = np.array([False] * len(concepts.prompts) + [True] * len(concepts.exclude))
    return Expansion(frame=frame, source=source, excluded=np.tile(unwanted, n))


def _listed(cell: Any) -> Sequence[Any]:
    if isinstance(cell, list | tuple | np.ndarray):
        texts = [text for text in cell if not is_missing(text)]
        return texts or [None]
    return [cell]


def collapse(
    result: pd.DataFrame,
    expansion: Expansion,
    concepts: Concepts | None,
    names: Mapping[str, str],
    *,
    label_col: str,
) -> pd.DataFrame:
    """Return the result without the rows that were asked for to be taken away, and one row an object of a label.

    Parameters
    ----------
    result : pandas.DataFrame
        The frame of :func:`expand` with its outcomes.
    names : mapping
        Field name to column name.
    """
    if concepts is None or not (concepts.exclude or concepts.has_labels):
        return result
    masks = result[names["mask"]].tolist() if "mask" in names else [pd.NA] * len(result)
    status = result[names["status"]].astype(object).tolist()
    kept = ~expansion.excluded
    changed = _without_excluded(masks, expansion) if concepts.exclude else {}
    result = result.copy(deep=False)
    if changed:
        array = result[names["mask"]].array.copy()
        for row, mask in changed.items():
            array[row] = masks[row] = mask
        result[names["mask"]] = array
    notes = _notes(result, expansion, status, names)
    if notes:
        error = result[names["error"]].astype(object).to_numpy(dtype=object, copy=True)
        for row, text in notes.items():
            error[row] = text if is_missing(error[row]) else f"{error[row]} {text}"
        result[names["error"]] = pd.array(error, dtype="string")
    if concepts.has_labels:
        scores = result[names["score"]].tolist() if "score" in names else [None] * len(result)
        labels = result[label_col].tolist()
        groups: dict[tuple[int, Any], list[int]] = {}
        for row in np.flatnonzero(kept).tolist():
            groups.setdefault((int(expansion.source[row]), labels[row]), []).append(row)
        dropped: dict[int, int] = {}
        for rows in groups.values():
            dropped |= _same_objects(rows, masks, status, scores, concepts.same_iou)
        if "cost" in names and dropped:
            _move_costs(result, names["cost"], dropped)
        kept[list(dropped)] = False
    return result[kept]


def _without_excluded(masks: list[Any], expansion: Expansion) -> dict[int, Mask]:
    """Return the masks that change when those of the excluded prompts of their image are taken away."""
    unwanted: dict[int, Any] = {}
    for row in np.flatnonzero(expansion.excluded).tolist():
        if masks[row] is not pd.NA:
            source = int(expansion.source[row])
            before = unwanted.get(source)
            unwanted[source] = masks[row] if before is None else before | masks[row]
    changed = {}
    for row in np.flatnonzero(~expansion.excluded).tolist():
        away = unwanted.get(int(expansion.source[row]))
        if away is not None and masks[row] is not pd.NA and masks[row].size_hw == away.size_hw:
            changed[row] = masks[row] - away
    return changed


def _notes(
    result: pd.DataFrame, expansion: Expansion, status: list[Any], names: Mapping[str, str]
) -> dict[int, str]:
    """Return a note for rows whose image has an excluded prompt without an outcome that tells."""
    settled = {RowStatus.COMPLETED.value, RowStatus.FAILED.value}
    open_sources = {
        int(expansion.source[row]): status[row]
        for row in np.flatnonzero(expansion.excluded).tolist()
        if status[row] not in settled
    }
    return {
        row: f"A prompt of exclude= is {open_sources[source]}: its mask is not taken away yet."
        for row in np.flatnonzero(~expansion.excluded).tolist()
        if (source := int(expansion.source[row])) in open_sources
        and status[row] == RowStatus.COMPLETED.value
        and names
        and len(result)
    }


def _same_objects(
    rows: list[int], masks: list[Any], status: list[Any], scores: list[Any], same_iou: float
) -> dict[int, int]:
    """Return which rows of a label are dropped, each with the row that stands for it."""
    found = [row for row in rows if masks[row] is not pd.NA]
    best = sorted(found, key=lambda row: -(float(scores[row]) if not is_missing(scores[row]) else 0.0))
    kept: list[int] = []
    dropped: dict[int, int] = {}
    for row in best:
        twin = next((one for one in kept if _iou(masks[one], masks[row]) >= same_iou), None)
        if twin is None:
            kept.append(row)
        else:
            dropped[row] = twin
    useless = {RowStatus.FAILED.value}
    empty = [row for row in rows if masks[row] is pd.NA and status[row] in useless]
    first = kept[0] if kept else None
    for row in empty:
        # A synonym that found nothing says nothing where another did; where none did, one row tells it.
        stands = first if first is not None else empty[0]
        if row != stands:
            dropped[row] = stands
    return dropped


def _iou(one: Mask, other: Mask) -> float:
    if one.size_hw != other.size_hw or not (one.area or other.area):
        return 0.0
    return float(one.iou(other))


def _move_costs(result: pd.DataFrame, cost_col: str, dropped: Mapping[int, int]) -> None:
    """Add what dropped rows cost to the rows that stand for them, so that sums are right."""
    costs = result[cost_col].astype(object).tolist()
    for row, stands in dropped.items():
        target = stands
        while target in dropped:
            target = dropped[target]
        if not is_missing(costs[row]):
            costs[target] = costs[row] + (0.0 if is_missing(costs[target]) else costs[target])
    result[cost_col] = pd.array(costs, dtype="Float64")
