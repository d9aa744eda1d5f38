"""The gallery in Chromium: its module with a model that the test plays, and with its real Python behind it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import samframe
from samframe.images import encode_thumbnail
from samframe.masks import Mask

SIDE = 100
STATE = {
    "opacity": 1.0, "outline": False, "tile": SIDE, "height": 300, "selected": [], "footer": "", "uid": "u1",
}  # fmt: skip
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "$$\\href{javascript:alert(3)}{x}$$",
    "\u202eabc\u202c \u200f\u05d0",
    "long " * 2000,
    "`back` 'single' \"double\" # @x \\n",
]


def picture(colour=(250, 40, 40), *, size_hw=(SIDE, SIDE)):
    return np.full((*size_hw, 3), colour, dtype=np.uint8)


def left_half(size_hw=(SIDE, SIDE)):
    mask = np.zeros(size_hw, dtype=bool)
    mask[:, : size_hw[1] // 2] = True
    return Mask.from_numpy(mask)


def frame_of(n=4, **columns):
    masks = [left_half() if row != 2 else None for row in range(n)]
    base = {
        "image": [picture((20 * row % 250, 200, 90)) for row in range(n)],
        "prompt": [f"thing {row}" for row in range(n)],
        "mask": pd.array(masks, dtype="mask"),
        "status": ["completed" if row != 2 else "failed" for row in range(n)],
        "inference_time": [0.5 + row for row in range(n)],
    }
    return pd.DataFrame(base | columns)


def rows_message(order, *, palette=("#009eff",), colours=None, marks=None):
    n = max(order, default=-1) + 1
    content = {
        "kind": "rows",
        "version": 0,
        "palette": list(palette),
        "legend": [],
        "told": f"{len(order)} rows",
    }
    codes = [
        np.array(part if part is not None else np.zeros(n), np.uint8).tobytes() for part in (colours, marks)
    ]
    return content, [np.array(order, "<u4").tobytes(), *codes]


def tile_message(rows, *, colour=(250, 40, 40), mask=None):
    mask = mask or left_half()
    tiles = [{"id": row, "h": SIDE, "w": SIDE, "title": f"title {row}", "note": ""} for row in rows]
    return {"kind": "tiles", "version": 0, "tiles": tiles}, [
        encode_thumbnail(picture(colour), quality=95), mask.counts,
    ] * len(rows)  # fmt: skip


def shot(page, selector=".sf-canvas"):
    return np.asarray(Image.open(io.BytesIO(page.locator(selector).screenshot())).convert("RGB")).astype(int)


def settled(page):
    page.wait_for_function("document.querySelector('.samframe-gallery')?.dataset.pending === '0'")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def wait_for_told(page, pattern):
    page.wait_for_function(
        "pattern => new RegExp(pattern).test(document.querySelector('.sf-told').textContent)", arg=pattern
    )


@pytest.fixture
def played(fake_model, chromium_page):
    """A gallery of three rows, painted."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message([0, 1, 2]))
    fake.receive(*tile_message([0, 1, 2]))
    settled(chromium_page)
    return fake


@pytest.fixture
def shown(live_widget, chromium_page):
    """Show a frame: the viewer, with the page settled."""

    def show(df, **options):
        viewer = samframe.view(df, **{"tile": SIDE, "height": 300} | options)
        viewer.page = live_widget(viewer.gallery)
        settled(chromium_page)
        return viewer

    return show


