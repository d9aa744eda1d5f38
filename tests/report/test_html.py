"""The static report as a file: what it holds, what it leaves out, and frames of every kind."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import samframe
from samframe.errors import OptionError
from samframe.masks import Mask
from samframe.testing import HOSTILE_TEXTS

PIXELS = np.zeros((60, 90), bool)
PIXELS[20:40, 30:70] = True


def frame(n_rows=2, **columns):
    """Return rows that share one red image, each with a box for a mask."""
    image = np.full((60, 90, 3), (200, 30, 30), np.uint8)
    return pd.DataFrame(
        {
            "image": pd.Series([image] * n_rows, dtype=object),
            "prompt": [f"thing {row}" for row in range(n_rows)],
            "mask": pd.array([Mask.from_numpy(PIXELS)] * n_rows, dtype="mask"),
            "status": ["completed"] * n_rows,
            **columns,
        }
    )


@pytest.fixture
def written(tmp_path):
    """Write a report and return its text."""

    def write(df, **options):
        df.sam.to_html(tmp_path / "report.html", **options)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return write


def data_of(page):
    """Return what the page's script reads."""
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    )


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_rows_say_what_the_frame_says(written):
    """Prompt, status, area, share, time and suspicion of each row are in the page's data."""
    rows = data_of(written(frame(2, inference_time=[1.5, None])))["rows"]

    assert [(row["prompt"], row["status"], row["area"], row["time"]) for row in rows] == [
        ("thing 0", "completed", 800, 1.5),
        ("thing 1", "completed", 800, None),
    ]
    assert rows[0]["share"] == pytest.approx(800 / 5400)
    assert rows[0]["why"].startswith("nearly the mask of another prompt")


def test_thumbnail_is_kept_once_for_all_rows_that_share_it(written):
    """Rows of one image hold one JPEG among them."""
    data = data_of(written(frame(50), size_px=64))
    picture = Image.open(io.BytesIO(base64.b64decode(data["images"][0])))

    assert (len(data["images"]), {row["image"] for row in data["rows"]}) == (1, {0})
    assert (picture.format, picture.size) == ("JPEG", (64, 43))


def test_overlay_is_the_mask_on_the_thumbnails_raster(written):
    """The overlay is clear inside the mask, pale outside of it, with a solid line between."""
    data = data_of(written(frame(1), size_px=90))
    overlay = Image.open(io.BytesIO(base64.b64decode(data["rows"][0]["mask"]))).convert("RGBA")
    alphas = np.asarray(overlay)[..., 3]

    assert overlay.size == (90, 60)
    assert (alphas[30, 50], alphas[5, 5], alphas[20, 50], alphas[19, 50]) == (0, 165, 255, 255)
    assert np.array_equal((alphas == 0)[21:39, 31:69], PIXELS[21:39, 31:69])


@pytest.mark.parametrize("n_rows", [0, 1])
def test_few_rows(written, n_rows):
    """No row and one row make a page."""
    page = written(frame(n_rows))

    assert len(data_of(page)["rows"]) == n_rows
    assert f"<p>{n_rows} row{'s' if n_rows == 0 else ''}</p>" in page


def test_first_rows_only(written):
    """``n`` limits the rows, and the page says so."""
    page = written(frame(5), n=2)

    assert len(data_of(page)["rows"]) == 2
    assert "The first 2 of 5 rows" in page


def test_image_that_cannot_be_shown_leaves_its_mask(written):
    """A URL is not downloaded and a file may be gone: the mask stands alone, in its own proportions."""
    df = frame(2)
    df["image"] = ["https://user.example/a.png?token=SECRET", "/no/such/folder/b.png"]
    page = written(df)
    rows = data_of(page)["rows"]

    assert [(row["image"], row["size"], row["source"]) for row in rows] == [
        (-1, [60, 90], "https://user.example/a.png"),
        (-1, [60, 90], "b.png"),
    ]
    assert "SECRET" not in page
    assert "/no/such/folder" not in page


