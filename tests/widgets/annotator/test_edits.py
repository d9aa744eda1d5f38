"""The edit model: a log of events, the rows after it, and the same log repeated on the frame."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import samframe
from samframe import Mask, OptionError
from samframe.widgets.annotator import events as ev
from samframe.widgets.annotator.edited import edits_of_frame, write_edits

SIZE = (12, 16)
BOX = Mask.from_bbox((2, 2, 5, 5), SIZE)
OTHER = Mask.from_bbox((6, 4, 5, 5), SIZE)


def make_frame():
    """Four rows: two masks, one failed row, one of a duplicate label that was never segmented."""
    return pd.DataFrame(
        {
            "image": ["a.png", "b.png", "c.png", "d.png"],
            "prompt": pd.array(["boy", None, "<b>car</b>", "dog"], dtype="string"),
            "mask": pd.array([BOX, OTHER, None, None], dtype="mask"),
            "status": pd.Categorical(["completed", "completed", "failed", "failed"]),
            "error": pd.array([None, None, "Row 2: no", "Row 3: no"], dtype="string"),
        },
        index=pd.Index(["x", "x", "y", "x"]),
    )


def make_edits(*events):
    edits = edits_of_frame(make_frame(), mask_col="mask")
    for event in events:
        edits.apply(event)
    return edits


def result(edits):
    return write_edits(make_frame(), edits, mask_col="mask")


rows = st.integers(0, 3)
near = st.floats(-2, 20, allow_nan=False).map(lambda value: round(value, 2))
paths = st.lists(st.tuples(near, near), min_size=3, max_size=5)
texts = st.text(max_size=12)
masks = st.sampled_from([None, BOX, OTHER, ~BOX])
steps = st.one_of(
    st.builds(ev.Point, row=rows, x=near, y=near, include=st.booleans()),
    st.builds(ev.RemovePoint, row=rows, at=st.integers(0, 2)),
    st.builds(ev.Prompt, row=rows, text=texts),
    st.builds(ev.Note, row=rows, text=texts),
    st.builds(
        ev.Brush,
        row=rows,
        path=paths,
        radius=st.sampled_from([0.5, 2.0]),
        size_hw=st.just(SIZE),
        erase=st.booleans(),
    ),
    st.builds(ev.Polygon, row=rows, path=paths, size_hw=st.just(SIZE), erase=st.booleans()),
    st.builds(ev.Enqueue, row=rows),
    st.builds(ev.Dequeue, row=rows),
    st.builds(
        ev.Sent,
        row=rows,
        ticket=st.integers(0, 5),
        prompt=texts,
        points=st.lists(st.tuples(near, near), max_size=2),
    ),
    st.builds(
        ev.Received,
        row=rows,
        ticket=st.integers(0, 5),
        status=st.just("completed"),
        mask=masks,
        request_id=texts,
        inference_time=st.none() | st.floats(0, 5),
    ),
    st.builds(ev.Accept, row=rows),
    st.builds(ev.Reject, row=rows),
    st.just(ev.Undo()),
    st.just(ev.Redo()),
)


def play(actions):
    """Apply what fits, as an annotator does."""
    edits = make_edits()
    for action in actions:
        try:
            edits.apply(action)
        except OptionError:
            continue
    return edits


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=40))
def test_replay_equals_result(actions):
    """Whatever was done: its log, through JSON text and back, repeated on the frame, gives the same frame."""
    edits = play(actions)
    log = json.loads(json.dumps([event.to_json() for event in edits.log]))

    again = samframe.replay(make_frame(), log)

    pd.testing.assert_frame_equal(again, result(edits))
    assert [ev.event_from_json(record) for record in log] == list(edits.log)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=30))
def test_undoing_everything_gives_every_row_back(actions):
    """Undo to the beginning restores every row as it came; redo to the end restores every row as it was."""
    edits = play(actions)
    while edits.can_redo:
        edits.apply(ev.Redo())
    before = [edits.state(row) for row in range(4)]
    while edits.can_undo:
        edits.apply(ev.Undo())

    assert [edits.state(row) for row in range(4)] == [edits.given(row) for row in range(4)]
    while edits.can_redo:
        edits.apply(ev.Redo())
    assert [edits.state(row) for row in range(4)] == before


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, max_size=30))
def test_the_frame_is_never_changed(actions):
    """The result is a new frame of the same index, in which rows that were not accepted keep their cells."""
    edits = play(actions)
    frame = make_frame()
    out = write_edits(frame, edits, mask_col="mask")
    kept = [
        row for row in range(4) if out["review"].iloc[row] is pd.NA or out["review"].iloc[row] == "rejected"
    ]

    pd.testing.assert_frame_equal(frame, make_frame())
    assert out.index.equals(frame.index)
    pd.testing.assert_frame_equal(out.iloc[kept][list(frame.columns)], frame.iloc[kept])


def test_accept_writes_mask_and_provenance():
    """An accepted mask comes with what it was asked for by, its request id, and that a hand was at it."""
    out = result(
        make_edits(
            ev.Point(row=3, x=4, y=5),
            ev.Point(row=3, x=1, y=1, include=False),
            ev.Sent(row=3, ticket=0, points=((4, 5),), remove_points=((1, 1),)),
            ev.Received(row=3, ticket=0, status="completed", mask=BOX, request_id="r-1"),
            ev.Brush(row=3, path=[(9.5, 9.5)], radius=0.5, size_hw=SIZE),
            ev.Accept(row=3),
        )
    ).iloc[3]

    assert out["mask"] == BOX | Mask.from_bbox((9, 9, 1, 1), SIZE)
    assert (out["review"], out["edited"], out["edited_request_id"]) == ("accepted", "points, by hand", "r-1")
    assert out["edited_points"] == [(4.0, 5.0)]
    assert out["edited_remove_points"] == [(1.0, 1.0)]
    assert out["status"] == "completed"
    assert out["error"] is pd.NA


def test_reject_gives_the_mask_back():
    """A rejected row has the mask that it came with, and no provenance."""
    out = result(make_edits(ev.Polygon(row=0, path=[(0, 0), (9, 0), (9, 9)], size_hw=SIZE), ev.Reject(row=0)))

    assert out["mask"].iloc[0] == BOX
    assert out["review"].iloc[0] == "rejected"
    assert out["edited"].isna().all()


def test_a_late_reply_is_logged_and_not_shown():
    """A row that was sent again takes the later job's mask, whichever comes first; both are in the log."""
    edits = make_edits(
        ev.Sent(row=2, ticket=0, prompt="car"),
        ev.Sent(row=2, ticket=1, prompt="red car"),
        ev.Received(row=2, ticket=1, status="completed", mask=OTHER),
        ev.Received(row=2, ticket=0, status="completed", mask=BOX),
    )

    assert edits.state(2).mask == OTHER
    assert edits.state(2).provenance.prompt == "red car"
    assert len(edits.log) == 4
    assert not edits.waiting


