"""The annotator in Chromium: where clicks land, what is painted, what is sent, and that texts stay texts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from harness._annotator import HEIGHT, HOSTILE, WHITE, WIDTH, Desk, DiscSegmenter, is_blue, make_frame

import samframe
from samframe import Mask


@pytest.fixture
def desk(live_widget):
    return Desk(live_widget, make_frame())


def test_shows_picture_and_mask(desk):
    """The picture is white where the mask is not, tinted where it is, opaque along its edge."""
    assert desk.pixel(20, 20) == WHITE
    assert is_blue(desk.pixel(85, 55))
    assert desk.pixel(60, 55) == (86, 180, 233)
    assert desk.pixel(59, 55) == WHITE


def test_clicks_land_on_their_pixels_and_send_nothing(desk):
    """Left includes, right and Shift exclude, each at the pixel under the pointer; no job goes out."""
    desk.click(0, 0)
    desk.click(199, 119, button="right")
    desk.page.keyboard.down("Shift")
    desk.click(100, 7)
    desk.page.keyboard.up("Shift")

    assert desk.points == [[0, 0, True], [199, 119, False], [100, 7, False]]
    assert desk.segmenter.asked == []
    assert desk.annotator.pending == []


def test_zoom_and_pan_keep_the_pixel_under_the_pointer(desk):
    """After wheel and drag a click lands on the pixel that is seen there."""
    x, y = desk.where(150.5, 90.5)
    desk.page.mouse.move(x, y)
    for _ in range(6):
        desk.page.mouse.wheel(0, -240)
        desk.settle()
    desk.page.mouse.click(x, y)
    desk.settle()
    desk.page.mouse.move(x, y)
    desk.page.mouse.down()
    desk.page.mouse.move(x - 80, y - 40, steps=4)
    desk.page.mouse.up()
    desk.page.mouse.click(x - 80 + 200, y - 40 + 0)
    desk.settle()
    desk.press("0")
    desk.click(3, 5)

    first, second, third = desk.points
    assert first == [150, 90, True]
    assert second[1] == 90
    assert 150 < second[0] < 150 + 200 / desk.scale[0]
    assert third == [3, 5, True]


def test_a_click_on_a_point_removes_it(desk):
    """A second click on a point takes it away, whichever tool of the mouse set it."""
    desk.click(30, 30)
    desk.click(150, 30, button="right")
    desk.click(30, 30)

    assert desk.points == [[150, 30, False]]


def test_enter_sends_the_points_for_the_price_that_is_shown(desk):
    """Enter sends one job: its mask is painted, accepted into the result, and the log repeats it."""
    desk.click(100, 100)
    desk.click(10, 10, button="right")
    shown = desk.page.get_by_role("button", name="Send points").inner_text()
    desk.press("Enter")
    (asks, limit), *others = desk.segmenter.asked

    assert "$0.002" in shown
    assert (others, limit) == ([], 0.002)
    assert (asks[0].points, asks[0].remove_points, asks[0].prompt) == (((100, 100),), ((10, 10),), None)
    assert is_blue(desk.pixel(108, 100))
    assert desk.pixel(85, 55) == WHITE

    desk.press("a")
    out = desk.annotator.result()
    assert out["edited"].tolist() == ["points", pd.NA, pd.NA]
    assert out["mask"].iloc[0].to_numpy()[100, 108]
    assert desk.annotator.state["at"] == 1
    pd.testing.assert_frame_equal(samframe.replay(desk.frame, desk.annotator.events), out)


def test_brush_and_polygon_are_exact(desk):
    """A stroke paints the pixels within its radius, the right button erases, a polygon fills its inside."""
    desk.press("2")
    desk.page.get_by_label("Brush radius in pixels").fill("5")
    desk.click(20, 20)
    desk.click(85, 55, button="right")
    mask = desk.annotator.state["mask"]
    pixels = Mask.from_coco(mask).to_numpy()
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    stroke = (cols - 20) ** 2 + (rows - 20) ** 2 <= 24
    hole = (cols - 85) ** 2 + (rows - 55) ** 2 <= 24

    assert (pixels[stroke]).all()
    assert not pixels[hole].any()
    assert is_blue(desk.pixel(20, 20))
    assert desk.pixel(85, 55) == WHITE

    desk.press("3")
    for x, y in [(150, 80), (190, 80), (190, 110), (150, 110)]:
        desk.page.mouse.click(*desk.where(x, y))
        desk.settle()
    desk.press("Enter")
    added = Mask.from_coco(desk.annotator.state["mask"]) - Mask.from_coco(mask)

    assert added.iou(Mask.from_bbox((150, 80, 40, 30), (HEIGHT, WIDTH))) > 0.98
    assert is_blue(desk.pixel(170, 95))
    assert desk.annotator.state["edited"] == "by hand"
    assert desk.segmenter.asked == []


def test_undo_and_redo_go_through_the_images(desk):
    """U takes back the latest step of any row and shows that row; Y does it again."""
    desk.click(10, 10)
    desk.press("n")
    desk.click(50, 50)
    desk.press("u", "u")

    assert desk.annotator.state["at"] == 0
    assert desk.points == []
    desk.press("y", "y")
    assert desk.annotator.state["at"] == 1
    assert desk.points == [[50, 50, True]]


def test_a_queue_goes_out_as_one_batch(desk):
    """Q queues rows; Shift Enter sends them together, for the price of the batch."""
    desk.click(30, 30)
    desk.press("q", "n")
    desk.click(60, 60)
    desk.press("q")
    shown = desk.page.get_by_role("button", name="Send 2").inner_text()
    desk.press("Shift+Enter")

    assert "$0.004" in shown
    assert [(len(asks), limit) for asks, limit in desk.segmenter.asked] == [(2, 0.004)]
    assert desk.annotator.state["mask"] is not None
    assert desk.annotator.state["queue"]["rows"] == []


def test_a_late_reply_does_not_paint_another_row(live_widget):
    """A mask that comes when its row was left is kept for that row; the row in view stays as it is."""
    desk = Desk(live_widget, make_frame(), segmenter=DiscSegmenter(waits=True))
    desk.click(100, 100)
    desk.press("Enter")
    assert desk.annotator.pending == [0]
    assert "waiting" in desk.text()
    desk.press("n")
    desk.segmenter.parked[0]()
    desk.settle()

    assert desk.pixel(108, 100) == WHITE
    desk.press("p")
    assert is_blue(desk.pixel(108, 100))
    assert desk.annotator.pending == []


def test_a_prompt_is_written_and_its_failure_is_told_as_text(desk):
    """What is typed is the prompt, keys included; the job's error comes as text and runs nothing."""
    desk.press("t")
    desk.page.keyboard.press("Control+A")
    desk.page.keyboard.type(f"naru {HOSTILE}")
    desk.press("Enter")
    (asks, _), *_ = desk.segmenter.asked

    assert asks[0].prompt == f"naru {HOSTILE}"
    assert f"Nothing is called naru {HOSTILE}." in desk.page.locator(".sf-message").inner_text()
    assert desk.annotator.state["at"] == 0


