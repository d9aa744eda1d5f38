"""Prompts compared on a sample: one run, nothing paid twice, and text of every kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import samframe
from samframe.errors import OptionError
from samframe.jobs.pace.estimate import ServiceTimes
from samframe.masks import Mask
from samframe.server import DrawnEngine, LocalServer, ServerConfig
from samframe.testing import HOSTILE_TEXTS, make_scene

KEY = "SG_0123456789abcdef"


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A local service that draws ellipses and bills $0.002 a job, and what a call needs for it."""
    monkeypatch.setattr(ServiceTimes.__init__, "__defaults__", (0.02,))  # the first poll comes at once
    with LocalServer(ServerConfig(engine=DrawnEngine(), price_usd=0.002, api_key=KEY)) as server:
        client = samframe.Client(KEY, base_url=server.base_url)
        yield server, {"client": client, "store": tmp_path / "store", "progress": False}


@pytest.fixture(scope="module")
def offline():
    """The offline engine."""
    with samframe.offline() as client:
        yield client


def images(n):
    """Return a frame of n small images, some in several rows."""
    arrays = [np.full((24, 32, 3), shade, np.uint8) for shade in range(0, n * 5, 5)]
    return pd.DataFrame({"image": pd.Series([arrays[at] for at in [*range(n), 0, n - 1]], dtype=object)})


def test_masks_statuses_and_iou_are_those_of_segment(offline, tmp_path):
    """Each variant has the masks that segment gives, a list of prompts their union, and the IoU between them."""
    scene = make_scene("flat", 5000, size=192)
    df = pd.DataFrame({"image": [scene.image]}, index=["shapes"])
    found = df.sam.compare(
        {"one": "yellow rectangle", "two": ["blue star", "yellow rectangle"], "none": "violet submarine"},
        client=offline,
        store=tmp_path,
        progress=False,
    )
    row = found.frame.loc["shapes"]
    truth = Mask.from_numpy(scene.prompts["yellow rectangle"])

    assert row["mask_one"].iou(truth) > 0.9
    assert row["mask_two"] == row["mask_one"] | row["mask_two"]
    assert row["iou_one_two"] == pytest.approx(row["mask_one"].iou(row["mask_two"]))
    assert (row["status_one"], row["status_none"], row["area_none"]) == ("completed", "failed", pd.NA)
    assert found.summary["failure_rate"].tolist() == [0.0, 0.0, 1.0]
    assert found.summary.loc["one", "iou_none"] is pd.NA
    assert found.is_offline
    assert "not SAM 2" in str(found)


def test_shared_prompts_are_paid_once(service):
    """Equal image and prompt are one job across variants, and a second comparison costs nothing."""
    server, options = service
    first = images(3).sam.compare({"a": ["car", "dog"], "b": "car"}, **options)
    again = images(3).sam.compare({"a": ["car", "dog"], "b": "car"}, **options)

    assert server.counters.billed == 6
    assert first.report.usd_low == pytest.approx(0.012)
    assert again.report.usd_low == 0
    assert first.summary["cost_usd"].tolist() == pytest.approx([0.012, 0.006])
    assert first.frame["mask_a"].equals(again.frame["mask_a"])


def test_dry_tells_the_bill_and_sends_nothing(service):
    """With ``dry`` the plan of the same call comes back."""
    server, options = service
    bill = images(4).sam.compare({"a": "car", "b": ["car", "dog"]}, dry=True, **options)

    assert (bill.to_pay, bill.usd_low, server.counters.accepted) == (8, pytest.approx(0.016), 0)


def test_max_cost_is_a_hard_stop(service):
    """No job is sent that could pass the limit; rows that were not sent say so."""
    server, options = service
    found = images(5).sam.compare({"a": "car", "b": "dog"}, max_cost=0.006, **options)

    assert server.counters.billed <= 3
    assert found.summary["failure_rate"].mean() >= 0.7


def test_sample_is_seeded_and_distinct(service):
    """The same seed draws the same distinct images, in the frame's order; another seed draws others."""
    _, options = service
    df = images(40)
    seeds = {}
    for run, seed in (("one", 1), ("two", 1), ("three", 2)):
        found = df.sam.compare({"a": "car", "b": "dog"}, n=6, seed=seed, **options)
        seeds[run] = found.frame.index.tolist()

    assert seeds["one"] == seeds["two"] == sorted(set(seeds["one"]))
    assert len(seeds["one"]) == 6
    assert seeds["three"] != seeds["one"]


