"""The desk: whatever a page asks for, in whatever order, is not lost, sends nothing unasked, and replays."""

from __future__ import annotations

import json

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import samframe
from samframe import Mask
from samframe.widgets.annotator.ask import Quote, Reply
from samframe.widgets.annotator.desk import Desk
from samframe.widgets.annotator.view import marks_of, view_of

SIZE = (12, 16)
BOX = Mask.from_bbox((2, 2, 5, 5), SIZE)


class ParkedSegmenter:
    """Keeps what it is asked for until it is told to answer: with a mask, an error, or as a whole not at all."""

    def __init__(self):
        self.parked = []
        self.sent = []

    def at_most(self, n_jobs):
        return Quote(usd=0.002 * n_jobs, text="some")

    def quote(self, ask):
        return Quote(usd=0.002, text="some")

    def total(self, quotes):
        return Quote(usd=0.002 * len(quotes), text="some")

    def send(self, asks, *, usd_limit, done):
        assert usd_limit >= 0
        self.sent += asks
        self.parked.append((asks, done))

    def answer(self, which, how):
        asks, done = self.parked.pop(which % len(self.parked))
        if how == "broken":
            done("No connection.")
            return
        mask = BOX if how == "mask" else None
        done([Reply(status="completed" if mask else "failed", mask=mask, request_id="r") for _ in asks])


def make_frame():
    masks = pd.array([BOX, None, None], dtype="mask")
    return pd.DataFrame({"prompt": ["cup", None, "  "], "mask": masks}, index=["x", "x", "y"])


def make_desk(rows=(0, 1, 2)):
    segmenter = ParkedSegmenter()
    desk = Desk(
        make_frame(),
        rows,
        prompt_col="prompt",
        mask_col="mask",
        segmenter=segmenter,
        background=lambda function: function(),
    )
    desk.open()
    return desk, segmenter


rows = st.integers(-1, 3) | st.none()
near = st.integers(-2, 20) | st.floats(-2, 20) | st.just("x")
paths = st.lists(st.lists(near, min_size=2, max_size=2), max_size=5)
usd = st.sampled_from([0, 0.002, 0.01, None, True, "1", float("nan")])
deeds = st.one_of(
    st.fixed_dictionaries(
        {"do": st.just("point"), "row": rows, "x": near, "y": near, "include": st.booleans()}
    ),
    st.fixed_dictionaries({"do": st.just("remove_point"), "row": rows, "at": st.integers(-1, 3)}),
    st.fixed_dictionaries(
        {"do": st.sampled_from(["prompt", "note"]), "row": rows, "text": st.text(max_size=5)}
    ),
    st.fixed_dictionaries(
        {
            "do": st.sampled_from(["brush", "polygon"]),
            "row": rows,
            "path": paths,
            "radius": near,
            "erase": st.booleans(),
        }
    ),
    st.fixed_dictionaries({"do": st.sampled_from(["accept", "reject", "queue"]), "row": rows}),
    st.fixed_dictionaries({"do": st.just("send"), "row": rows, "usd": usd}),
    st.fixed_dictionaries({"do": st.just("send_queue"), "usd": usd}),
    st.fixed_dictionaries({"do": st.just("go"), "to": st.integers(-5, 9) | st.text(max_size=2)}),
    st.fixed_dictionaries({"do": st.sampled_from(["undo", "redo", "", "__init__", None])}),
    st.tuples(st.integers(0, 9), st.sampled_from(["mask", "failed", "broken"])),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(deeds, max_size=40))
def test_any_sequence_of_deeds_replays_to_the_result(sequence):
    """Deeds in any order, well formed or not, raise nothing; the view is JSON; the log gives the result again."""
    desk, segmenter = make_desk()
    for deed in sequence:
        if isinstance(deed, dict):
            sent_before = len(segmenter.sent)
            desk.act(deed)
            assert len(segmenter.sent) == sent_before or deed["do"] in {"send", "send_queue"}
        elif segmenter.parked:
            segmenter.answer(*deed)
    log = json.loads(json.dumps([event.to_json() for event in desk.edits.log]))

    json.dumps(view_of(desk, ["x", "x", "y"]))
    assert len(marks_of(desk)) == 3
    assert len(desk.edits.waiting) == sum(len(asks) for asks, _ in segmenter.parked)
    pd.testing.assert_frame_equal(samframe.replay(make_frame(), log), desk.result())


