"""The canvas in Python: messages of the page, tiles, controls that are made late, and what is saved."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import ipywidgets
import numpy as np
import pandas as pd
import pytest
from viewer_frames import children, mask_of


def test_messages_from_the_page_are_checked(df):
    """Rows that do not exist, other kinds, other types: passed over, nothing raised, nothing marked."""
    gallery = df.sam.view().gallery
    for content in [
        None,
        [],
        {},
        {"kind": "nonsense"},
        {"kind": "mark", "ids": [-1, 60, "0", None], "mark": 1},
        {"kind": "mark", "ids": [1], "mark": 9},
        {"kind": "mark", "ids": [1], "mark": "accepted"},
        {"kind": "tiles", "ids": "all", "size": "huge"},
        {"kind": "tiles", "ids": [10**9], "size": 10**9},
        {"kind": "large", "id": {}},
        {"kind": "undo"},
    ]:
        gallery._on_message(gallery, content, [])

    assert not gallery._marks.codes.any()


class Broken:
    """A cell that fails in a way that nothing foresees."""

    def __array__(self, *_args, **_kwargs):
        raise ZeroDivisionError("/home/someone/secret")

    __fspath__ = __str__ = __repr__ = __bytes__ = __array__


def sent_by(gallery, content):
    """Return the messages that a gallery sends in answer to one of the page's."""
    sent = []
    gallery.send = lambda message, buffers=None: sent.append((message, buffers))
    gallery._on_message(gallery, content, [])
    return sent


def test_a_row_that_fails_holds_up_no_other(df):
    """Every tile asked for comes, in later messages too: empty where its row cannot be read."""
    df["image"] = [Broken() if row == 13 else image for row, image in enumerate(df["image"])]
    gallery = df.sam.view().gallery
    gallery._rows.note = lambda row, _by: str(1 // (row - 21))
    _, *chunks = sent_by(gallery, {"kind": "hello", "guess": 40, "size": 50})
    ids = [tile["id"] for message, _ in chunks for tile in message["tiles"]]
    jpegs = [jpeg for _, buffers in chunks for jpeg in buffers[::2]]
    ((large, _),) = sent_by(gallery, {"kind": "large", "id": 13, "size": 50})

    assert ids == list(range(40))
    assert [row for row, jpeg in enumerate(jpegs) if not jpeg] == [13]
    (note,) = [tile["note"] for message, _ in chunks for tile in message["tiles"] if tile["id"] == 21]
    assert note == "cannot be read (ZeroDivisionError)"
    assert "image not shown" in dict(large["lines"])
    assert "secret" not in str(large)


def test_words_that_fail_leave_the_large_picture(df):
    """A row of which nothing can be told still has its picture: the page does not wait for it without end."""
    gallery = df.sam.view().gallery
    gallery._rows.lines = lambda _row: 1 // 0
    ((large, (jpeg, _)),) = sent_by(gallery, {"kind": "large", "id": 13, "size": 50})

    assert dict(large["lines"])["row"] == "cannot be read (ZeroDivisionError)"
    assert jpeg


def test_tiles_that_a_page_has_are_not_made_void_without_need(df):
    """Rows in the frame's own order have the notes that they had before anything was asked: one version of tiles."""
    viewer = df.sam.view()
    versions = []
    viewer.gallery.send = lambda content, _buffers=None: versions.append(content["version"])
    viewer.filter(status="completed")
    viewer.sort("inference_time")
    viewer.sort("row order")

    assert versions[0] == 0
    assert len(set(versions)) == 3


def test_tiles_are_made_once_however_many_ask(df, monkeypatch):
    """What was begun before the page asks, and what two pages ask for at once, is read once."""
    gallery = df.sam.view().gallery
    monkeypatch.setattr(type(gallery), "_latest_page", (24, 1.0))
    tiles, read = gallery._tiles, []
    tiles._cells = lambda row: (read.append(row), gallery._rows.cells(row))[1]
    gallery.prepare()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: tiles.make(range(30), side=150), range(4)))

    assert sorted(read) == list(range(30))
    assert all(one == made[0] for one in made)
    assert [picture.size_hw for picture in made[0]] == [(20, 20)] * 30


def test_a_view_is_answered_by_its_name_and_size(df):
    """Rows go to the view that said hello; tiles name the size that they were asked for in."""
    gallery = df.sam.view().gallery
    (rows, _), *tiles = sent_by(gallery, {"kind": "hello", "guess": 8, "size": 50, "view": "one"})

    assert rows["view"] == "one"
    assert {message["size"] for message, _ in tiles} == {50}


def test_controls_are_made_once_from_several_threads(df):
    """A page that has painted and calls from Python, at the same time: one set of controls."""
    viewer = df.sam.view()
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: id(viewer._controls), range(8)))

    assert len(made) == 1


def test_controls_that_failed_are_tried_again(df):
    """What fails while the controls are made does not leave the gallery without them for good."""
    viewer = df.sam.view()
    gallery, add = viewer.gallery, viewer.gallery._on_painted
    gallery._on_painted = lambda: 1 // 0
    with pytest.raises(ZeroDivisionError):
        gallery._on_message(gallery, {"kind": "painted"}, [])
    assert gallery._on_painted is not None
    gallery._on_painted = add
    gallery._on_message(gallery, {"kind": "painted"}, [])

    assert children(viewer._frame, ipywidgets.Text)


@pytest.mark.parametrize("tile", [40, 150, 500])
def test_tile_size_stays_what_was_asked_for(df, tile):
    """The slider's range takes in the size that view() was given."""
    viewer = df.sam.view(tile=tile)
    (slider,) = [one for one in children(viewer.widget, ipywidgets.IntSlider) if "tile" in one.description]

    assert (slider.value, viewer.gallery.tile) == (tile, tile)


def test_saved_state_is_small_whatever_the_rows():
    """What a notebook keeps of 20,000 rows and their canvas is the program and a few numbers."""
    side = 8
    n = 20_000
    frame = pd.DataFrame(
        {
            "image": [np.zeros((side, side, 3), np.uint8)] * n,
            "mask": pd.array([mask_of(9, 8)] * n, dtype="mask"),
        }
    )
    viewer = frame.sam.view()
    state = sum(len(str(value)) for value in viewer.gallery.get_state().values())

    assert state < 30_000
