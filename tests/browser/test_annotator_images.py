"""The annotator's images in Chromium: turned, huge, behind a URL, or none at all."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from harness._annotator import HEIGHT, WHITE, WIDTH, Desk, is_blue, make_frame
from PIL import Image

from samframe import Mask


@pytest.fixture
def desk(live_widget):
    return Desk(live_widget, make_frame())


def picture_file(orientation, size=(HEIGHT, WIDTH)):
    """A JPEG file whose stored raster is black in one pixel's neighbourhood."""
    pixels = np.full((*size, 3), 255, dtype=np.uint8)
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_points_on_a_turned_picture_are_those_of_the_stored_raster(live_widget, orientation):
    """EXIF orientation changes no coordinate: the raster is shown, and counted, as it is stored."""
    desk = Desk(live_widget, make_frame(image=[picture_file(orientation)] * 3))
    desk.click(180, 10)

    assert desk.points == [[180, 10, True]]
    assert is_blue(desk.pixel(85, 55))


def test_a_huge_picture_is_shown_small_and_counted_whole(live_widget):
    """A picture of more than 2048 px is sent to the page scaled down; clicks and masks are in its own pixels."""
    side = 4000
    pixels = np.full((side * HEIGHT // WIDTH, side, 3), 255, dtype=np.uint8)
    box = Mask.from_bbox((1200, 800, 1000, 600), pixels.shape[:2])
    desk = Desk(live_widget, make_frame(image=[pixels] * 3, mask=pd.array([box] * 3, dtype="mask")))
    desk.click(150, 90)
    x, y, include = desk.points[0]

    assert include
    assert abs(x - 150.5 * 20) <= 20 / desk.scale[0] + 1
    assert abs(y - 90.5 * 20) <= 20 / desk.scale[0] + 1
    assert is_blue(desk.pixel(85, 55))
    assert desk.pixel(20, 20) == WHITE


def test_an_image_behind_a_url_is_never_asked_for(live_widget):
    """The page says so, shows the mask on a plain ground, and takes points on it; `watch` sees no request."""
    desk = Desk(live_widget, make_frame(image=["https://example.com/a.png"] * 3))
    desk.click(10, 10)

    assert "not downloaded" in desk.page.locator(".sf-caption").inner_text()
    assert desk.points == [[10, 10, True]]
    desk.press("n")
    desk.click(10, 10)
    assert "size of this image is not known" in desk.page.locator(".sf-message").inner_text()


def test_no_rows_are_shown_as_none(live_widget):
    """An annotator without rows says so and takes no key."""
    desk = Desk(live_widget, make_frame().iloc[:0])
    desk.page.locator(".samframe-annotator").focus()
    desk.press("a", "Enter", "n")

    assert "no rows" in desk.text()
    assert desk.annotator.events == ()


def test_removing_the_view_leaves_no_listener(desk):
    """A view that is taken out of the page is not drawn any more."""
    desk.page.evaluate("widget.remove()")
    desk.annotator.state = {**desk.annotator.state, "number": 99}
    desk.live.flush()

    assert desk.page.locator(".samframe-annotator").count() == 0
