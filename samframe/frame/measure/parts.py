"""What an evaluation is made of: both sides and their pairs, and the columns and curves of its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.labels.measure import RECALLS, Curves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.labels.measure import Objects, Pairing, Queue

__all__ = ["Measured", "cells_of", "floats_of", "mean_curve", "one_label", "share_of", "taken"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What an :class:`Evaluation` is made of: both sides, their pairs, and where they stand in their frames."""

    predictions: Objects
    truth: Objects
    pairing: Pairing
    queue: Queue | None
    curves: Curves | None
    names: list[str]
    cells: list[Any]
    rows: pd.Index
    truth_rows: pd.Index
    least_iou: float


def share_of(top: float, bottom: float) -> float:
    """Return a ratio, NaN where there is nothing to divide by."""
    return float(top / bottom) if bottom else float("nan")


def taken(values: NDArray[Any], at: NDArray[np.int64]) -> NDArray[Any]:
    """Return values at positions, anything where a position is -1."""
    return values[at] if len(values) else np.zeros(len(at), dtype=values.dtype)


def cells_of(values: list[Any]) -> Any:
    """Return values as a column: text, whole numbers, or whatever they are."""
    present = [value for value in values if value is not pd.NA]
    if present and all(
        isinstance(value, int | np.integer) and not isinstance(value, bool) for value in present
    ):
        return pd.array(values, dtype="Int64")
    if present and all(isinstance(value, str) for value in present):
        return pd.array(values, dtype="string")
    cells = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        cells[at] = value
    return cells


def floats_of(values: NDArray[np.float64], at: NDArray[np.int64], *, known: bool) -> Any:
    """Return values at positions as a nullable column, NA where a position is -1 or nothing is known."""
    missing = (at < 0) | (not known)
    return pd.arrays.FloatingArray(np.where(missing, 0.0, taken(values, at)), missing)


def one_label(curves: Curves, at: int) -> Curves:
    """Return the curves of one label."""
    some = slice(at, at + 1)
    return Curves(
        precision=curves.precision[:, :, some],
        recall=curves.recall[:, some],
        recall_of_few=curves.recall_of_few[:, some],
        matched=curves.matched,
    )


def mean_curve(curves: Curves, threshold: int) -> NDArray[np.float64]:
    """Return the precision at each recall, the mean of the labels that have true objects."""
    measured = curves.precision[threshold, :, curves.recall[threshold, :, 0] > -1, 0]
    found: NDArray[np.float64] = measured.mean(axis=0) if len(measured) else np.full(len(RECALLS), np.nan)
    return found