def test_undo_goes_back_through_the_images():
    """Undo names the row of the step that it took back, latest first, over all rows."""
    edits = make_edits(ev.Point(row=0, x=1, y=1), ev.Prompt(row=2, text="cat"), ev.Accept(row=1))

    assert [edits.apply(ev.Undo()) for _ in range(4)] == [1, 2, 0, None]
    assert [edits.apply(ev.Redo()) for _ in range(4)] == [0, 2, 1, None]


def test_a_failed_job_leaves_the_mask():
    """A job that fails is told in words and changes no mask; sending again clears the words."""
    edits = make_edits(
        ev.Sent(row=0, ticket=0, prompt="x"),
        ev.Received(row=0, ticket=0, status="failed", error="No such thing."),
    )

    assert edits.error(0) == "No such thing."
    assert edits.state(0).mask == BOX
    assert not edits.can_undo
    edits.apply(ev.Sent(row=0, ticket=1, prompt="y"))
    assert edits.error(0) is None


def test_a_second_round_keeps_the_first():
    """What one round of edits wrote stays in rows that the next one leaves alone."""
    first = result(make_edits(ev.Brush(row=0, path=[(3, 3)], radius=2, size_hw=SIZE), ev.Accept(row=0)))
    edits = edits_of_frame(first, mask_col="mask")
    edits.apply(ev.Reject(row=1))
    second = write_edits(first, edits, mask_col="mask")

    assert second["review"].tolist()[:2] == ["accepted", "rejected"]
    assert second["edited"].iloc[0] == "by hand"


def test_a_column_of_the_users_own_is_not_written_over():
    """A column named status that holds something else stays as it is."""
    frame = make_frame().assign(status=[1, 2, 3, 4])
    edits = edits_of_frame(frame, mask_col="mask")
    edits.apply(ev.Accept(row=0))

    assert write_edits(frame, edits, mask_col="mask")["status"].tolist() == [1, 2, 3, 4]


def test_a_frame_without_masks_gets_a_column():
    """A frame that was never segmented has all rows without a mask, and gets the accepted ones."""
    frame = make_frame().drop(columns=["mask", "status", "error"])
    log = [ev.Polygon(row=1, path=[(0, 0), (9, 0), (9, 9)], size_hw=SIZE), ev.Accept(row=1)]
    out = samframe.replay(frame, log)

    assert out["mask"].notna().tolist() == [False, True, False, False]
    assert out["mask"].dtype == "mask"


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([{"kind": "point", "row": 9, "x": 1, "y": 1}], "Event 0: an event names row 9"),
        ([{"kind": "undo"}, {"kind": "points"}], "Event 1: an event is a dict with a kind"),
        ([{"kind": "point", "row": 0, "x": float("nan"), "y": 1}], "x is a finite number"),
        ([{"kind": "point", "row": 0, "x": 1}], "look at 'y'"),
        ([{"kind": "point", "row": 0, "x": 1, "y": 2, "colour": 1}], "look at 'colour'"),
        ([{"kind": "point", "row": -1, "x": 1, "y": 1}], "row is a whole number"),
        ([{"kind": "accept", "row": 2}], "no mask to accept"),
        ([{"kind": "received", "row": 0, "ticket": 0, "status": "completed"}], "nothing with ticket 0"),
        (
            [{"kind": "brush", "row": 0, "path": [[1, 1]], "radius": 0, "size_hw": [9, 9]}],
            "radius is above 0",
        ),
        ([{"kind": "brush", "row": 0, "path": [[1, 1]], "radius": 2, "size_hw": [9, 9]}], "resize it first"),
        (
            [{"kind": "received", "row": 0, "ticket": 0, "status": "", "mask": {"size": [1, 1]}}],
            "no COCO mask",
        ),
        (["accept"], "an event is a dict"),
    ],
)
def test_a_malformed_log_is_told(events, words):
    """A log that does not fit says which event, and why."""
    with pytest.raises(OptionError, match=words.replace("(", r"\(")):
        samframe.replay(make_frame(), events)


def test_replay_wants_a_frame_of_masks():
    """A column that is no mask column, and what is no frame, are refused."""
    with pytest.raises(OptionError, match="not of dtype 'mask'"):
        samframe.replay(make_frame(), [], mask_col="image")
    with pytest.raises(OptionError, match="takes a pandas DataFrame"):
        samframe.replay(np.zeros(3), [])
