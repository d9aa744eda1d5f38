"""The rules by which a row's mask is doubtful: each a pure function from columns to how much, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from samframe.ground.cells import as_text
from samframe.ground.status import RowStatus
from samframe.masks.columns import measures as columns
from samframe.masks.columns import parts as shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from samframe.masks import MaskArray

__all__ = [
    "Doubt",
    "border_doubt",
    "cover_doubt",
    "empty_doubt",
    "note_doubt",
    "outcome_doubt",
    "score_doubt",
    "size_doubt",
    "speck_doubt",
]

#: A median absolute deviation of logarithms below this (5 %) is taken as this: equal areas are no ground for doubt.
_LEAST_MAD = 0.05
#: Makes a median absolute deviation comparable with a standard deviation (Iglewicz and Hoaglin, 1993).
_MAD_TO_SIGMA = 0.6745
#: Statuses of rows on which nobody has a verdict yet.
_NOT_DONE = frozenset(status.value for status in RowStatus if not status.is_settled)


@dataclass(frozen=True, slots=True)
class Doubt:
    """What one rule finds.

    Attributes
    ----------
    weight : float
        How sure a full breach of the rule makes us that the row is wrong, 0 to 1.
    severity : ndarray of float64, shape (n,)
        How far each row breaches it, 0 (not at all) to 1.
    words : dict of int to str
        By position, the reason of each row that breaches it.
    """

    weight: float
    severity: NDArray[np.float64]
    words: dict[int, str]


def doubt_of(
    weight: float, severity: NDArray[np.float64], rows: NDArray[np.int64], texts: Sequence[str]
) -> Doubt:
    """Return a Doubt whose severity counts in ``rows`` only; ``texts`` are their reasons."""
    kept = np.zeros(len(severity))
    kept[rows] = np.clip(severity[rows], 0.0, 1.0)
    return Doubt(weight, kept, dict(zip(rows.tolist(), texts, strict=True)))


def outcome_doubt(masks: MaskArray, status: NDArray[np.object_] | None) -> Doubt:
    """Find rows without a mask; those that are not done yet are named, and not held against them."""
    missing = np.flatnonzero(masks.isna())
    states = ["" if status is None else as_text(status[row]) for row in missing]
    severity = np.zeros(len(masks))
    severity[missing] = [0.0 if state in _NOT_DONE else 1.0 for state in states]
    return doubt_of(1.0, severity, missing, [f"no mask: {state}" if state else "no mask" for state in states])


def note_doubt(masks: MaskArray, error: NDArray[np.object_]) -> Doubt:
    """Find masks about which the run left a note (one that came in another size than its image, say)."""
    has_note = np.array([bool(as_text(cell)) for cell in error], dtype=bool)
    rows = np.flatnonzero(has_note & ~masks.isna())
    return doubt_of(0.5, np.ones(len(masks)), rows, ["the run left a note in its error column"] * len(rows))


def empty_doubt(masks: MaskArray) -> Doubt:
    """Find masks without a pixel."""
    rows = np.flatnonzero(columns.areas(masks.pool, masks.positions, fill=-1) == 0)
    return doubt_of(1.0, np.ones(len(masks)), rows, ["empty"] * len(rows))


def cover_doubt(masks: MaskArray, *, full_share: float) -> Doubt:
    """Find masks that cover nearly all of their image."""
    share = area_shares(masks)
    rows = np.flatnonzero(share >= full_share)
    severity = 0.6 + 0.4 * (share - full_share) / max(1.0 - full_share, 1e-9)
    return doubt_of(0.9, severity, rows, [f"covers {value:.0%} of the image" for value in share[rows]])


def border_doubt(masks: MaskArray, *, border_share: float) -> Doubt:
    """Find masks that run along the edge of their image; it weighs little, as things are often cut there."""
    share = shape.border_share(masks.pool, masks.positions)
    rows = np.flatnonzero(share > border_share)
    severity = 0.3 + 0.7 * share / 0.25
    texts = [f"touches the border ({_percent(value)} of it)" for value in share[rows]]
    return doubt_of(0.4, severity, rows, texts)


def speck_doubt(masks: MaskArray, *, specks: int, speck_share: float) -> Doubt:
    """Find masks with many small parts."""
    small = shape.parts(masks.pool, masks.positions, small_share=speck_share).small
    rows = np.flatnonzero(small > specks)
    severity = 0.4 + 0.6 * (small.astype(np.float64) - specks) / (4.0 * max(specks, 1))
    return doubt_of(0.8, severity, rows, [f"{count:,} specks" for count in small[rows]])


def size_doubt(masks: MaskArray, prompts: NDArray[np.int64], *, area_mads: float, area_rows: int) -> Doubt:
    """Find masks far smaller or larger than what their prompt gives elsewhere, by robust z-scores of log area shares.

    A prompt with too few masks is measured by those of all prompts, which weighs half.

    Parameters
    ----------
    prompts : ndarray of int64, shape (n,)
        A code for each row's prompt, -1 where it has none.
    """
    share = area_shares(masks)
    usable = np.flatnonzero((share > 0) & (prompts >= 0))
    is_rare = np.bincount(prompts[usable], minlength=1)[prompts[usable]] < area_rows
    logs = pd.Series(np.log(share[usable]))
    apart = _deviations(logs, prompts[usable])
    overall = _deviations(logs, np.zeros(len(usable), dtype=np.int64))
    z, ratio = np.where(is_rare, overall, apart)
    severity = np.zeros(len(masks))
    severity[usable] = np.where(is_rare, 0.5, 1.0) * np.clip(
        0.4 + 0.3 * (z / max(area_mads, 1e-9) - 1.0), 0, 1
    )
    far = (z > area_mads) & (~is_rare | (len(usable) >= area_rows))
    texts = [
        f"area {value:.2g} x the median of {'all prompts' if rare else 'its prompt'}"
        for value, rare in zip(ratio[far], is_rare[far], strict=True)
    ]
    return doubt_of(0.7, severity, usable[far], texts)


def _deviations(logs: pd.Series, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return robust z-scores of logarithms in their groups, and the ratios to the groups' medians, shape (2, n)."""
    median = logs.groupby(groups).transform("median")
    mad = (logs - median).abs().groupby(groups).transform("median").clip(lower=_LEAST_MAD)
    return np.stack(
        [(_MAD_TO_SIGMA * (logs - median).abs() / mad).to_numpy(), np.exp((logs - median).to_numpy())]
    )


def score_doubt(scores: NDArray[np.float64], *, low_score: float) -> Doubt:
    """Find rows whose engine gave a low score (the offline engine does; Segmind's API tells none)."""
    rows = np.flatnonzero(scores < low_score)
    severity = 0.3 + 0.7 * (low_score - scores) / max(low_score, 1e-9)
    return doubt_of(0.8, severity, rows, [f"low score ({value:.2f})" for value in scores[rows]])


def area_shares(masks: MaskArray) -> NDArray[np.float64]:
    """Return each mask's area over its image's, float64 of shape (n,), NaN where it is missing or has no pixels."""
    known = np.flatnonzero(masks.positions >= 0)
    positions = masks.positions[known]
    pixels = masks.pool.sizes_hw()[positions].astype(np.float64).prod(axis=1)
    result = np.full(len(masks), np.nan)
    areas = columns.areas(masks.pool, positions)
    result[known] = np.divide(areas, pixels, out=np.full(len(known), np.nan), where=pixels > 0)
    return result


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "under 1%"  # noqa: PLR2004 - a percent