@pytest.mark.parametrize("labels", [[7, 7, 7, 7], pd.MultiIndex.from_product([["a"], [1, 1, 2, 2]])])
def test_any_index(service, labels):
    """Duplicate and many-level labels come through."""
    _, options = service
    df = images(2).set_axis(labels, axis=0)
    found = df.sam.compare({"a": "car", "b": "dog"}, **options)

    assert found.frame.index.equals(df.index[:2])
    assert found.summary["failure_rate"].tolist() == [0.0, 0.0]


def test_image_that_cannot_be_read_is_a_failed_row(service):
    """A missing file fails its row only; nothing is raised."""
    _, options = service
    df = pd.DataFrame({"photo": ["/no/such/file.png", None, images(1)["image"][0]]})
    found = df.sam.compare({"a": "car", "b": "dog"}, image_col="photo", **options)

    assert found.frame["status_a"].tolist() == ["failed", "failed", "completed"]
    assert found.frame["iou_a_b"].isna().tolist() == [True, True, False]


def test_no_rows(service):
    """An empty frame gives an empty comparison, which shows itself all the same."""
    server, options = service
    found = images(2).iloc[:0].sam.compare({"a": "car", "b": "dog"}, **options)

    assert (len(found.frame), server.counters.accepted) == (0, 0)
    assert found.plot().size == 0
    assert "<table " in found._repr_html_()


def test_plot_is_side_by_side_and_the_most_different_come_first(service):
    """A line is an image, a tile a variant; the image on which they agree least is on top."""
    _, options = service
    found = images(5).sam.compare({"a": "car", "b": "dog"}, **options)
    axes = found.plot(n=3)
    FigureCanvasAgg(axes[0].figure).draw()
    worst = found.frame["iou_a_b"].min()

    assert [one.get_title() for one in axes] == ["a", "b"] * 3
    assert axes[0].get_subplotspec().get_gridspec().ncols == 2
    assert axes[1].get_xlabel() == f"IoU {worst:.2f} with a"


def test_hostile_names_and_prompts_are_text(service):
    """Names and prompts of any kind are drawn and shown as text."""
    _, options = service
    refused = ("\ud800", "\u200b", "\x00", "\x1b")  # told before anything is sent, as are very long texts
    texts = [
        text
        for text in HOSTILE_TEXTS
        if text.strip() and len(text) <= 2000 and not any(letter in text for letter in refused)
    ]
    found = images(1).sam.compare({text: text for text in texts}, **options)
    FigureCanvasAgg(found.plot()[0].figure).draw()
    page = found._repr_html_()

    assert "<img" not in page
    assert "<script" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


@pytest.mark.parametrize(
    ("variants", "words"),
    [
        ({"a": "car"}, "two names or more"),
        (["car", "dog"], "two names or more"),
        ({"a": "car", "b": ""}, "'b'"),
        ({"a": "car", "b": []}, "'b'"),
        ({"a": "car", "b": ["dog", None]}, "'b'"),
        ({"a": "car", "b": b"dog"}, "'b'"),
        ({"a": "car", "b": "\ud800"}, "'b'"),
        ({"a": "car", "b": "x" * 3000}, "'b'.*max_prompt="),
        ({"a": "car", "b\x00": "b\x00"}, r"number 2.*U\+0000"),
        ({"a": "car", 3: "dog"}, "3"),
        ({"a_b": "1", "c": "2", "a": "3", "b_c": "4"}, "rename one"),
    ],
)
def test_wrong_variants_are_told_before_anything_is_sent(service, variants, words):
    """A mapping that cannot be asked is refused, and nothing is sent."""
    server, options = service
    with pytest.raises(OptionError, match=words):
        images(1).sam.compare(variants, **options)

    assert server.counters.accepted == 0


@pytest.mark.parametrize("n", [0, True, 2.5])
def test_wrong_numbers_are_told(service, n):
    """``n`` is a number of images."""
    with pytest.raises(OptionError, match="n is a number of images"):
        images(1).sam.compare({"a": "car", "b": "dog"}, n=n, **service[1])
