"""The gallery in Chromium with its real Python behind it: marks, choices, filters, hostile text, odd frames."""

from __future__ import annotations

import pandas as pd
import pytest
from harness._gallery import SIDE, frame_of, picture, settled, shot, wait_for_told

import samframe

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "$$\\href{javascript:alert(3)}{x}$$",
    "\u202eabc\u202c \u200f\u05d0",
    "long " * 2000,
    "`back` 'single' \"double\" # @x \\n",
]


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
