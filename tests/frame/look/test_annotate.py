"""The annotator on the ordinary engine: what is sent is counted by the server, what it costs stands before it."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

import samframe
from samframe import Mask, OptionError
from samframe.server import DrawnEngine, LocalServer, ServerConfig

KEY = "SG_0123456789abcdef"
PRICE = 0.002


class Page:
    """What a page tells an annotator, one deed after the other."""

    def __init__(self, annotator):
        self.annotator = annotator
        self.deed = 0

    def do(self, name, **fields):
        self.annotator._on_message(None, {"do": name, "view": "page", "deed": self.deed, **fields}, [])
        self.deed += 1
        return self.state

    @property
    def state(self):
        return self.annotator.state

    def send(self, row, usd=PRICE):
        self.do("send", row=row, usd=usd)
        assert self.annotator.wait(60)
        return self.state


@pytest.fixture
def server():
    with LocalServer(
        ServerConfig(engine=DrawnEngine(refuse={"no"}), latency_s=0.0, price_usd=PRICE)
    ) as running:
        yield running


@pytest.fixture
def frame():
    images = [np.full((40, 60, 3), value, dtype=np.uint8) for value in (10, 90, 200)]
    masks = pd.array([Mask.from_bbox((3, 4, 9, 9), (40, 60)), None, None], dtype="mask")
    index = pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2)])
    return pd.DataFrame({"image": images, "prompt": ["cup", None, "no"], "mask": masks}, index=index)


@pytest.fixture
def annotate(server, tmp_path, frame):
    """Open the frame; the page that drives it."""

    def make(df=frame, **options):
        client = samframe.Client(KEY, base_url=server.base_url)
        return Page(df.sam.annotate(**({"client": client, "store": tmp_path / "store"} | options)))

    return make


def test_a_row_begins_with_the_points_behind_its_mask(annotate, server, frame, tmp_path):
    """Points of the call that made the mask are there; to send them is free; one is taken away, and replayed."""
    client = samframe.Client(KEY, base_url=server.base_url)
    clicks = frame.drop(columns="mask").assign(
        prompt=None, yes=[[(20, 15), (30, 15)], None, "junk"], no=[[(5, 5)], None, None]
    )
    out = clicks.iloc[:1].sam.segment(
        coordinates_col="yes",
        remove_coordinates_col="no",
        client=client,
        store=tmp_path / "store",
        progress=False,
    )
    page = annotate(out)
    assert page.state["points"] == [[20.0, 15.0, True], [30.0, 15.0, True], [5.0, 5.0, False]]
    assert page.state["review"] is None
    submits = server.counters.submits
    page.send(0, usd=0)
    assert server.counters.submits == submits
    page.do("remove_point", row=0, at=2)
    page.do("accept", row=0)
    result = page.annotator.result()
    pd.testing.assert_frame_equal(samframe.replay(out, page.annotator.events), result)

    named = annotate(clicks, coordinates_col="yes")
    assert named.state["points"] == [[20.0, 15.0, True], [30.0, 15.0, True]]
    assert named.do("go", to=2)["points"] == []
    assert annotate(clicks.assign(prompt="cup"), coordinates_col="yes").state["points"] == []
    with pytest.raises(OptionError, match="nothing"):
        annotate(clicks, coordinates_col="nothing")


def test_clicks_send_nothing_and_enter_sends_one(annotate, server, frame, tmp_path):
    """Points cost nothing; a send is one POST, of the points alone; the same segment call then finds it stored."""
    page = annotate()
    page.do("point", row=0, x=20, y=15, include=True)
    page.do("point", row=0, x=30, y=15, include=True)
    page.do("point", row=0, x=5, y=5, include=False)
    assert server.counters.submits == 0
    state = page.send(0)
    page.do("accept", row=0)
    out = page.annotator.result()
    clicks = frame[["image"]].iloc[:1].assign(yes=[[(20, 15), (30, 15)]], no=[(5, 5)])
    same = clicks.sam.segment(
        prompt_col=None,
        coordinates_col="yes",
        remove_coordinates_col="no",
        client=samframe.Client(KEY, base_url=server.base_url),
        store=tmp_path / "store",
        progress=False,
    )

    assert server.counters.submits == 1
    assert state["edited"] == "points"
    assert out["mask"].iloc[0] == same["mask"].iloc[0]
    assert out["edited_points"].iloc[0] == [(20.0, 15.0), (30.0, 15.0)]
    assert out["edited_request_id"].iloc[0] in {job.request_id for job in server.jobs}
    assert out.index.equals(frame.index)
    pd.testing.assert_frame_equal(samframe.replay(frame, page.annotator.events), out)


def test_what_is_stored_is_free(annotate, server):
    """The same points again are free, are told so before, and send no POST, in another annotator too."""
    first = annotate()
    first.do("point", row=1, x=20, y=15, include=True)
    first.send(1)
    second = annotate()
    second.do("go", to=1)
    second.do("point", row=1, x=20, y=15, include=True)
    _wait_for(lambda: "stored" in second.state["price"]["text"])
    price = second.state["price"]
    state = second.send(1, usd=price["usd"])

    assert price["usd"] == 0
    assert state["mask"] is not None
    assert server.counters.submits == 1


def test_the_price_is_that_of_the_plan(annotate, server):
    """Before anything is known a price stands there; then the plan's; and a batch's is the sum."""
    page = annotate()
    most = page.state["most"]
    _wait_for(lambda: page.state["price"]["text"] == "$0.002")
    page.do("queue", row=0)
    page.do("point", row=1, x=1, y=1, include=True)
    page.do("queue", row=1)
    _wait_for(lambda: page.state["queue"]["text"] == "$0.004")

    assert most == {"usd": PRICE, "text": "at most $0.002"}
    page.do("send_queue", usd=page.state["queue"]["usd"])
    assert page.annotator.wait(60)
    assert server.counters.submits == 2
    assert page.state["queue"]["rows"] == []


def test_nothing_goes_out_for_more_than_was_shown(annotate, server):
    """A send that was shown as free does not pay; the row tells why, and keeps its mask."""
    page = annotate()
    before = page.state["mask"]
    state = page.send(0, usd=0)

    assert server.counters.submits == 0
    assert "max_cost" in state["error"]
    assert state["mask"] == before


def test_max_cost_stops_all_that_is_sent(annotate, server):
    """The budget is the annotator's, over all sends; what would pass it is told, and not sent."""
    page = annotate(max_cost=0.003)
    page.do("point", row=0, x=1, y=1, include=True)
    page.send(0)
    page.do("point", row=0, x=9, y=9, include=True)
    _wait_for(lambda: "over the $0.001 that is left of max_cost" in page.state["price"]["text"])
    state = page.send(0)

    assert server.counters.submits == 1
    assert "max_cost" in state["error"]


