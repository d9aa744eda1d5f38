"""``samframe.suspicion``: how doubtful each row's mask is, without knowing the truth, and why in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.frame.call import factorize_cells, read_prompt
from samframe.frame.look import contradictions, doubts
from samframe.ground.frame import has_column, only_column, remembered
from samframe.masks import MaskArray, MaskDtype

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

__all__ = ["suspicion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """From where on a rule speaks; see :func:`suspicion`."""

    full_share: float
    border_share: float
    specks: int
    speck_share: float
    area_mads: float
    area_rows: int
    same_iou: float
    other_iou: float
    low_score: float

    def __post_init__(self) -> None:
        for one in fields(self):
            value: object = getattr(self, one.name)
            number = float(value) if isinstance(value, Real) else math.nan
            if not number >= 0:
                raise OptionError(f"{one.name} is a number of at least 0; it is {value!r}.")


def suspicion(
    df: pd.DataFrame,
    *,
    image_col: Hashable | None = "image",
    prompt_col: Hashable | None = "prompt",
    mask_col: Hashable = "mask",
    status_col: Hashable | None = "status",
    error_col: Hashable | None = "error",
    score_col: Hashable | None = "score",
    full_share: float = 0.9,
    border_share: float = 0.0,
    specks: int = 5,
    speck_share: float = 0.02,
    area_mads: float = 3.5,
    area_rows: int = 8,
    same_iou: float = 0.5,
    other_iou: float = 0.8,
    low_score: float = 0.5,
) -> pd.DataFrame:
    """Score how doubtful each row's mask is, from the masks and columns alone: no truth, no pixels, no request.

    Each rule has a weight (in brackets) and a severity from 0 to 1; a row's score is
    ``1 - prod(1 - weight * severity)``. It ranks rows for looking at; it is no probability.

    Parameters
    ----------
    df : pandas.DataFrame
        What :func:`samframe.segment` returned, or any frame with a mask column. It is not changed.
    image_col, prompt_col, status_col, error_col, score_col : column name or None
        What rules need. Where the column of the usual name is missing, or None is given, its rules are passed over.
    mask_col : column name
        A column of dtype ``mask``.
    full_share : float
        The mask covers at least this share of its image (0.9). A prompt like "background" may mean it.
    border_share : float
        The mask covers more than this share of the image's outermost pixels (0.4).
    specks : int
        The mask has more small parts than this (0.8).
    speck_share : float
        What a small part is: its area is below this share of the mask's.
    area_mads : float
        The mask's share of its image is this many scaled median absolute deviations, in logarithms, away from the
        median of its prompt (0.7). 3.5 is Iglewicz and Hoaglin's advice (1993).
    area_rows : int
        A prompt with fewer masks than this is measured by the median of all prompts, which weighs half; with fewer rows
        than this in all, the rule is silent.
    same_iou : float
        The median IoU with the masks of the same prompt in the same image is below this (0.9).
    other_iou : float
        The IoU with the mask of another prompt in the same image is at least this (0.6).
    low_score : float
        The engine's score is below this (0.8).

    Returns
    -------
    pandas.DataFrame
        On the index of ``df``: ``score`` (Float64, 0 to 1) and ``reasons`` (string, joined by "; ", empty where there
        are none). Rows that failed and empty masks score 1.0; rows that are not done yet score 0.0 and say so; a mask
        that the run left a note about (0.5) came in another size than its image.

    Raises
    ------
    OptionError
        If a column is missing or is no mask column, or a limit is no number of at least 0.

    Examples
    --------
    >>> import numpy as np, pandas as pd, samframe
    >>> pixels = np.zeros((20, 20), bool)
    >>> masks = pd.array([pixels, np.ones((20, 20))], dtype="mask")
    >>> samframe.suspicion(pd.DataFrame({"mask": masks}))["reasons"].tolist()
    ['empty', 'covers 100% of the image; touches the border (100% of it)']
    """
    limits = _Limits(
        full_share=full_share,
        border_share=border_share,
        specks=specks,
        speck_share=speck_share,
        area_mads=area_mads,
        area_rows=area_rows,
        same_iou=same_iou,
        other_iou=other_iou,
        low_score=low_score,
    )
    mask_col, image_col = remembered(df, "mask", mask_col), remembered(df, "image", image_col)
    prompt_col, status_col = remembered(df, "prompt", prompt_col), remembered(df, "status", status_col)
    error_col, score_col = remembered(df, "error", error_col), remembered(df, "score", score_col)
    masks = _masks(df, mask_col)
    cells = {
        name: _cells(df, column, name)
        for name, column in (
            ("image", image_col),
            ("prompt", prompt_col),
            ("status", status_col),
            ("error", error_col),
            ("score", score_col),
        )
    }
    found = _shape_doubts(masks, limits) + _column_doubts(masks, cells, limits)
    return pd.DataFrame(
        {"score": _scores(found, len(df)), "reasons": _reasons(found, len(df))}, index=df.index
    )


def _shape_doubts(masks: MaskArray, limits: _Limits) -> list[doubts.Doubt]:
    return [
        doubts.empty_doubt(masks),
        doubts.cover_doubt(masks, full_share=limits.full_share),
        doubts.speck_doubt(masks, specks=limits.specks, speck_share=limits.speck_share),
        doubts.border_doubt(masks, border_share=limits.border_share),
    ]


def _column_doubts(
    masks: MaskArray, cells: dict[str, NDArray[np.object_] | None], limits: _Limits
) -> list[doubts.Doubt]:
    found = [doubts.outcome_doubt(masks, cells["status"])]
    if (error := cells["error"]) is not None:
        found.append(doubts.note_doubt(masks, error))
    if (score := cells["score"]) is not None:
        numbers = pd.to_numeric(pd.Series(score), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        found.append(doubts.score_doubt(numbers, low_score=limits.low_score))
    if (prompt := cells["prompt"]) is None:
        return found
    prompts = _prompt_codes(prompt)
    found.append(
        doubts.size_doubt(masks, prompts, area_mads=limits.area_mads, area_rows=int(limits.area_rows))
    )
    if (image := cells["image"]) is not None:
        images = factorize_cells(image)[0]
        found += [
            contradictions.same_prompt_doubt(masks, images, prompts, same_iou=limits.same_iou),
            contradictions.other_prompt_doubt(masks, images, prompts, other_iou=limits.other_iou),
        ]
    return found


def _scores(found: list[doubts.Doubt], n_rows: int) -> Any:
    sound = np.ones(n_rows)
    for doubt in found:
        sound *= 1.0 - doubt.weight * doubt.severity
    return pd.array(1.0 - sound, dtype="Float64")


def _reasons(found: list[doubts.Doubt], n_rows: int) -> Any:
    """Return each row's reasons, the weightiest first."""
    texts: list[list[tuple[float, str]]] = [[] for _ in range(n_rows)]
    for doubt in found:
        for row, words in doubt.words.items():
            texts[row].append((-doubt.weight * float(doubt.severity[row]), words))
    return pd.array(["; ".join(words for _, words in sorted(one)) for one in texts], dtype="string")


def _prompt_codes(cells: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return a code for each prompt as it is sent, -1 where there is none."""
    codes, uniques = factorize_cells(cells)
    sent = [prompt if isinstance(prompt := read_prompt(cell), str) else None for cell in uniques]
    by_text: dict[str, int] = {}
    code_of = [-1 if prompt is None else by_text.setdefault(prompt, len(by_text)) for prompt in sent]
    return np.asarray([*code_of, -1], dtype=np.int64)[codes]


def _masks(df: pd.DataFrame, mask_col: Hashable) -> MaskArray:
    column = only_column(df, mask_col)
    if not isinstance(column.dtype, MaskDtype):
        raise OptionError(
            f"Column {mask_col!r} is of dtype {column.dtype}, not 'mask': convert with .astype('mask')."
        )
    masks: MaskArray = column.array
    return masks


def _cells(df: pd.DataFrame, column: Hashable | None, usual: str) -> NDArray[np.object_] | None:
    if column is None or (column == usual and not has_column(df, column)):
        return None
    cells: NDArray[np.object_] = only_column(df, column).to_numpy(dtype=object)
    return cells
