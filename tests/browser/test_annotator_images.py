"""The annotator's images in Chromium: turned, huge, behind a URL, or none at all."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from harness._annotator import HEIGHT, WHITE, WIDTH, Desk, is_blue, make_frame
from PIL import Image, ImageOps

from samframe import Mask


@pytest.fixture
def desk(live_widget):
    return Desk(live_widget, make_frame())


def picture_file(orientation):
    """A JPEG file of white with a grey square around the pixel (180, 20), as stored."""
    pixels = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    pixels[15:26, 175:186] = 128
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


def place_upright(orientation, x, y):
    """Return where a pixel of the stored raster lies in the upright picture, by Pillow's own turning."""
    pixels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    pixels[y, x] = 255
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    ((row, column),) = np.argwhere(np.asarray(ImageOps.exif_transpose(Image.open(file))))
    return int(column), int(row)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_shown_upright_and_counted_as_stored(live_widget, orientation):
    """A click on the upright picture is sent as a point of the stored raster; the mask that comes back lies on it."""
    size_hw = (WIDTH, HEIGHT) if orientation > 4 else (HEIGHT, WIDTH)
    desk = Desk(live_widget, make_frame(image=[picture_file(orientation)] * 3), size_hw=size_hw)
    before = desk.pixel(*place_upright(orientation, 85, 55))
    grey = desk.pixel(*place_upright(orientation, 180, 20))
    desk.click(*place_upright(orientation, 180, 20))
    desk.click(*place_upright(orientation, 20, 100), button="right")
    desk.press("Enter")
    ((ask,), _), state = desk.segmenter.asked[0], desk.annotator.state

    assert is_blue(before)
    assert max(abs(part - 128) for part in grey) <= 3
    assert desk.points == [[180, 20, True], [20, 100, False]]
    assert (ask.points, ask.remove_points) == (((180, 20),), ((20, 100),))
    assert tuple(state["mask"]["size"]) == (HEIGHT, WIDTH)
    assert is_blue(desk.pixel(*place_upright(orientation, 170, 24)))
    assert desk.pixel(*place_upright(orientation, 85, 55)) == WHITE


@pytest.mark.parametrize("orientation", [3, 5, 6, 8])
def test_strokes_on_a_turned_picture_are_of_the_stored_raster(live_widget, orientation):
    """Brush and polygon paint where they were drawn, in the mask's own raster."""
    size_hw = (WIDTH, HEIGHT) if orientation > 4 else (HEIGHT, WIDTH)
    desk = Desk(live_widget, make_frame(image=[picture_file(orientation)] * 3), size_hw=size_hw)
    desk.press("2")
    desk.click(*place_upright(orientation, 150, 90))
    desk.press("3")
    for x, y in [(10, 10), (30, 10), (30, 30), (10, 30)]:
        desk.click(*place_upright(orientation, x, y))
    desk.press("Enter", "a")
    mask = desk.annotator.result()["mask"].iloc[0].to_numpy()

    assert mask.shape == (HEIGHT, WIDTH)
    assert mask[90, 150]
    assert mask[20, 20]
    assert not mask[20, 150]
    assert not mask[90, 20]


def test_a_mask_that_came_upright_is_counted_upright(live_widget):
    """Of an image behind a URL whose service turned it, mask and points are upright, as the service has them."""
    upright = Mask.from_bbox((40, 60, 30, 50), (WIDTH, HEIGHT))
    frame = make_frame(image=["https://images.example/a.jpg"] * 3, mask=pd.array([upright] * 3, dtype="mask"))
    desk = Desk(live_widget, frame, size_hw=(WIDTH, HEIGHT), fetch=lambda _url: picture_file(6))
    desk.click(20, 150)

    assert is_blue(desk.pixel(55, 85))
    assert desk.pixel(20, 20) == WHITE
    assert max(abs(part - 128) for part in desk.pixel(*place_upright(6, 180, 20))) <= 3
    assert desk.points == [[20, 150, True]]


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
