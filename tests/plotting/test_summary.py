"""The summary figure: which panels, what they count, and frames of every size and text."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import style as mpl_style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import samframe  # noqa: F401 - registers df.sam
from samframe.errors import OptionError
from samframe.masks import Mask
from samframe.testing import HOSTILE_TEXTS as HOSTILE


def result(n_rows, *, prompts=("car",)):
    """Return a frame as a run leaves it, with details."""
    pixels = np.zeros((40, 50), bool)
    pixels[5:25, 10:40] = True
    return pd.DataFrame(
        {
            "prompt": [prompts[row % len(prompts)] for row in range(n_rows)],
            "mask": pd.array([Mask.from_numpy(pixels)] * n_rows, dtype="mask"),
            "status": pd.Categorical(["completed"] * n_rows, categories=["completed", "failed"]),
            "inference_time": pd.array(np.linspace(1, 2, n_rows), dtype="Float64"),
            "queue_time": pd.array([0.5] * n_rows, dtype="Float64"),
            "cost": pd.array([0.002] * n_rows, dtype="Float64"),
            "request_id": pd.array([f"id-{row}" for row in range(n_rows)], dtype="string"),
        }
    )


def drawn(axes):
    """Draw the figure and return the Axes: what is wrong with a text shows only then."""
    FigureCanvasAgg(axes[0].figure).draw()
    return axes


def labels(axes):
    """Return the labels of the rows of a panel."""
    return [tick.get_text() for tick in axes.get_yticklabels()]


@pytest.mark.parametrize(
    ("n_rows", "words", "spent"), [(0, "0 rows", "$0.00"), (1, "1 row", "$0.002"), (200, "200 rows", "$0.40")]
)
def test_four_panels_whatever_the_number_of_rows(n_rows, words, spent):
    """Status, times, spending and areas are drawn for no row, one row and many."""
    axes = drawn(result(n_rows).sam.plot_summary())

    assert (len(axes), axes[0].get_title(), axes[2].get_title()) == (4, words, f"{spent} spent")


@pytest.mark.parametrize("n_rows", [0, 3])
def test_free_rows_are_told(n_rows):
    """Where no job was billed the panel says so, and has no scale of cents."""
    axes = drawn(result(n_rows).assign(cost=0.0).sam.plot_summary())[2]

    assert [text.get_text() for text in axes.texts] == ["nothing was billed"]
    assert axes.get_yticks().tolist() == [0.0]


def test_rows_are_counted_by_status():
    """Each status has its bar, with its number, and its name in words."""
    frame = result(5)
    frame["status"] = ["completed", "in_doubt", "completed", None, "failed"]
    axes = drawn(frame.sam.plot_summary())

    assert dict(zip(labels(axes[0]), [bar.get_width() for bar in axes[0].patches], strict=True)) == {
        "completed": 2,
        "in doubt": 1,
        "none": 1,
        "failed": 1,
    }


def test_rows_that_share_a_request_are_paid_once():
    """Spending counts requests, not rows."""
    frame = result(10)
    frame["request_id"] = "one"

    assert drawn(frame.sam.plot_summary())[2].get_title() == "$0.002 spent"


def test_areas_are_shares_of_the_image():
    """A mask of 600 of 2000 pixels lies at 0.3."""
    axes = drawn(result(3).sam.plot_summary())

    assert axes[3].collections[0].get_offsets()[:, 0].tolist() == pytest.approx([0.3] * 3)


@pytest.mark.parametrize(("side", "least"), [(40, 0), (5, 2)])
def test_marks_of_areas_are_percentages(side, least):
    """Every label of the scale of areas is a percentage, for large masks and small ones."""
    pixels = np.zeros((40, 50), bool)
    pixels[:side, :side] = True
    frame = result(3)
    frame["mask"] = pd.array([Mask.from_numpy(pixels)] * 3, dtype="mask")
    axis = drawn(frame.sam.plot_summary())[3].xaxis
    texts = [tick.label1.get_text() for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]]

    assert all(text.endswith("%") for text in texts if text)
    assert len([text for text in texts if text]) >= least


def test_rare_prompts_are_put_together():
    """The most frequent prompts have a row each, the rest one for all."""
    axes = drawn(result(40, prompts=[f"thing {at}" for at in range(20)]).sam.plot_summary())

    assert len(labels(axes[3])) == 8
    assert labels(axes[3])[-1] == "all others"


@pytest.mark.parametrize(
    ("columns", "panels"),
    [(["mask"], 1), (["status"], 1), (["cost", "status"], 2), (["inference_time", "mask", "prompt"], 2)],
)
def test_missing_columns_leave_their_panels_out(columns, panels):
    """Only what is there is drawn."""
    assert len(drawn(result(5)[columns].sam.plot_summary())) == panels


def test_frame_without_anything_is_told():
    """A frame of other columns has no summary."""
    with pytest.raises(OptionError, match="nothing to sum up"):
        pd.DataFrame({"a": [1]}).sam.plot_summary()


def test_masks_that_are_missing_or_empty():
    """No mask, and one without a pixel, are no trouble on a logarithmic axis."""
    frame = result(2)
    frame["mask"] = pd.array([None, np.zeros((4, 4))], dtype="mask")

    assert len(drawn(frame.sam.plot_summary())) == 4
    assert len(drawn(frame.assign(mask=pd.array([None, None], dtype="mask")).sam.plot_summary())) == 4


def test_odd_numbers_are_passed_over():
    """NA, NaN, negative and infinite times and costs are not drawn."""
    frame = result(5)
    frame["inference_time"] = [1.0, np.nan, -1.0, np.inf, None]
    frame["cost"] = [0.002, None, np.nan, -3.0, np.inf]

    assert drawn(frame.sam.plot_summary())[2].get_title() == "$0.002 spent"


@pytest.mark.parametrize("style", ["default", "dark_background", "ggplot"])
def test_hostile_text_and_every_style(style):
    """Prompts and statuses are text, in any style, and no setting of matplotlib is changed."""
    frame = result(len(HOSTILE) * 2)
    frame["prompt"] = frame["status"] = pd.Series(list(HOSTILE) * 2, dtype=object)
    with mpl_style.context(style):
        before = dict(mpl.rcParams)
        axes = drawn(frame.sam.plot_summary())
        assert dict(mpl.rcParams) == before

    assert "<img src=x …" in labels(axes[0])


def test_own_figure_is_drawn_on():
    """A figure that is given is used, and nothing else is made."""
    figure = Figure()

    assert result(2).sam.plot_summary(figure=figure)[0].figure is figure
