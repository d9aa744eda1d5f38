"""Any mix of cells through the main call, and then through everything that shows a frame: nothing is raised."""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
import random

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from samframe.testing import HOSTILE_TEXTS

ROWS = 30


def images(picture, file_of):
    """Return cells for the image column: pictures of all kinds, and what is none."""
    png = file_of(picture(1))
    return [
        picture(0),
        picture(0),
        Image.fromarray(picture(2)),
        png,
        png[: len(png) // 2],
        b"",
        None,
        pd.NA,
        pd.NaT,
        float("nan"),
        3,
        ["a.png"],
        {"bytes": png},
        np.zeros((2, 2)),
        pathlib.Path("/no/such"),
        "https://example.com/a.png?token=SECRET",
        "data:,",
        *HOSTILE_TEXTS,
    ]


PROMPTS = [
    "car",
    "car",
    "nothing",
    None,
    pd.NA,
    float("nan"),
    b"car",
    3,
    True,
    ["car"],
    np.str_("car"),
    decimal.Decimal(1),
    dt.date(2026, 1, 1),
    *HOSTILE_TEXTS,
]

POINTS = [
    None,
    (3, 4),
    [(1, 2), (5, 6)],
    np.array([[1, 2]]),
    "[[1, 2]]",
    "junk",
    "[" * 50_000,
    (99, 99),
    [],
    (1,),
    (True, False),
    [(1, "a")],
    [(None, 2)],
    (float("inf"), 1),
    {"x": 1},
    float("nan"),
    3,
    "[[1, 2], [3]]",
]


def any_frame(chance, image_cells):
    """Return a frame of cells drawn by chance, on labels drawn by chance."""

    def column(cells):
        return pd.Series([chance.choice(cells) for _ in range(ROWS)], dtype=object)

    df = pd.DataFrame(
        {
            "image": column(image_cells),
            "prompt": column(PROMPTS),
            "yes": column(POINTS),
            "no": column(POINTS),
        }
    )
    return df.set_axis(pd.MultiIndex.from_arrays([column(HOSTILE_TEXTS[:9]), column([1, 2, "x"])]), axis=0)


def draw(axes):
    """Draw the figure of an array of Axes."""
    FigureCanvasAgg(axes[0].figure).draw()


@pytest.mark.parametrize("seed", range(4))
def test_any_cells_give_a_frame_that_can_be_shown(service, picture, file_of, tmp_path, seed):
    """Whatever the cells, every row has a status, and a reason where it has no mask; each view takes the frame."""
    df = any_frame(random.Random(seed), images(picture, file_of))  # noqa: S311 - chance, no secret
    out = service.segment(df, coordinates_col="yes", remove_coordinates_col="no", details=True)

    assert out.index.equals(df.index)
    assert (out["mask"].notna() == (out["status"] == "completed")).all()
    assert (out["error"].isna() == (out["status"] == "completed")).all()

    assert out.sam.suspicion()["score"].between(0, 1).all()
    draw(out.sam.plot(n=ROWS, coordinates_col="yes", remove_coordinates_col="no"))
    draw(out.sam.plot_summary())
    out.sam.to_html(tmp_path / "report.html", columns=["yes", "request_id"])
    assert "SECRET" not in (tmp_path / "report.html").read_text(encoding="utf-8")