def test_it_says_hello_and_asks_for_what_is_in_view(fake_model):
    """The first message is hello, with a guess of what will be seen; then one asks for what is seen, and no more."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message(list(range(5000))))
    fake.page.wait_for_function("widget.model.sent.length > 1")
    fake.page.wait_for_timeout(400)
    hello, *others = fake.sent()
    shown = int(fake.page.locator(".samframe-gallery").get_attribute("data-shown"))

    assert (hello["kind"], hello["size"]) == ("hello", SIDE)
    assert shown <= hello["guess"] <= 2 * shown
    assert [message["kind"] for message in others] == ["tiles"]
    assert (others[0]["ids"], others[0]["size"]) == (list(range(shown)), SIDE)


def test_what_is_on_its_way_is_not_asked_for(fake_model):
    """Tiles that come with the rows are waited for; when all in view are there, the page says so once."""
    fake = fake_model("gallery", STATE)
    content, buffers = rows_message([0, 1, 2])
    fake.receive(content | {"coming": 3}, buffers)
    fake.receive(*tile_message([0, 1, 2]))
    settled(fake.page)
    fake.page.wait_for_timeout(300)
    fake.set(opacity=0.5)
    settled(fake.page)

    assert [message["kind"] for message in fake.sent()] == ["hello", "painted"]


def test_what_is_the_same_for_all_rows_is_not_sent(fake_model):
    """Rows as they are in the frame, in one colour, without marks, come as their number; a mark then stays."""
    fake = fake_model("gallery", STATE)
    content, _ = rows_message([])
    fake.receive(content | {"n": 3, "rows": 3, "coming": 3}, [b"", b"", b""])
    fake.receive(*tile_message([0, 1, 2]))
    settled(fake.page)
    fake.page.locator(".samframe-gallery").focus()
    for key in ("ArrowRight", "ArrowRight", "r"):
        fake.page.keyboard.press(key)
    settled(fake.page)

    assert fake.page.locator(".samframe-gallery").get_attribute("data-shown") == "3"
    assert {"kind": "mark", "ids": [1], "mark": 2} in fake.sent()


def test_the_next_line_is_asked_for_when_all_is_quiet(fake_model):
    """What comes next is fetched once what is seen has been painted for a while."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message(list(range(500))))
    fake.page.wait_for_function("widget.model.sent.length > 1")
    seen = fake.sent()[1]["ids"]
    fake.receive(*tile_message(seen))
    fake.page.wait_for_function(
        "widget.model.sent.filter((one) => one.data.content?.kind === 'tiles').length > 1"
    )
    ahead = [message for message in fake.sent() if message.get("kind") == "tiles"][1]["ids"]

    assert ahead == list(range(len(seen), len(seen) + len(ahead)))
    assert 0 < len(ahead) <= len(seen)


def test_pictures_decode_where_there_is_no_image_decoder(fake_model, chromium_page):
    """A page without ImageDecoder, as where it is no secure context, paints the same pixels."""
    shots = []
    for without in (False, True):
        fake = fake_model("gallery", STATE)
        if without:
            chromium_page.evaluate("delete globalThis.ImageDecoder")
        fake.receive(*rows_message([0, 1, 2]))
        fake.receive(*tile_message([0, 1, 2]))
        settled(chromium_page)
        shots.append(shot(chromium_page))

    assert np.abs(shots[0] - shots[1]).max() <= 3
    assert (np.abs(shots[1] - [250, 40, 40]).sum(axis=2) < 30).sum() > SIDE * SIDE


