"""Columns out: the outcomes of jobs become the frame's new columns, by position."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from samframe.errors import OptionError
from samframe.frame._rows import Inputs
from samframe.jobs import Outcome, RowStatus
from samframe.masks import MaskArray

__all__ = ["check_output_names", "result_frame"]

STATUS_DTYPE = pd.CategoricalDtype([status.value for status in RowStatus])

_PENDING = Outcome(status=RowStatus.RUNNING)


def check_output_names(df: pd.DataFrame, names: Mapping[str, str], *, overwrite: bool) -> None:
    """Refuse to write over the user's columns.

    Raises
    ------
    OptionError
        If a column exists and ``overwrite`` is False, or two new columns have one name.
    """
    if len(set(names.values())) < len(names):
        raise OptionError(f"columns gives two new columns one name: {', '.join(names.values())}.")
    if isinstance(df.columns, pd.MultiIndex):
        raise OptionError("The frame's columns are a MultiIndex; flatten them first, for example with df.columns.to_flat_index().")
    taken = [name for name in names.values() if name in df.columns]
    if taken and not overwrite:
        listed = ", ".join(map(repr, taken))
        raise OptionError(
            f"The frame has {listed} already. Nothing was sent. Pass overwrite=True to replace, or columns={{...}} to rename."
        )


def result_frame(
    df: pd.DataFrame,
    inputs: Inputs,
    outcomes: Mapping[str, Outcome],
    names: Mapping[str, str],
    *,
    artifact_path: Callable[[str], Path],
) -> pd.DataFrame:
    """Return a new frame with the outcome of each row; the input is untouched, its index and order are kept.

    Parameters
    ----------
    outcomes : mapping of job key to Outcome
        Jobs without one are still running.
    names : mapping
        Field name to column name, in order.
    artifact_path : callable
        Where an artifact lies, for overlays.
    """
    by_job = [outcomes.get(job.key, _PENDING) for job in inputs.jobs]
    by_code = [*by_job, *(Outcome(status=RowStatus.FAILED, error=_sentence(problem)) for problem in reversed(inputs.problems))]
    # Problem i has code -1 - i, which counts from the end.
    codes = np.where(inputs.codes >= 0, inputs.codes, len(by_code) + inputs.codes)
    columns = {names[field]: _column(field, by_code, codes, artifact_path) for field in names}
    return df.assign(**{str(name): values for name, values in columns.items()})


def _sentence(problem: str) -> str:
    text = problem if problem.endswith((".", "!", "?")) else f"{problem}."
    return f"{text[:1].upper()}{text[1:]} Not sent, nothing charged."


def _column(
    field: str, outcomes: Sequence[Outcome], codes: NDArray[np.int64], artifact_path: Callable[[str], Path]
) -> Any:
    match field:
        case "mask":
            masks = MaskArray._from_sequence([outcome.mask for outcome in outcomes])  # noqa: SLF001 - pandas' own constructor
            return masks.take(codes)
        case "overlay":
            paths = [str(artifact_path(outcome.artifact)) if outcome.artifact else None for outcome in outcomes]
            return pd.array(paths, dtype="string").take(codes)
        case "status":
            positions = {name: index for index, name in enumerate(STATUS_DTYPE.categories)}
            by_outcome = np.array([positions[outcome.status.value] for outcome in outcomes], dtype=np.int8)
            return pd.Categorical.from_codes(by_outcome[codes] if len(codes) else by_outcome[:0], dtype=STATUS_DTYPE)
        case "error":
            return _errors(outcomes, codes)
        case "request_id" | "engine":
            return pd.array([getattr(outcome, field) for outcome in outcomes], dtype="string").take(codes)
        case "attempts":
            return pd.array([outcome.attempts for outcome in outcomes], dtype="Int64").take(codes)
        case _:
            return pd.array([getattr(outcome, field) for outcome in outcomes], dtype="Float64").take(codes)


def _errors(outcomes: Sequence[Outcome], codes: NDArray[np.int64]) -> Any:
    """Return the errors, each naming its row by position; rows that share a job have their own."""
    has_error = np.array([outcome.error is not None for outcome in outcomes], dtype=bool)
    texts = np.full(len(codes), None, dtype=object)
    for position in np.flatnonzero(has_error[codes]) if len(codes) else []:
        texts[position] = f"Row {position}: {outcomes[codes[position]].error}"
    return pd.array(texts, dtype="string")