def test_errors_tell_no_folder_of_this_machine(written):
    """The working folder in an error's text is left out."""
    folder = os.getcwd()  # noqa: PTH109 - the text is what counts
    page = written(frame(1, error=[f"Row 0: 'a.png': no such file; {folder}/a.png was looked for."]))

    assert folder not in page
    assert data_of(page)["rows"][0]["error"].endswith("; a.png was looked for.")


def test_further_columns_are_shown_with_their_labels(written):
    """Columns that are named come along as text."""
    data = data_of(written(frame(1, camera=["north"], count=[3]), columns=["camera", "count"]))

    assert (data["labels"], data["rows"][0]["extra"]) == (["camera", "count"], ["north", "3"])


def test_offline_masks_are_called_so(written):
    """Rows of the offline engine bring a notice; others do not."""
    offline, other = (written(frame(2, engine=[name] * 2)) for name in ("offline/0.1.0", "sam-v2"))

    assert "2 masks are from the offline engine, which is not SAM 2" in offline
    assert "offline engine" not in other


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_hostile_text_adds_no_tag(written, text):
    """Prompts, statuses, errors, file names, index and column labels change nothing in the page's structure."""
    df = frame(1).set_index(pd.Index([text], dtype=object))
    df.columns = df.columns.astype(object)
    for name in ("image", "prompt", "status", "error", text or "blank"):
        df[name] = pd.Series([text], index=df.index, dtype=object)
    plain = written(frame(1, x=["y"]), columns=["x"])
    page = written(df, columns=[text or "blank"], title=text)

    assert [tag for tag, _ in Tags(page).found] == [tag for tag, _ in Tags(plain).found]


def test_page_may_ask_for_nothing(written):
    """The policy forbids all requests, and lets the two inline blocks in by their digests only."""
    tags = Tags(written(frame(1))).found
    policy = next(attrs["content"] for tag, attrs in tags if attrs.get("http-equiv"))

    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not [attrs for _, attrs in tags if attrs.keys() & {"src", "href", "action", "onload"}]


def test_long_text_is_cut(written):
    """A cell of a million characters takes little room."""
    page = written(frame(1).assign(prompt=["x" * 1_000_000]))

    assert len(page) < 60_000
    assert data_of(page)["rows"][0]["prompt"].endswith("(1,000,000 characters)")


def test_own_suspicion_is_taken(written):
    """A frame of scores and reasons may be handed in; False leaves the marks out."""
    own = pd.DataFrame({"score": [0.25, 0.5], "reasons": ["mine", ""]})

    assert [row["doubt"] for row in data_of(written(frame(2), suspicion=own))["rows"]] == [0.25, 0.5]
    assert data_of(written(frame(1), suspicion=False))["rows"][0]["doubt"] is None


def test_failed_write_leaves_the_old_report(tmp_path):
    """A frame that cannot be reported, or a folder that is not there, changes no file."""
    path = tmp_path / "report.html"
    frame(1).sam.to_html(path)
    before = path.read_bytes()
    with pytest.raises(OptionError, match="no column 'nothing'"):
        frame(1).sam.to_html(path, columns=["nothing"])
    with pytest.raises(FileNotFoundError):
        frame(1).sam.to_html(tmp_path / "none" / "report.html")

    assert (path.read_bytes(), [file.name for file in tmp_path.iterdir()]) == (before, ["report.html"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": -1}, "n is a number of rows"),
        ({"n": True}, "n is a number of rows"),
        ({"size_px": 0}, "size_px is a number of pixels"),
        ({"mask_col": "prompt"}, "not 'mask'"),
        ({"suspicion": pd.DataFrame({"score": [1.0]})}, "suspicion is a bool"),
    ],
)
def test_wrong_options_are_told(tmp_path, options, words):
    """Options out of range are errors that name them."""
    with pytest.raises(OptionError, match=words):
        samframe.to_html(frame(2), tmp_path / "report.html", **options)
