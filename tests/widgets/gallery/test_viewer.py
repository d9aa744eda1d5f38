"""The viewer in Python: filter, order, marks, what it gives back, and what it shows without anywidget."""

from __future__ import annotations

import asyncio
import base64
import io
import subprocess
import sys
import warnings

import ipywidgets
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from viewer_frames import children, frame_of, marks_of

import samframe
from samframe.errors import OptionError
from samframe.server import DrawnEngine, LocalServer, ServerConfig


async def uploaded(client):
    """Put a picture of 30 x 40 pixels on the server and return its URL."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, "PNG")
    async with client.connect() as connection:
        return await connection.upload(
            [f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"]
        )


def test_accessor_and_function_are_one(df):
    """df.sam.view is samframe.view; the frame is not changed by looking."""
    before = df.copy()
    viewer = df.sam.view()
    viewer.filter(status="failed")
    viewer.mark([0, 1], "rejected")

    assert type(viewer) is type(samframe.view(df))
    pd.testing.assert_frame_equal(df, before)


def test_query_reproduces_what_is_shown(df):
    """The rows of df.query(viewer.query) are those of the gallery, whatever the sort."""
    viewer = df.sam.view()
    viewer.sort("mask area", descending=True)
    for wanted in [
        {},
        {"status": "completed", "area": (30, None)},
        {"text": "THING 2", "seconds": (1.0, 4.05)},
        {"query": "prompt.str.endswith('1') and inference_time < 3"},
        {"area": (None, 10**9)},
    ]:
        viewer.filter(**wanted)

        assert df.query(viewer.query).index.tolist() == sorted(viewer.positions)
        assert len(viewer.positions) > 0
    assert viewer.positions[0] == 59


def test_controls_and_calls_say_the_same(df):
    """A control moved by hand filters as a call does; a call moves the controls."""
    viewer = df.sam.view()
    button = next(
        one for one in children(viewer.widget, ipywidgets.ToggleButton) if "failed" in one.description
    )
    button.value = True
    assert viewer.query == '`status` in ["failed"]'
    assert button.description == "failed 6"

    viewer.filter(status=["completed"], area=(5, 20))
    (area, _) = children(viewer.widget, ipywidgets.FloatRangeSlider)
    assert button.value is False
    assert area.value == (5, 20)
    area.value = (5, 40)
    assert len(viewer.positions) == 32
    area.value = (area.min, area.max)
    assert viewer.query == '`status` in ["completed"]'


@pytest.mark.parametrize("n", [1, 5, 12, 60])
def test_controls_come_after_the_first_tiles(n):
    """Controls, whose ranges are measured over all masks, are made when a page has painted the first view."""
    viewer = frame_of(n).sam.view()
    shown = viewer._frame
    viewer.gallery._on_message(viewer.gallery, {"kind": "hello", "guess": 12, "size": 50}, [])
    before = children(shown, ipywidgets.Text)
    for _ in range(2):
        viewer.gallery._on_message(viewer.gallery, {"kind": "painted"}, [])

    sliders = children(shown, ipywidgets.FloatRangeSlider)
    assert before == []
    assert len(children(shown, ipywidgets.Text)) > 0
    assert len(sliders) == (0 if n == 1 else 2)
    assert n == 1 or sliders[0].value == (1, n - 1)


def test_a_widget_for_a_layout_of_ones_own_is_whole(df):
    """viewer.widget has its controls whether or not a page has painted anything."""
    viewer = df.sam.view()

    assert children(viewer.widget, ipywidgets.Dropdown)
    assert viewer.widget is viewer._frame


def test_a_bad_query_is_told_and_changes_nothing(df):
    """Typed in the page, a query that is not understood leaves the rows; in Python it raises."""
    viewer = df.sam.view()
    viewer.filter(status="failed")
    texts = children(viewer.widget, ipywidgets.Text)
    query = next(one for one in texts if one.description == "query")
    query.value = "nonsense >"
    (problem,) = children(viewer.widget, ipywidgets.HTML)

    assert "not understood" in problem.value
    assert 'role="alert"' in problem.value
    assert viewer.query == '`status` in ["failed"]'
    with pytest.raises(OptionError, match="not understood"):
        viewer.filter(query="nonsense >")
    query.value = "promt == '<b>'"
    assert "Did you mean &#x27;prompt&#x27;?" in children(viewer.widget, ipywidgets.HTML)[0].value
    query.value = "prompt == '<b>' and nonsense > $1"
    assert "<b>'" not in children(viewer.widget, ipywidgets.HTML)[0].value
    query.value = ""
    assert children(viewer.widget, ipywidgets.HTML) == []


@pytest.mark.parametrize("wanted", [{"status": "no such"}, {"query": "@df"}])
def test_what_cannot_be_filtered_by_is_refused(df, wanted):
    """An unknown status, a variable: an error with words."""
    with pytest.raises(OptionError):
        df.sam.view().filter(**wanted)


def test_sorts_by_any_column_and_by_suspicion(df):
    """Missing values come last both ways, ties keep their order, and suspicion is what samframe.suspicion says."""
    df["mixed"] = [None if row == 3 else (row if row % 2 else f"x{row}") for row in range(60)]
    viewer = df.sam.view()
    viewer.sort("prompt", descending=True)
    assert viewer.positions[:3] == [2, 5, 8]
    viewer.sort("mask area")
    assert viewer.positions[-6:] == [0, 10, 20, 30, 40, 50]
    viewer.sort("mixed")
    assert sorted(viewer.positions) == list(range(60))
    viewer.sort("suspicion", descending=True)
    scores = samframe.suspicion(df)["score"].to_numpy(dtype=float)
    assert np.diff(scores[viewer.positions]).max() <= 0
    with pytest.raises(OptionError, match="sort by"):
        viewer.sort("image")


def chips_of(viewer):
    names = ("accepted", "rejected", "flagged", "unmarked")
    chips = children(viewer.widget, ipywidgets.ToggleButton)
    return {chip.description.split()[0]: chip for chip in chips if chip.description.startswith(names)}


@pytest.mark.parametrize("canvas", [True, False])
def test_marks_filter_and_are_counted(df, canvas):
    """A chip for each mark and for rows without one, counted as one goes; what is left is what a chip says."""
    viewer = df.sam.view(canvas=canvas)
    chips = chips_of(viewer)
    viewer.mark([0, 1, 2], "accepted")
    viewer.mark([5], "rejected")

    assert [chip.description for chip in chips.values()] == [
        "accepted 3",
        "rejected 1",
        "flagged 0",
        "unmarked 56",
    ]
    chips["unmarked"].value = True
    assert len(viewer.positions) == 56
    viewer.mark([10], "flagged")
    assert 10 not in viewer.positions
    chips["rejected"].value = True
    assert len(viewer.positions) == 56
    assert viewer.result().query(viewer.query).index.tolist() == viewer.positions
    viewer.filter(mark="accepted")
    assert viewer.positions == [0, 1, 2]
    assert chips["unmarked"].value is False
    with pytest.raises(OptionError, match="acepted"):
        viewer.filter(mark="acepted")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("mark == 'accepted'", [0, 2]),
        ("mark != 'accepted' and index < 4", [1, 3]),
        ("mark.isna() and index < 5", [3, 4]),
        ("mark in ['accepted', 'rejected']", [0, 1, 2]),
    ],
)
def test_queries_know_the_marks(df, query, rows):
    """Marks are a column of queries, as they are now, also where the frame had another state of them."""
    for frame in (df, df.assign(mark="flagged")):
        viewer = frame.sam.view()
        viewer.mark(range(60), None)
        viewer.mark([0, 2], "accepted")
        viewer.mark([1], "rejected")
        viewer.filter(query=query)

        assert viewer.positions == rows


def test_marks_sort(df):
    """Rows come in the order accepted, rejected, flagged, unmarked, by the marks of the moment."""
    viewer = df.sam.view()
    for _ in range(2):
        viewer.mark([7], "flagged")
        viewer.mark([9], "accepted")
        viewer.sort("mark")
        assert viewer.positions[:3] == [9, 7, 0]
        viewer.mark([9], None)
        viewer.sort("mark")
        assert viewer.positions[:2] == [7, 0]


def test_a_column_that_is_called_mark_stays_one(df):
    """Where marks were not to be read from a column "mark", queries see that column."""
    viewer = df.assign(mark=range(60)).sam.view(mark_col=None)
    viewer.mark([3], "accepted")
    viewer.filter(query="mark > 57")
    assert viewer.positions == [58, 59]
    viewer.filter(mark="accepted")
    assert viewer.positions == [3]


def test_undo_brings_a_row_back(df):
    """With a filter by marks, a row that was marked goes, and comes back with U."""
    viewer = df.sam.view()
    viewer.filter(mark="unmarked")
    viewer.gallery._on_message(viewer.gallery, {"kind": "mark", "ids": [4], "mark": 1}, [])
    gone = 4 not in viewer.positions
    viewer.gallery._on_message(viewer.gallery, {"kind": "undo"}, [])

    assert gone
    assert 4 in viewer.positions


def test_marks_are_a_column_and_go_on_from_one(df):
    """result() adds the marks; a frame that has them opens with them; None takes one away."""
    viewer = df.sam.view()
    viewer.mark([0, 2], "accepted")
    viewer.mark([2], "flagged")
    viewer.mark([0], None)
    first = viewer.result()
    again = first.sam.view()
    again.mark([5], "rejected")

    assert marks_of(viewer)[:4] == [None, None, "flagged", None]
    assert (marks_of(again)[2], marks_of(again)[5]) == ("flagged", "rejected")
    assert again.result("verdict")["verdict"].cat.categories.tolist() == ["accepted", "rejected", "flagged"]
    with pytest.raises(OptionError, match="mark"):
        viewer.mark([0], "approved")


@pytest.mark.parametrize("columns", [["image"], ["mask", "prompt"]])
def test_what_is_no_frame_of_masks_is_refused(df, columns):
    """A missing column is named."""
    with pytest.raises(OptionError, match="has no columns"):
        df[columns].sam.view()


def test_a_column_of_other_things_is_refused(df):
    """A mask column of another dtype says how to convert it; two of one name are too many."""
    with pytest.raises(OptionError, match=r"astype\('mask'\)"):
        df.assign(mask="x").sam.view()
    with pytest.raises(OptionError, match="2 columns"):
        pd.concat([df, df[["mask"]]], axis=1).sam.view()


def test_images_by_url_are_fetched_by_a_client_or_not_at_all(df):
    """Without a client nothing is fetched; with one, from the hosts that it allows, without its key."""
    frame = df.iloc[:3].assign(image="http://127.0.0.1:9/a.png")
    with LocalServer(ServerConfig(engine=DrawnEngine())) as server:
        client = samframe.Client("SG_0123456789abcdef", base_url=server.base_url)
        (url,) = asyncio.run(uploaded(client))
        own = frame.assign(image=[url, "https://elsewhere.example/a.png", "http://127.0.0.1:9/a.png"])
        assert url.startswith("http://127.0.0.1")
        with_client = own.sam.view(client=client).gallery._tiles.make([0, 1, 2], side=50)
        without = own.sam.view().gallery._tiles.make([0, 1, 2], side=50)

    assert [bool(tile.jpeg) for tile in without] == [False] * 3
    assert [bool(tile.jpeg) for tile in with_client] == [True, False, False]
    assert with_client[0].size_hw == (30, 40)
    assert "elsewhere.example" in with_client[1].problem


# -- without anywidget -------------------------------------------------------------------------------------------------


def test_pages_of_25_without_anywidget(df):
    """Plain ipywidgets: 25 tiles a page, turned back and forth, no further than there are pages."""
    viewer = df.sam.view(canvas=False)
    pages = viewer.gallery
    counts = []
    for _ in range(4):
        counts.append(len(children(pages.widget, ipywidgets.Image)))
        pages.turn(1)
    told = [one.value for one in children(pages.widget, ipywidgets.Text) if "page" in one.value]

    assert counts == [25, 25, 10, 10]
    assert told == ["page 3 of 3 \u00b7 60 of 60 rows"]


def test_without_anywidget_there_are_pages():
    """Where anywidget cannot be imported, view() needs no word to show pages; the rest of samframe does not mind."""
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "import numpy as np, pandas as pd, samframe\n"
        "df = pd.DataFrame({'image': [np.zeros((9, 9, 3), 'u1')] * 30, 'mask': [np.eye(9, dtype=bool)] * 30})\n"
        "print(df.astype({'mask': 'mask'}).sam.view().gallery.pages, samframe.widgets.ProgressPanel.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["2", "ProgressPanel"], done.stderr


def test_pages_filter_mark_and_select(df):
    """The controls, marks and selection work as with the canvas."""
    viewer = df.sam.view(canvas=False)
    viewer.filter(status="failed")
    tiles = children(viewer.gallery.widget, ipywidgets.VBox)[1:]
    children(tiles[1], ipywidgets.Dropdown)[0].index = 2
    children(tiles[2], ipywidgets.Checkbox)[0].value = True

    assert len(tiles) == 6
    assert marks_of(viewer)[10] == "rejected"
    assert viewer.selected.index.tolist() == [20]


def test_pages_show_the_mask_over_the_image(df):
    """A tile's picture is the image outside of the mask, tinted inside, white along its edge."""
    pages = df.iloc[[59]].sam.view(canvas=False).gallery
    data = children(pages.widget, ipywidgets.Image)[0].value
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    inside, edge, outside = pixels[71, 75], pixels[70, 75], pixels[79, 79]

    assert tuple(outside) == (177, 177, 177)
    assert inside[2] > 200 > inside[0]
    assert tuple(edge) == (255, 255, 255)


