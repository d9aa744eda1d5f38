"""The preview of a frame, and what ``df.sam`` says of itself."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import samframe
from samframe.errors import OptionError
from samframe.masks import Mask


def frame_of(n):
    images = [np.full((20, 30, 3), row % 250, dtype=np.uint8) for row in range(n)]
    masks = [Mask.from_numpy(np.eye(20, 30, dtype=bool)) if row % 3 else None for row in range(n)]
    return pd.DataFrame({"image": images, "prompt": "cat", "mask": pd.array(masks, dtype="mask")})


def pictures_of(page):
    return re.findall(r'src="data:image/webp;base64,([^"]+)"', page)


@pytest.mark.parametrize(("n", "asked", "shown"), [(80, 1000, 50), (80, 10, 10), (3, 10, 3), (0, 10, 0)])
def test_never_more_than_fifty_pictures(n, asked, shown):
    """A picture a row, 50 at most, however many are asked for."""
    found = frame_of(n).sam.preview(n=asked)
    page = found._repr_html_()

    assert len(pictures_of(page)) == shown
    assert f"{shown} of {n} rows" in page
    assert all(Image.open(io.BytesIO(base64.b64decode(data))).size == (96, 96) for data in pictures_of(page))


def test_texts_are_text():
    """Names, labels and cells are no markup and no formula; arrays are named by their kind."""
    frame = frame_of(2).rename(columns={"prompt": "<i>$a$</i>"})
    frame = frame.assign(note=["<img src=x onerror=alert(1)>", "$1 $2"], other=[np.zeros(3), b"x" * 999])
    page = frame.set_axis(["<u>", "b"]).sam.preview()._repr_html_()

    assert len(re.findall("<img", page)) == 2
    assert "<u>" not in page
    assert "<i>" not in page
    assert not re.search(r"\$[^<]*\$", page)
    assert "&lt;ndarray&gt;" in page
    assert "&lt;bytes&gt;" in page


def test_an_image_that_cannot_be_read_is_grey():
    """A row without a readable image, and a frame without masks, are shown all the same."""
    frame = pd.DataFrame({"image": ["no such.png", None, "https://example.org/a.png"]}, index=[1, 1, 2])

    assert len(pictures_of(samframe.preview(frame)._repr_html_())) == 3


@pytest.mark.parametrize(
    "wrong", [{"n": -1}, {"n": True}, {"n": 2.5}, {"side_px": 4}, {"image_col": "imgae"}]
)
def test_what_cannot_be_shown_is_refused(wrong):
    """A number out of range and a column that is missing: an error with words."""
    with pytest.raises(OptionError):
        frame_of(2).sam.preview(**wrong)


def test_the_accessors_say_what_they_hold():
    """No bare address: rows, masks, and what can be done."""
    frame = frame_of(6)

    assert "6 rows, 4 masks in 'mask'" in repr(frame.sam)
    assert "segment()" in repr(frame[["image"]].sam)
    assert "4 masks, 2 missing" in repr(frame["mask"].sam)


def test_a_report_tells_its_warnings():
    """The text of each warning stands in the one line that a cell shows."""
    from samframe.export import ExportReport  # noqa: PLC0415

    one = ExportReport(path="x", format="coco", rows_written=1, warnings=("a\nb",))
    two = ExportReport(path="x", format="coco", rows_written=1, warnings=("first", "second"))

    assert repr(one).endswith("1 warning: a b>")
    assert str(two).endswith("2 warnings: (1) first; (2) second")
