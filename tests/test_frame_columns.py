"""Columns by name, and cells that hold nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from samframe.errors import OptionError
from samframe.ground.cells import as_text, is_missing
from samframe.ground.frame import has_column, only_column


@pytest.mark.parametrize("cell", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT])
def test_cells_that_hold_nothing(cell):
    """What pandas and numpy call missing is missing, and no text."""
    assert (is_missing(cell), as_text(cell)) == (True, "")


@pytest.mark.parametrize("cell", ["", 0, 0.0, False, [], np.array([np.nan])])
def test_cells_that_hold_something(cell):
    """Empty text, zero, an empty list and an array are cells."""
    assert (is_missing(cell), as_text(cell)) == (False, str(cell))


def test_the_one_column_of_a_name():
    """A column is given by its name, of whatever type."""
    df = pd.DataFrame({"a": [1], 3: [2], ("b", "c"): [4]})

    assert [only_column(df, name).tolist() for name in ("a", 3, ("b", "c"))] == [[1], [2], [4]]


@pytest.mark.parametrize(
    ("frame", "name", "words"),
    [
        (pd.DataFrame({"a": [1]}), "b", "no column 'b'; it has 'a'"),
        (pd.DataFrame(), "b", "it has none"),
        (pd.DataFrame({"a": [1]}), ["a"], "no column"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a", "2 columns named 'a'"),
        ([1], "a", "not a list"),
    ],
)
def test_no_such_column(frame, name, words):
    """A missing, repeated or impossible name, and what is no frame, are told."""
    with pytest.raises(OptionError, match=words):
        only_column(frame, name)
    assert not isinstance(frame, pd.DataFrame) or has_column(frame, name) == ("2 columns" in words)