def test_what_is_out_is_not_sent_twice():
    """The same job is not sent again while it is out; another one for the same row is."""
    desk, segmenter = make_desk()
    desk.act({"do": "send", "row": 0, "usd": 0.002})
    desk.act({"do": "send", "row": 0, "usd": 0.002})
    first = (len(segmenter.sent), desk.message)
    desk.act({"do": "point", "row": 0, "x": 1, "y": 1})
    desk.act({"do": "send", "row": 0, "usd": 0.002})

    assert first == (1, "This is on its way already.")
    assert len(segmenter.sent) == 2


def test_what_cannot_be_sent_is_told():
    """Nothing to ask for, excluding points alone, an empty queue and a missing price are told in words."""
    desk, segmenter = make_desk()
    told = []
    for deed in (
        {"do": "send", "row": 1, "usd": 1},
        {"do": "send", "row": 2, "usd": 1},
        {"do": "send_queue", "usd": 1},
        {"do": "send", "row": 0, "usd": None},
        {"do": "queue", "row": 1},
    ):
        desk.act(deed)
        told.append(desk.message)
    desk.act({"do": "point", "row": 0, "x": 1, "y": 1, "include": False})
    desk.act({"do": "send", "row": 0, "usd": 1})

    assert ["nothing to send" in words for words in told] == [True, True, False, False, True]
    assert "queue is empty" in told[2]
    assert "price is not known" in told[3]
    assert "need a point to include" in desk.message
    assert segmenter.sent == []


def test_prices_are_found_after_one_could_not_be():
    """Whatever goes wrong with the price of one row is told there, and the other rows still get theirs."""
    desk, segmenter = make_desk()
    quote = segmenter.quote

    def failing(ask):
        if ask.row == 0:
            raise OSError("the disk is gone")
        return quote(ask)

    segmenter.quote = failing
    desk.act({"do": "point", "row": 0, "x": 3, "y": 4})
    told = desk.quote(desk.ask())
    desk.act({"do": "point", "row": 1, "x": 1, "y": 1})
    desk.act({"do": "go", "to": 1})

    assert "the disk is gone" in told
    assert desk.quote(desk.ask()) == Quote(usd=0.002, text="some")


def test_a_prompt_goes_out_alone_and_points_without_it():
    """Beside points no prompt is sent: the API would ignore the points."""
    desk, segmenter = make_desk()
    desk.act({"do": "send", "row": 0, "usd": 1})
    desk.act({"do": "point", "row": 0, "x": 3, "y": 4})
    desk.act({"do": "point", "row": 0, "x": 5, "y": 6, "include": False})
    desk.act({"do": "send", "row": 0, "usd": 1})
    by_prompt, by_points = segmenter.sent

    assert (by_prompt.prompt, by_prompt.points) == ("cup", ())
    assert (by_points.prompt, by_points.points, by_points.remove_points) == (None, ((3, 4),), ((5, 6),))


def test_a_desk_without_rows_takes_every_deed():
    """Where there are no rows to go through, deeds for rows of the frame still do no harm."""
    desk, _ = make_desk(rows=())
    for deed in (
        {"do": "accept", "row": 0},
        {"do": "go", "to": 1},
        {"do": "undo"},
        {"do": "send", "row": 0, "usd": 1},
    ):
        desk.act(deed)

    assert view_of(desk, ["x", "x", "y"])["row"] is None
    assert marks_of(desk) == b""


def test_undo_shows_the_row_that_it_changed():
    """Undo moves to the row of the step; a row that is not on the desk is changed and not shown."""
    desk, _ = make_desk(rows=(2, 0))
    desk.act({"do": "point", "row": 0, "x": 1, "y": 1})
    desk.act({"do": "point", "row": 1, "x": 1, "y": 1})
    desk.act({"do": "go", "to": 0})
    desk.act({"do": "undo"})
    still = desk.row
    desk.act({"do": "undo"})
    desk.act({"do": "undo"})

    assert (still, desk.row) == (2, 0)
    assert desk.message == "There is nothing to undo."


def test_marks_tell_every_row_apart():
    """A row's mark is that of the first of: waiting, queued, failed, accepted, rejected, changed, untouched."""
    desk, segmenter = make_desk()
    desk.act({"do": "note", "row": 0, "text": "hm"})
    first = marks_of(desk)
    desk.act({"do": "accept", "row": 0})
    second = marks_of(desk)
    desk.act({"do": "queue", "row": 0})
    third = marks_of(desk)
    desk.act({"do": "send_queue", "usd": 1})
    fourth = marks_of(desk)
    segmenter.answer(0, "broken")
    fifth = marks_of(desk)
    desk.act({"do": "reject", "row": 1})

    assert (first, second, third, fourth, fifth) == (b"c..", b"a..", b"q..", b"w..", b"f..")
    assert marks_of(desk) == b"fr."
