"""The filter as a pandas expression: it keeps the same rows in the gallery and in df.query."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samframe.errors import OptionError
from samframe.masks import Mask
from samframe.widgets.gallery.query import Filter, expression_of, rows_kept

COLUMNS = {
    "status_col": "status",
    "prompt_col": "prompt",
    "mask_col": "mask",
    "seconds_col": "inference_time",
}


def mask_of(area):
    pixels = np.zeros(100, dtype=bool)
    pixels[:area] = True
    return Mask.from_numpy(pixels.reshape(10, 10))


@pytest.fixture
def frame():
    """Six rows, each lacking something; the index repeats."""
    return pd.DataFrame(
        {
            "mask": pd.array(
                [mask_of(5), mask_of(50), None, mask_of(0), mask_of(99), mask_of(50)], dtype="mask"
            ),
            "prompt": ["red Car", None, "boat", "CAR", "", "scar"],
            "status": pd.Categorical(["completed", "completed", "failed", "completed", None, "lost"]),
            "inference_time": pd.array([1.0, 2.5, None, 0.5, 3, 2], dtype="Float64"),
        },
        index=[7, 7, 7, 8, 9, 9],
    )


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (Filter(statuses=("completed",)), [0, 1, 3]),
        (Filter(statuses=("failed", "lost")), [2, 5]),
        (Filter(text="car"), [0, 3, 5]),
        (Filter(area=(5, 50)), [0, 1, 5]),
        (Filter(area=(51, None)), [4]),
        (Filter(seconds=(None, 1.0)), [0, 3]),
        (Filter(query="inference_time > 1 and prompt == 'scar'"), [5]),
        (Filter(query="mask.sam.area == 0 or index == 9"), [3, 4, 5]),
        (Filter(statuses=("completed",), text="car", area=(1, None), seconds=(0.75, 2)), [0]),
    ],
)
def test_keeps_the_rows_that_the_query_gives(frame, wanted, rows):
    """The rows that are shown are those of df.query with the expression; a missing value fulfils nothing."""
    expression = expression_of(wanted, **COLUMNS)

    assert np.flatnonzero(rows_kept(frame, expression)).tolist() == rows
    pd.testing.assert_frame_equal(frame.query(expression), frame.iloc[rows])
    pd.testing.assert_frame_equal(frame.query(expression, engine="python"), frame.iloc[rows])


def test_nothing_asked_keeps_all(frame):
    """No condition is no expression, and keeps every row."""
    assert expression_of(Filter(), **COLUMNS) == ""
    assert rows_kept(frame, "").all()


@given(st.text(max_size=30))
def test_any_text_is_found_and_nothing_of_it_is_read_as_code(text):
    """Whatever stands in a prompt, a filter by it finds that prompt, in df.query as well."""
    frame = pd.DataFrame({"prompt": [text, "other"]})
    expression = expression_of(Filter(text=text), **COLUMNS)

    if text:
        assert rows_kept(frame, expression)[0]
        assert frame.query(expression).index[0] == 0
    assert expression.isascii()


def test_odd_column_names_are_said(frame):
    """A column whose name is no name of Python's can be filtered by."""
    renamed = frame.rename(columns={"prompt": "the best prompt (v1.0), 50%"})
    expression = expression_of(Filter(text="boat"), **COLUMNS | {"prompt_col": "the best prompt (v1.0), 50%"})

    assert np.flatnonzero(rows_kept(renamed, expression)).tolist() == [2]
    assert len(renamed.query(expression)) == 1


@pytest.mark.parametrize("column", [3, ("a", "b"), "back`tick", None])
def test_a_column_without_a_name_is_refused(column):
    """What a query cannot say is an error with words, not another column."""
    with pytest.raises(OptionError):
        expression_of(Filter(text="x"), **COLUMNS | {"prompt_col": column})


@pytest.mark.parametrize(
    "query",
    ["no_such_column > 1", "prompt >", "@frame", "inference_time.mean() > 1", "x = 3", "prompt + 'x'", "1 +"],
)
def test_what_is_no_truth_a_row_is_refused(frame, query):
    """A slip of the hand, a variable of the notebook, an assignment: told, never a crash."""
    with pytest.raises(OptionError, match="query"):
        rows_kept(frame, expression_of(Filter(query=query), **COLUMNS))
