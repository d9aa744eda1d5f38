"""The annotator with a SAM on this machine: a click is answered at once, and the open image is told beforehand."""

import threading
import time

import numpy as np
import pandas as pd
import pytest

import samframe
from samframe.server import LocalServer, ServerConfig
from samframe.server.protocol import EngineFacts, Segmentation, ServedEngine

KEY = "SG_0123456789abcdef"


class Held(ServedEngine):
    """Answers with a square for each point, when it is let; remembers what it was shown and asked."""

    name = "sam2/test@0"
    facts = EngineFacts(is_sam=True, n_threads=1)

    def __init__(self):
        self.prepared, self.asked = [], []
        self.free = threading.Event()
        self.free.set()

    def prepare(self, *pictures):
        self.prepared += [picture.pixels()[0, 0, 0] for picture in pictures]
        return True

    def answer(self, picture, question):
        self.free.wait(20)
        self.asked.append((len(question.points), len(question.remove_points)))
        mask = np.zeros(picture.size_hw, bool)
        for x, y in question.points:
            mask[int(y) : int(y) + 3, int(x) : int(x) + 3] = True
        return Segmentation(mask=mask, score=0.9)


class FreeClient(samframe.Client):
    """A client of a server on this machine."""

    @property
    def is_free(self):
        return True


@pytest.fixture
def engine():
    return Held()


@pytest.fixture
def page(engine, tmp_path):
    """Open three images, and return a function that does what a page does."""
    frame = pd.DataFrame({"image": [np.full((40, 60, 3), value, np.uint8) for value in (10, 90, 200)]})
    with LocalServer(ServerConfig(engine=engine)) as server:
        client = FreeClient(KEY, base_url=server.base_url)
        annotator = frame.sam.annotate(client=client, store=tmp_path / "store")

        def do(name, **fields):
            do.n += 1
            annotator._on_message(None, {"do": name, "view": "page", "deed": do.n, **fields}, [])
            return annotator

        do.n, do.annotator = 0, annotator
        yield do


def wait_for(fact):
    deadline = time.monotonic() + 20
    while not fact() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert fact()


def test_a_click_shows_its_mask_without_enter(page, engine):
    """One click, one question, one mask."""
    page("point", row=0, x=20, y=15, include=True)
    assert page.annotator.wait(20)

    assert engine.asked == [(1, 0)]
    assert page.annotator.state["mask"] is not None
    assert page("accept", row=0).result()["mask"][0].area == 9


def test_clicks_made_meanwhile_are_answered_together(page, engine):
    """While one question is out, further clicks wait for its answer; then one question has them all."""
    engine.free.clear()
    page("point", row=0, x=20, y=15, include=True)
    page("point", row=0, x=30, y=15, include=True)
    page("point", row=0, x=5, y=5, include=False)
    engine.free.set()
    wait_for(lambda: (2, 1) in engine.asked)
    assert page.annotator.wait(20)

    assert engine.asked == [(1, 0), (2, 1)]
    assert page("accept", row=0).result()["mask"][0].area == 18


def test_a_point_to_exclude_alone_asks_nothing(page, engine):
    """There is nothing to look for yet."""
    page("point", row=0, x=20, y=15, include=False)

    assert page.annotator.wait(5)
    assert engine.asked == []


def test_the_image_that_is_open_is_told_before_a_click(page, engine):
    """The first at once, each other when it is gone to, none twice in a row."""
    wait_for(lambda: engine.prepared == [10])

    page("go", to=1)
    wait_for(lambda: engine.prepared == [10, 90])
    page("note", row=1, text="x")
    page("go", to=2)

    wait_for(lambda: engine.prepared == [10, 90, 200])
