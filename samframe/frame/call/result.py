"""Columns out: the outcomes of jobs become the frame's new columns, by position."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.frame.cells.rows import distinct_rows
from samframe.jobs import Outcome, RowStatus
from samframe.masks import MaskArray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from samframe.frame.call.options import CallOptions
    from samframe.frame.cells.rows import Inputs

__all__ = ["ENGINES_ATTR", "NEVER_SENT", "UNDER_WAY", "empty_result", "result_frame"]

#: Attribute of a frame that names the engines its masks are from, where the server told.
ENGINES_ATTR = "samframe_engines"

STATUS_DTYPE = pd.CategoricalDtype([status.value for status in RowStatus])

#: What a row gets whose job has no outcome: while its run goes on, and once it has ended.
UNDER_WAY = Outcome(status=RowStatus.RUNNING)
NEVER_SENT = Outcome(status=RowStatus.CANCELLED, error="Not sent: the run ended before. Nothing was charged.")


def result_frame(
    df: pd.DataFrame,
    inputs: Inputs | None,
    outcomes: Mapping[str, Outcome],
    names: Mapping[str, str],
    *,
    pending: Outcome,
    artifact_path: Callable[[str], Path],
    rows: NDArray[np.int64] | None = None,
) -> pd.DataFrame:
    """Return a new frame with the outcome of each row; the input is untouched, its index and order are kept.

    Parameters
    ----------
    inputs : Inputs or None
        What the rows ask for; None while images are read.
    outcomes : mapping of job key to Outcome
        What became of the jobs so far.
    names : mapping
        Field name to column name, in order.
    pending : Outcome
        What a row gets whose job has none.
    artifact_path : callable
        Where an artifact lies, for overlays.
    rows : ndarray of int64, shape (n_rows,), optional
        What errors call each row; None: its position.
    """
    if inputs is None:
        by_code, codes = [pending], np.zeros(len(df), dtype=np.int64)
    else:
        by_job = [outcomes.get(job.key, pending) for job in inputs.jobs]
        by_problem = [Outcome(status=RowStatus.FAILED, error=_sentence(text)) for text in inputs.problems]
        by_code = [*by_job, *reversed(by_problem)]
        # Problem i has code -1 - i, which counts from the end.
        codes = np.where(inputs.codes >= 0, inputs.codes, len(by_code) + inputs.codes)
    rows = np.arange(len(df)) if rows is None else rows
    columns = {names[field]: _column(field, by_code, codes, artifact_path, rows) for field in names}
    result = df.assign(**{str(name): values for name, values in columns.items()})
    # So that an export tells masks that are not SAM 2's, without a column for it.
    before = () if names.get("mask") in df.columns else df.attrs.get(ENGINES_ATTR, ())
    engines = {outcome.engine for outcome in by_code if outcome.engine is not None}.union(before)
    result.attrs.pop(ENGINES_ATTR, None)
    if engines:
        result.attrs[ENGINES_ATTR] = sorted(engines)
    return result


def empty_result(df: pd.DataFrame, options: CallOptions) -> pd.DataFrame:
    """Return what a call gives for a frame's columns and no row. Nothing is opened.

    Raises
    ------
    OptionError
        If a column is missing, or an output column exists.
    """
    from samframe.frame.call.asked import Asked  # noqa: PLC0415 - it stands on this module

    names = options.output_names()
    asked = Asked(df.iloc[:0], options, names)
    distinct_rows(asked.frame, asked.columns)
    return asked.answer(result_frame(asked.frame, None, {}, names, pending=NEVER_SENT, artifact_path=Path))


def _sentence(problem: str) -> str:
    text = problem if problem.endswith((".", "!", "?")) else f"{problem}."
    return f"{text[:1].upper()}{text[1:]} Not sent, nothing charged."


def _column(
    field: str,
    outcomes: Sequence[Outcome],
    codes: NDArray[np.int64],
    artifact_path: Callable[[str], Path],
    rows: NDArray[np.int64],
) -> Any:
    match field:
        case "mask":
            column = MaskArray._from_sequence([outcome.mask for outcome in outcomes])  # noqa: SLF001 - pandas' own constructor
        case "overlay":
            paths = [
                str(artifact_path(outcome.artifact)) if outcome.artifact else None for outcome in outcomes
            ]
            column = pd.array(paths, dtype="string")
        case "status":
            column = pd.Categorical([outcome.status.value for outcome in outcomes], dtype=STATUS_DTYPE)
        case "box":
            return np.full(len(codes), None, dtype=object)
        case "error":
            return _errors(outcomes, codes, rows)
        case _:
            dtype = _DTYPES.get(field, "Float64")
            # Those of an object are filled once the masks of a job are rows.
            column = pd.array([getattr(outcome, field, None) for outcome in outcomes], dtype=dtype)
    return column.take(codes)


_DTYPES = {"request_id": "string", "engine": "string", "attempts": "Int64", "instance": "Int64"}


def _errors(outcomes: Sequence[Outcome], codes: NDArray[np.int64], rows: NDArray[np.int64]) -> Any:
    """Return the errors, each naming its row; rows that share a job have their own."""
    has_error = np.array([outcome.error is not None for outcome in outcomes], dtype=bool)
    texts = np.full(len(codes), None, dtype=object)
    for position in np.flatnonzero(has_error[codes]) if len(codes) else []:
        texts[position] = f"Row {rows[position]}: {outcomes[codes[position]].error}"
    return pd.array(texts, dtype="string")
