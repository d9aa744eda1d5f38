"""marimo in Chromium: the gallery and the annotator as ``mo.ui.anywidget``, and what other cells see of them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

pytest.importorskip("marimo")

APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import tempfile
    import marimo as mo
    import pandas as pd
    import samframe
    from samframe.testing import make_scene

    client = samframe.offline()
    scenes = [make_scene("flat", 5000 + number, size=160) for number in range(4)]
    df = pd.DataFrame(
        {"image": [scene.image for scene in scenes], "prompt": [next(iter(scene.prompts)) for scene in scenes]}
    )
    store = tempfile.mkdtemp()
    out = df.sam.segment(client=client, store=store)
    return client, mo, out, store


@app.cell
def _(mo, out):
    viewer = out.sam.view(height=300)
    shown = mo.ui.anywidget(viewer.gallery)
    shown
    return shown, viewer


@app.cell
def _(out):
    out.iloc[:2].sam.view(height=200)
    return


@app.cell
def _(client, mo, out, store):
    annotator = out.sam.annotate(client=client, store=store)
    editor = mo.ui.anywidget(annotator)
    editor
    return annotator, editor


@app.cell
def _(mo):
    read = mo.ui.run_button(label="look at the edits")
    read
    return (read,)


@app.cell
def _(annotator, mo, read, shown, viewer):
    read.value, shown.value
    marks = viewer.result()["mark"].dropna().tolist()
    mo.md(f"marks: {marks}; events: {len(annotator.events)}")
    return
"""


@pytest.fixture
def marimo_url(tmp_path):
    """The server of marimo on loopback, with the app, as a reader runs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "app.py").write_text(APP, "utf-8")
    line = [sys.executable, "-m", "marimo", "-q", "run", "app.py", "--headless", "--no-token"]
    environment = os.environ | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [*line, "--host", "127.0.0.1", "--port", str(port)],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/", server)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait(20)


def _wait_for(url, server):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - loopback
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("marimo did not start")


def test_gallery_and_annotator_work_in_marimo(chromium_page, marimo_url):
    """Tiles are painted, a mark and a click reach Python, and another cell sees them."""
    page = chromium_page
    page.goto(marimo_url)
    # It is in a shadow root, which locators look into.
    galleries = page.locator(".samframe-gallery[data-pending='0']")
    gallery = galleries.first
    gallery.wait_for(timeout=60_000)
    galleries.nth(1).wait_for(timeout=60_000)  # the viewer as it is, without mo.ui.anywidget
    gallery.locator(".sf-canvas").click(position={"x": 50, "y": 50})
    page.keyboard.press("a")
    page.get_by_text("marks: ['accepted']").wait_for()

    stage = page.locator(".samframe-annotator .sf-stage canvas")
    stage.wait_for()
    stage.click(position={"x": 320, "y": 200})  # on the picture: there is ground on both sides of it
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="look at the edits").click()

    page.get_by_text(re.compile(r"events: [1-9]")).wait_for()
