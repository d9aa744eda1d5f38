"""Cells of a call's columns: what they hold, and the distinct jobs that they ask for."""

from samframe.frame.cells.boxes import BOX_FORMATS
from samframe.frame.cells.hints import check_keywords
from samframe.frame.cells.refusals import LONGEST_PROMPT, why_no_prompt
from samframe.frame.cells.rows import (
    Distinct,
    Inputs,
    distinct_rows,
    factorize_cells,
    make_inputs,
    read_prompt,
)

__all__ = [
    "BOX_FORMATS",
    "LONGEST_PROMPT",
    "Distinct",
    "Inputs",
    "check_keywords",
    "distinct_rows",
    "factorize_cells",
    "make_inputs",
    "read_prompt",
    "why_no_prompt",
]