def test_hostile_labels_and_prompts_are_text(desk):
    """Labels and prompts are shown as they are written."""
    desk.press("n", "n")

    assert desk.page.locator(".sf-label").inner_text() == HOSTILE
    assert desk.page.locator("input[aria-label=Prompt]").input_value() == HOSTILE
    assert desk.page.locator(".samframe-annotator img").count() == 0


def test_long_texts_do_not_break_the_layout(live_widget):
    """Labels, prompts and errors of 10,000 letters are cut or wrapped: nothing is wider than the widget."""
    long = "W" * 10_000
    frame = make_frame(prompt=[long] * 3)
    desk = Desk(live_widget, frame.set_axis([long, "b", "c"]))
    desk.press("Enter")
    root = desk.page.locator(".samframe-annotator")

    assert long in desk.page.locator(".sf-message").inner_text()
    assert root.evaluate("root => root.scrollWidth <= root.clientWidth + 1")
    assert desk.canvas.bounding_box()["height"] == 440


def test_keys_stay_in_the_widget(desk):
    """No key that is pressed in the annotator reaches the notebook around it."""
    desk.page.evaluate(
        "window.heard = []; document.addEventListener('keydown', (event) => heard.push(event.key))"
    )
    desk.click(10, 10)
    desk.press("d", "d", "x", "a", "Escape", "Enter")

    assert desk.page.evaluate("heard") == []


def test_enter_sends_after_a_button_was_clicked(desk):
    """A click on a button leaves the keys to the annotator; the slider keeps its own."""
    desk.click(100, 100)
    desk.page.get_by_role("button", name="Fit").click()
    desk.press("Enter")
    size = desk.page.get_by_label("Brush radius in pixels")
    before = int(size.input_value())
    size.focus()
    desk.press("ArrowRight")

    assert len(desk.segmenter.asked) == 1
    assert int(size.input_value()) == before + 1
    assert desk.annotator.state["at"] == 0


def test_compare_shows_what_was_added_and_removed(desk):
    """C paints what was kept, added and removed in three colours, with a legend."""
    desk.press("2")
    desk.page.get_by_label("Brush radius in pixels").fill("8")
    desk.click(20, 20)
    desk.click(85, 55, button="right")
    desk.press("c")
    added, removed, kept = desk.pixel(20, 20), desk.pixel(85, 55), desk.pixel(105, 65)

    assert added[1] > added[0] + 60
    assert removed[0] > removed[2] + 60
    assert is_blue(kept)
    assert desk.page.locator(".sf-caption").inner_text().split() == ["kept", "added", "removed"]


def test_reject_brings_the_mask_back(desk):
    """R throws the edits away and goes on."""
    desk.press("2")
    desk.click(20, 20)
    desk.press("r", "p")

    assert desk.pixel(20, 20) == WHITE
    assert "rejected" in desk.text()
    assert desk.annotator.result()["review"].iloc[0] == "rejected"