def test_mask_and_picture_are_where_they_belong(played, chromium_page):
    """Inside the mask is the mask's colour, outside the picture's."""
    pixels = shot(chromium_page)
    rows, columns = np.where(np.abs(pixels - [250, 40, 40]).sum(axis=2) < 30)
    # The first tile's right half.
    first = columns < columns.min() + SIDE // 2
    y, x = rows[first], columns[first]

    assert y.max() - y.min() + 1 == pytest.approx(SIDE, abs=2)
    assert x.max() - x.min() + 1 == pytest.approx(SIDE // 2, abs=3)
    inside = pixels[y.min() + SIDE // 2, x.min() - SIDE // 4]
    assert np.abs(inside - [0, 158, 255]).max() <= 2


def test_opacity_and_outline_need_no_kernel(played, chromium_page):
    """Half the opacity mixes both colours; an outline leaves the middle alone. Nothing is sent for it."""
    before = shot(chromium_page)
    y, x = np.argwhere(np.abs(before - [0, 158, 255]).max(axis=2) <= 2)[1000]
    sent = len(played.sent())
    played.set(opacity=0.5)
    settled(chromium_page)
    half = shot(chromium_page)[y, x]
    played.set(outline=True)
    settled(chromium_page)
    outlined = shot(chromium_page)[y, x]

    assert np.abs(half - [125, 99, 147]).max() <= 4
    assert np.abs(outlined - [250, 40, 40]).max() <= 6
    assert len(played.sent()) == sent


def test_a_row_without_a_mask_says_so(fake_model, chromium_page):
    """No mask, no image: a word in the middle of the tile, and no error."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message([0]))
    tile = {"id": 0, "h": SIDE, "w": SIDE, "title": "t", "note": ""}
    fake.receive({"kind": "tiles", "version": 0, "tiles": [tile]}, [b"", b""])
    settled(chromium_page)
    middle = shot(chromium_page)[12 + SIDE // 2 - 8 : 12 + SIDE // 2 + 8]

    assert (middle.sum(axis=2) < 150).any()


def test_broken_tiles_do_not_break_the_page(fake_model, chromium_page):
    """A JPEG that is none and counts that do not fit leave an empty tile."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message([0, 1]))
    content, _ = tile_message([0, 1])
    fake.receive(content, [b"<html>", b"", encode_thumbnail(picture()), b"9999999"])
    settled(chromium_page)

    assert chromium_page.locator(".samframe-gallery").get_attribute("data-shown") == "2"


def test_stays_hidden_until_a_kernel_answers(fake_model, chromium_page):
    """Without an answer there is no empty gallery; the snapshot stays. With one, the snapshot goes."""
    fake = fake_model("gallery", STATE)
    chromium_page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<p class=\"samframe-snapshot-u1\">still</p>')"
    )
    assert not chromium_page.locator(".samframe-gallery").is_visible()
    assert chromium_page.get_by_text("still").is_visible()

    fake.receive(*rows_message([0]))
    assert chromium_page.locator(".samframe-gallery").is_visible()
    assert not chromium_page.get_by_text("still").is_visible()


def test_a_snapshot_that_comes_later_is_hidden_too(fake_model, chromium_page):
    """The snapshot may reach the page after the first rows: in JupyterLab its whole output is hidden, no other."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message([0]))
    chromium_page.evaluate(
        """document.body.insertAdjacentHTML('beforeend', `
        <div class="jp-OutputArea-child" id="late"><b>prompt</b><p class="samframe-snapshot-u1">still</p></div>
        <div class="jp-OutputArea-child" id="other"><p class="samframe-snapshot-u2">another</p></div>`)"""
    )

    assert not chromium_page.locator("#late").is_visible()
    assert chromium_page.locator("#other").is_visible()


def test_the_first_view_is_not_waited_for_without_end(fake_model):
    """Where tiles do not come the page says after some seconds that it is painted: the controls hang on it."""
    fake = fake_model("gallery", STATE)
    content, buffers = rows_message([0, 1])
    fake.receive(content | {"coming": 2}, buffers)
    fake.page.wait_for_function("widget.model.sent.length > 1", timeout=60_000)

    assert fake.sent()[1] == {"kind": "painted"}


def test_keys_do_not_reach_the_notebook(played, chromium_page):
    """JupyterLab's single-key commands (X cuts the cell, D D deletes it) never see a key typed here."""
    chromium_page.evaluate(
        "window.heard = []; document.addEventListener('keydown', (event) => window.heard.push(event.key))"
    )
    chromium_page.locator(".sf-canvas").click(position={"x": 40, "y": 40})
    for key in ["x", "d", "d", "a", "ArrowDown", "Escape", " "]:
        chromium_page.keyboard.press(key)
    chromium_page.keyboard.press("Control+b")

    assert chromium_page.evaluate("window.heard") == ["Control", "b"]


def test_removed_without_a_trace(played, chromium_page):
    """After it is taken from the page it neither paints nor listens."""
    chromium_page.evaluate("widget.remove()")
    played.receive(*rows_message([0]))
    chromium_page.evaluate("window.dispatchEvent(new Event('resize'))")
    handlers = chromium_page.evaluate("Object.values(widget.model.handlers).flat().length")

    assert handlers == 0


def test_arrows_and_marks_arrive_in_python(shown, chromium_page):
    """A accepts and goes on, R rejects, F flags, U takes back; result() has the marks by row."""
    viewer = shown(frame_of(5))
    chromium_page.locator(".sf-canvas").click(position={"x": 60, "y": 60})
    for key in ["a", "r", "f", "f", "u", "u"]:
        chromium_page.keyboard.press(key)
    wait_for_told(chromium_page, "5 of 5 rows \u00b7 1 accepted \u00b7 1 rejected$")
    chromium_page.keyboard.press("ArrowRight")
    chromium_page.keyboard.press("F")
    wait_for_told(chromium_page, "1 flagged")
    marks = viewer.result()["mark"]

    assert marks.astype(object).where(marks.notna(), None).tolist() == [
        "accepted",
        "rejected",
        None,
        "flagged",
        None,
    ]
    assert viewer._rows.frame.columns.tolist() == frame_of(1).columns.tolist()


def test_an_undo_does_not_fetch_back_who_went_on(fake_model, chromium_page):
    """The kernel's answer to U moves the focus to the row, unless another row was gone to meanwhile."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message([0, 1, 2, 3]))
    fake.receive(*tile_message([0, 1, 2, 3]))
    settled(chromium_page)
    answer = {"kind": "marks", "id": 0, "told": ""}, [bytes(4)]
    chromium_page.locator(".sf-canvas").click(position={"x": 300, "y": 60})
    chromium_page.keyboard.press("u")
    fake.receive(*answer)
    assert fake.get("selected") == [0]

    chromium_page.keyboard.press("u")
    chromium_page.keyboard.press("End")
    fake.receive(*answer)
    assert fake.get("selected") == [3]


def test_clicks_select(shown, chromium_page):
    """A click selects one row, Ctrl another, Shift a range, Escape none; selected is a frame of them."""
    viewer = shown(frame_of(6))
    canvas = chromium_page.locator(".sf-canvas")
    place = lambda at: {"x": 60 + at * 130, "y": 60}  # noqa: E731
    canvas.click(position=place(1))
    assert viewer.selected["prompt"].tolist() == ["thing 1"]
    canvas.click(position=place(3), modifiers=["Control"])
    assert viewer.selected["prompt"].tolist() == ["thing 1", "thing 3"]
    canvas.click(position=place(5), modifiers=["Shift"])
    assert viewer.selected["prompt"].tolist() == ["thing 3", "thing 4", "thing 5"]
    chromium_page.keyboard.press("r")
    assert viewer.result()["mark"].notna().tolist() == [False, False, False, True, True, True]
    chromium_page.keyboard.press("Escape")
    assert len(viewer.selected) == 0


def test_filter_and_sort_reorder_the_page(shown, chromium_page):
    """What is filtered and sorted in Python is what the page shows, in that order."""
    viewer = shown(frame_of(6))
    viewer.filter(status="completed", query="inference_time > 1")
    viewer.sort("inference_time", descending=True)
    viewer.page.flush()
    settled(chromium_page)
    chromium_page.locator(".sf-canvas").click(position={"x": 60, "y": 60})

    assert viewer.positions == [5, 4, 3, 1]
    assert viewer.selected["prompt"].tolist() == ["thing 5"]
    assert chromium_page.inner_text(".sf-told") == "4 of 6 rows"


def test_colours_by_a_column_have_a_legend(shown, chromium_page):
    """Masks take the colour of their value, and the legend tells which is which."""
    viewer = shown(frame_of(4, kind=["a", "b", "a", "<b>b</b>"]))
    viewer.gallery.opacity = 1.0
    viewer._controls.colour.value = "kind"
    viewer.page.flush()
    settled(chromium_page)
    legend = chromium_page.locator(".sf-item").all_inner_texts()
    colours = {tuple(colour) for colour in shot(chromium_page).reshape(-1, 3)[::7].tolist()}

    assert legend == ["a", "b", "<b>b</b>"]
    assert {(0, 0x72, 0xB2), (0xE6, 0x9F, 0), (0, 0x9E, 0x73)} <= colours


def test_one_large_with_zoom(shown, chromium_page):
    """Space opens a row with all that is told of it; + zooms, 0 shows it whole, space closes."""
    shown(frame_of(3))
    chromium_page.locator(".sf-canvas").click(position={"x": 60, "y": 60})
    chromium_page.keyboard.press(" ")
    chromium_page.wait_for_function("document.querySelector('.samframe-gallery').dataset.large === '0'")
    whole = shot(chromium_page, ".sf-stage")
    chromium_page.keyboard.press("+")
    zoomed = shot(chromium_page, ".sf-stage")
    chromium_page.keyboard.press("0")
    again = shot(chromium_page, ".sf-stage")
    texts = chromium_page.locator(".sf-text").all_inner_texts()
    chromium_page.keyboard.press(" ")

    assert (whole == again).all()
    assert (whole != zoomed).any()
    assert "thing 0" in texts
    assert not chromium_page.locator(".sf-large").is_visible()


def test_scrolls_through_many_rows(shown, chromium_page):
    """Rows far down come when they are scrolled to, and the page keeps 600 tiles at most."""
    viewer = shown(frame_of(3000, image=[picture()] * 3000))
    scroller = chromium_page.locator(".sf-scroll")
    scroller.evaluate("(element) => { element.scrollTop = element.scrollHeight }")
    settled(chromium_page)
    chromium_page.locator(".samframe-gallery").focus()
    chromium_page.keyboard.press("End")
    settled(chromium_page)

    assert viewer.selected["prompt"].tolist() == ["thing 2999"]


@pytest.mark.parametrize("text", HOSTILE, ids=["img", "script", "math", "rtl", "long", "quotes"])
def test_hostile_text_is_text(shown, chromium_page, text):
    """In prompts, labels, column names, statuses and file names it is shown as it is, and nothing runs."""
    df = frame_of(3, status=[text] * 3, image=[text[:200], picture(), None])
    df[text] = [text] * 3
    df.index = [text] * 3
    viewer = shown(df.assign(prompt=[text] * 3))
    viewer._controls.colour.value = text
    viewer.sort(text)
    viewer.page.flush()
    settled(chromium_page)
    chromium_page.locator(".sf-canvas").click(position={"x": 60, "y": 60})
    chromium_page.keyboard.press(" ")
    chromium_page.wait_for_function("document.querySelectorAll('.sf-text').length > 3")
    texts = chromium_page.evaluate("[...document.querySelectorAll('.sf-text')].map((one) => one.textContent)")

    assert texts.count(text) >= 3
    assert (
        chromium_page.locator(".samframe-gallery img, .samframe-gallery script, .samframe-gallery a").count()
        == 0
    )
    viewer.filter(text=text)
    assert viewer.positions == [0, 1, 2]
    assert len(df.assign(prompt=[text] * 3).query(viewer.query)) == 3


@pytest.mark.parametrize("kind", ["empty", "duplicates", "multiindex", "bare", "url"])
def test_odd_frames(shown, chromium_page, kind):
    """No rows, a repeating or deep index, no other columns, images by URL: shown, and told what there is."""
    df = frame_of(4)
    match kind:
        case "empty":
            df = df.iloc[:0]
        case "duplicates":
            df.index = ["same"] * 4
        case "multiindex":
            df.index = pd.MultiIndex.from_product([["a", "b"], [1, 2]])
        case "bare":
            df = df[["image", "mask"]]
        case "url":
            df["image"] = "https://images.example/a.png?signature=secret"
    viewer = shown(df)
    told = chromium_page.inner_text(".sf-told")

    assert told == f"{len(df)} of {len(df)} rows"
    assert len(df.query(viewer.query)) == len(df)


def test_dark_theme_is_dark(live_widget, chromium_page):
    """The background follows JupyterLab's colours."""
    viewer = samframe.view(frame_of(2), tile=SIDE, height=200)
    live_widget(viewer.gallery, is_dark=True)
    chromium_page.add_style_tag(content=":root { --jp-layout-color1: #111; --jp-ui-font-color1: #eee; }")
    settled(chromium_page)
    chromium_page.evaluate("document.body.dataset.jpThemeLight = 'false2'")
    settled(chromium_page)
    pixels = shot(chromium_page, ".samframe-gallery")

    assert pixels[200, 800].max() < 40