def test_a_refused_job_is_told_and_can_be_sent_again(annotate, server):
    """A job that fails leaves the mask, says why, and is asked for anew: it was not billed."""
    page = annotate()
    page.do("go", to=2)
    state = page.send(2)
    again = page.send(2)

    assert not state["error"].startswith("Row 0")
    assert state["error"]
    assert again["error"]
    assert server.counters.submits == 2
    assert server.counters.billed == 0


def test_a_server_that_is_gone_is_told(frame, tmp_path):
    """A call that stops as a whole is told in the widget; nothing hangs."""
    client = samframe.Client(KEY, base_url="http://127.0.0.1:9")
    page = Page(frame.sam.annotate(client=client, store=tmp_path, rows=[0]))
    state = page.send(0)

    assert "nothing was sent" in state["error"].lower()
    assert page.annotator.pending == []


def test_without_a_key_all_but_sending_works(frame, tmp_path, monkeypatch):
    """Strokes, accept and result need no key; Enter says what is missing."""
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    page = Page(frame.sam.annotate(store=tmp_path))
    page.do("brush", row=0, path=[[30, 30]], radius=4, erase=False)
    _wait_for(lambda: page.state["price"]["text"])
    page.do("accept", row=0)
    page.do("go", to=0)
    state = page.do("send", row=0, usd=PRICE)

    assert "SEGMIND_API_KEY" in state["message"]
    assert page.annotator.result()["edited"].iloc[0] == "by hand"


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        (None, [0, 1, 2]),
        ([2, 0], [2, 0]),
        (pd.Series([True, False, True]), [0, 2]),
        (pd.array([True, None, False], dtype="boolean"), [0]),
        (np.array([1]), [1]),
        ([], []),
        (range(2), [0, 1]),
    ],
)
def test_rows_are_chosen_by_position_or_by_booleans(annotate, rows, shown):
    """The option rows takes positions in any order, or one True or False a row."""
    assert annotate(rows=rows).annotator._desk.rows == shown


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rows": [3]}, "rows 0 to 2"),
        ({"rows": ["a"]}, "positions"),
        ({"rows": [True]}, "positions"),
        ({"rows": 1.5}, "positions"),
        ({"image_col": "picture"}, "not one column 'picture'"),
        ({"prompt_col": "words"}, "not one column 'words'"),
        ({"mask_col": "prompt"}, "not of dtype 'mask'"),
        ({"max_cost": -1}, "max_cost"),
        ({"retry": "all"}, "retry"),
        ({"client": "me"}, "client"),
    ],
)
def test_what_cannot_be_is_refused(annotate, options, words):
    """Wrong options and columns are told when the annotator is opened."""
    with pytest.raises(OptionError, match=words):
        annotate(**options)


def test_a_missing_anywidget_is_told(annotate, monkeypatch):
    """Where anywidget is missing the error says what to install."""
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "samframe.widgets.annotator.widget", raising=False)
    with pytest.raises(OptionError, match="pip install anywidget"):
        annotate()


def test_images_that_cannot_be_read_are_told(annotate, frame, tmp_path):
    """A row whose image is gone says so instead of a picture, and can be sent nowhere."""
    page = annotate(frame.assign(image=[str(tmp_path / "gone.png")] * 3))
    state = page.send(0)

    assert "gone.png" in state["error"]
    assert str(tmp_path) not in repr(page.annotator)


def _wait_for(holds, timeout_s=60.0):
    import time  # noqa: PLC0415

    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
