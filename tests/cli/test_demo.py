"""``samframe demo``: every row but the refused one has its mask, and a second run sends nothing."""

from __future__ import annotations

import pytest
from PIL import Image

from samframe import read_parquet
from samframe.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(folder):
    """The first run of the smallest demo: exit status."""
    return main(["demo", "--rows", "2", "--out", str(folder)])


def test_ends_well(first):
    """The demo ends with 0: every row is as it must be."""
    assert first == 0


def test_all_rows_but_the_refused_one_have_masks(first, folder):
    """Four point prompts and two text prompts have masks; what is not there is refused."""
    out = read_parquet(folder / "masks.parquet")

    assert out["mask"].notna().tolist() == [True] * 6 + [False]
    assert out["status"].iloc[-1] == "failed"


def test_masks_are_those_that_were_drawn(first, folder):
    """The scenes' masks agree with what was drawn."""
    assert read_parquet(folder / "masks.parquet")["iou"].min() > 0.9


def test_gallery_is_a_picture(first, folder):
    """gallery.png is a picture of a sensible size."""
    with Image.open(folder / "gallery.png") as picture:
        picture.load()
        width, height = picture.size

    assert (width > 800, height > 300) == (True, True)


def test_second_run_sends_nothing(first, folder, samframe):
    """The ledger in the folder makes the second run free of requests."""
    ran = samframe("demo", "--rows", "2", "--out", folder)

    assert "Requests: 0." in ran.out
    assert "NOT SAM 2" in ran.out


@pytest.mark.parametrize("rows", ["0", "1001", "x"])
def test_rows_out_of_range(samframe, rows, tmp_path):
    """A number of scenes that cannot be drawn is wrong usage."""
    assert samframe("demo", "--rows", rows, "--out", tmp_path).status == 2