def test_pages_show_hostile_text_as_it_is(df):
    """No text of the frame's stands in a widget that reads markup."""
    text = "<img src=x onerror=alert(1)> $$x$$"
    frame = df.assign(prompt=text, status=text)
    viewer = frame.sam.view(canvas=False)

    assert children(viewer.widget, (ipywidgets.HTML, ipywidgets.Label, ipywidgets.HTMLMath)) == []
    assert text in [one.value for one in children(viewer.gallery.widget, ipywidgets.Text)]


def test_no_rows_has_a_page():
    """A frame without rows is one empty page."""
    viewer = frame_of(1).iloc[:0].sam.view(canvas=False)

    assert viewer.gallery.pages == 1
    assert viewer.positions == []


@pytest.mark.parametrize("canvas", [True, False])
def test_other_hosts_get_a_bundle(df, canvas):
    """A host that is no IPython gets the widget, a picture that needs no kernel, and text; marimo what it can draw."""
    viewer = df.sam.view(canvas=canvas)
    bundle = viewer._repr_mimebundle_(include=None, exclude=None)

    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == viewer.widget.model_id
    assert "data:image/webp" in bundle["text/html"]
    assert bundle["text/plain"] == repr(viewer)
    assert viewer._display_() is (viewer.gallery if canvas else viewer.widget)


def test_no_warnings(df):
    """Making, filtering and sorting a viewer warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        viewer = df.sam.view()
        viewer.filter(text="thing", area=(1, 2))
        viewer.sort("status")

    assert repr(viewer) == "<samframe.Viewer: 2 of 60 rows>"
