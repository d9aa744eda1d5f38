"""The gallery's page in Chromium with a model that the test plays: pixels, keys, what is left behind."""

from __future__ import annotations

import base64
from importlib.resources import files

import numpy as np
import pytest
from harness._gallery import SIDE, STATE, picture, rows_message, settled, shot, tile_message

from samframe.images import encode_thumbnail


def _module(name):
    data = files("samframe.widgets").joinpath("static", f"{name}.js").read_bytes()
    return base64.b64encode(data).decode("ascii")


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


COUNT_BITMAPS = """() => {
    window.open = 0;
    const [make, close] = [window.createImageBitmap, ImageBitmap.prototype.close];
    window.createImageBitmap = async (...given) => {
        const made = await make(...given);
        window.open += 1;
        return made;
    };
    ImageBitmap.prototype.close = function () {
        if (this.width) window.open -= 1;
        return close.call(this);
    };
}"""


def bitmaps(page):
    page.evaluate("() => new Promise((done) => setTimeout(done, 200))")
    return page.evaluate("window.open")


def test_pictures_are_closed_when_nobody_shows_them(fake_model, chromium_page):
    """A decoded picture is closed when another takes its place, comes too late, is spoiled, left, or forgotten."""
    fake = fake_model("gallery", STATE)
    chromium_page.evaluate(COUNT_BITMAPS)
    fake.receive(*rows_message([0, 1, 2]))
    fake.receive(*tile_message([0, 1, 2]))
    fake.receive(*tile_message([0, 1, 2]))
    assert bitmaps(chromium_page) == 3

    content, buffers = tile_message([0])
    fake.receive(content | {"version": 7}, buffers)
    fake.receive(content | {"size": 7}, buffers)
    assert bitmaps(chromium_page) == 3
    chromium_page.locator(".sf-canvas").click(position={"x": 60, "y": 60})
    chromium_page.keyboard.press(" ")
    large = {"kind": "large", "version": 0, "tile": content["tiles"][0], "lines": []}, buffers
    fake.receive(*large)
    fake.receive(*large)
    assert bitmaps(chromium_page) == 4
    chromium_page.keyboard.press("ArrowRight")
    assert bitmaps(chromium_page) == 3

    fake.receive(content, [buffers[0], b"99"])
    assert bitmaps(chromium_page) == 2
    chromium_page.evaluate("widget.remove()")
    assert bitmaps(chromium_page) == 0


def test_pictures_decode_where_the_image_decoder_fails(fake_model, chromium_page):
    """A decoder that refuses what a Blob can show is no reason to show nothing."""
    fake = fake_model("gallery", STATE)
    chromium_page.evaluate(
        "window.ImageDecoder = class { decode() { return Promise.reject(new Error('no')); } close() {} }; null"
    )
    fake.receive(*rows_message([0, 1, 2]))
    fake.receive(*tile_message([0, 1, 2]))
    settled(chromium_page)

    assert (np.abs(shot(chromium_page) - [250, 40, 40]).sum(axis=2) < 30).sum() > SIDE * SIDE


def test_an_outline_is_seen_on_an_object_of_its_own_colour(fake_model, chromium_page):
    """Blue on blue: a line alone has a second, white one within it."""
    fake = fake_model("gallery", STATE | {"outline": True})
    fake.receive(*rows_message([0]))
    fake.receive(*tile_message([0], colour=(0, 158, 255)))
    settled(chromium_page)
    tile = shot(chromium_page)[12 : 12 + SIDE, 12 : 12 + SIDE]

    assert ((tile > 240).all(axis=2)).sum() > 2 * SIDE


def test_a_change_of_theme_repaints_once_its_style_is_there(played, chromium_page):
    """The colours that come after the page has said that its theme changes are painted, without a click."""
    before = shot(chromium_page)
    chromium_page.evaluate(
        """() => {
          document.body.setAttribute("data-jp-theme-light", "false");
          setTimeout(() => document.documentElement.style.setProperty("--jp-ui-font-color1", "#00ff00"), 60);
        }"""
    )
    chromium_page.wait_for_timeout(1000)
    after = shot(chromium_page)

    assert not ((np.abs(before - [0, 255, 0]).sum(axis=2)) < 60).any()
    assert ((np.abs(after - [0, 255, 0]).sum(axis=2)) < 60).any()


def test_sliders_have_names(chromium_page, played):
    """Handles of ipywidgets' sliders, also those that come later, are named after their label."""
    names = chromium_page.evaluate(
        """async () => {
          const root = document.querySelector(".samframe-gallery");
          const viewer = document.createElement("div");
          viewer.className = "samframe-viewer";
          const slider = document.createElement("div");
          const handle = (end) => `<div class="noUi-handle noUi-handle-${end}" role="slider"></div>`;
          slider.innerHTML = `<div class="widget-inline-hbox"><label class="widget-label">area, px</label>
            <div class="noUi-target">${handle("lower")}${handle("upper")}</div></div>
            <div class="widget-inline-hbox"><label class="widget-label">opacity</label>
            <div class="noUi-target">${handle("lower")}</div></div>`;
          document.body.append(viewer);
          const { nameSliders } = await import(window.surroundings);
          nameSliders(viewer);
          viewer.append(slider);
          await new Promise((done) => setTimeout(done, 50));
          return [...viewer.querySelectorAll(".noUi-handle")].map((one) => one.getAttribute("aria-label"));
        }""".replace("window.surroundings", repr("data:text/javascript;base64," + _module("surroundings")))
    )

    assert names == ["area, px, least", "area, px, most", "opacity"]
