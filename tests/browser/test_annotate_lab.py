"""The annotator end to end: a real JupyterLab, a real kernel, and a service that counts what it is sent."""

from __future__ import annotations

import ast
import time
from contextlib import ExitStack

import numpy as np
import pytest

from samframe import Mask
from samframe.server import LocalServer, ServerConfig
from samframe.server.engines.drawn import Segmentation

HEIGHT, WIDTH = 120, 200

SETUP = """
import numpy as np, pandas as pd, samframe
picture = np.full(({height}, {width}, 3), 255, dtype=np.uint8)
masks = pd.array([samframe.Mask.from_bbox((60, 40, 50, 30), ({height}, {width})), None], dtype="mask")
df = pd.DataFrame({{"image": [picture, picture // 2], "prompt": ["<b>boy</b>", None], "mask": masks}}, index=["a", "a"])
client = samframe.Client("SG_" + "0123456789abcdef", base_url={url!r})
annotator = df.sam.annotate(client=client, store={store!r})
"""

RESULT = """
out = annotator.result()
again = samframe.replay(df, [event.to_json() for event in annotator.events])
print([again.equals(out), out["edited"].iloc[0], out["edited_points"].iloc[0], out["edited_remove_points"].iloc[0],
       out["mask"].iloc[0].to_coco(), annotator.pending, [event.kind for event in annotator.events]])
"""


class DiscEngine:
    """Answers with a disc of 15 px around the first point: what comes back can be told by its pixels."""

    name = "disc/1"

    def segment(self, rgb, *, prompt=None, points=(), remove_points=()):
        rows, cols = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
        x, y = points[0]
        return Segmentation(mask=(cols - x) ** 2 + (rows - y) ** 2 <= 15**2, score=1.0, detail={})


@pytest.fixture
def make_service():
    """Start a service whose jobs take as long as is wanted."""
    with ExitStack() as stack:

        def make(*, latency_s):
            config = ServerConfig(engine=DiscEngine(), latency_s=latency_s, price_usd=0.002)
            return stack.enter_context(LocalServer(config))

        yield make


@pytest.fixture
def service(make_service):
    return make_service(latency_s=0.2)


class OpenAnnotator:
    """The annotator in a notebook's output, by the places of its image."""

    def __init__(self, notebook, cell):
        self.notebook = notebook
        self.page = notebook.page
        self.root = notebook.output(cell).locator(".samframe-annotator")
        self.canvas = self.root.locator(".sf-stage canvas")
        self.canvas.wait_for()
        self.canvas.scroll_into_view_if_needed()
        self.until(lambda: self.pixel(5, 5)[:2] == [255, 255])

    def geometry(self):
        box = self.canvas.bounding_box()
        scale = min((box["width"] - 16) / WIDTH, (box["height"] - 16) / HEIGHT, 16)
        return box, scale, (box["width"] - WIDTH * scale) / 2, (box["height"] - HEIGHT * scale) / 2

    def click(self, x, y, **options):
        box, scale, left, top = self.geometry()
        self.page.mouse.click(
            box["x"] + left + (x + 0.5) * scale, box["y"] + top + (y + 0.5) * scale, **options
        )

    def pixel(self, x, y):
        _, scale, left, top = self.geometry()
        return self.canvas.evaluate(
            """(canvas, [x, y]) => {
                const ratio = canvas.width / canvas.clientWidth;
                const at = [Math.floor(x * ratio), Math.floor(y * ratio)];
                return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
            }""",
            [left + (x + 0.5) * scale, top + (y + 0.5) * scale],
        )

    def until(self, holds, timeout_s=60):
        end = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < end
            self.page.wait_for_timeout(50)

    def until_text(self, words):
        self.root.get_by_text(words).first.wait_for()


def is_tinted(colour):
    return colour[2] > colour[0] + 60


def test_click_send_accept_in_jupyterlab(lab, service, watch, tmp_path):
    """Two clicks to include and one to exclude send nothing; Enter sends one job; its mask is painted and accepted."""
    setup = SETUP.format(height=HEIGHT, width=WIDTH, url=service.base_url, store=str(tmp_path / "store"))
    notebook = lab.open(lab.write("annotate.ipynb", [setup, "annotator", "", RESULT]), watch=watch)
    notebook.run_cell(0)
    notebook.run_cell(1)
    annotator = OpenAnnotator(notebook, 1)
    assert is_tinted(annotator.pixel(85, 55))
    assert annotator.root.locator("input[aria-label=Prompt]").input_value() == "<b>boy</b>"

    annotator.click(150, 80)
    annotator.click(155, 85)
    annotator.click(20, 20, button="right")
    annotator.until_text("$0.002")
    annotator.until(lambda: annotator.pixel(151, 81) == [0, 158, 115])
    assert service.counters.submits == 0

    annotator.page.keyboard.press("Enter")
    annotator.until(lambda: is_tinted(annotator.pixel(150, 92)))
    annotator.until_text("not accepted yet")
    assert annotator.pixel(85, 55) == [255, 255, 255]
    assert service.counters.submits == 1

    # Keys that would delete, cut or move the cell if JupyterLab heard them.
    for key in ("d", "d", "x", "b"):
        annotator.page.keyboard.press(key)
    annotator.page.keyboard.press("a")
    annotator.until_text("2 of 2")
    notebook.run_cell(3)
    same, edited, points, removes, mask, pending, kinds = ast.literal_eval(notebook.text(3))
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]

    assert same
    assert (edited, points, removes, pending) == (
        "points",
        [(150.0, 80.0), (155.0, 85.0)],
        [(20.0, 20.0)],
        [],
    )
    assert Mask.from_coco(mask) == Mask.from_numpy((cols - 150) ** 2 + (rows - 80) ** 2 <= 15**2)
    assert kinds == ["point", "point", "point", "sent", "received", "accept"]
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == 4
    assert service.counters.submits == 1
    notebook.close()


def test_a_saved_notebook_says_what_was_there(lab, service, watch, tmp_path):
    """While the kernel lives its annotator is shown; reopened without it, one line is, without text of the frame."""
    setup = SETUP.format(height=HEIGHT, width=WIDTH, url=service.base_url, store=str(tmp_path / "store"))
    name = lab.write("annotate_saved.ipynb", [setup, "annotator"])
    notebook = lab.open(name, watch=watch)
    notebook.run_all()
    OpenAnnotator(notebook, 1)
    line = notebook.output(1).get_by_text("samframe annotator, 2 rows")
    line.wait_for(state="hidden")
    saved = notebook.save()
    notebook.close()
    lab.shut_kernels_down()
    again = lab.open(name, watch=watch)
    again.output(1).get_by_text("samframe annotator, 2 rows").wait_for()

    assert "SG_0123456789abcdef" not in str(saved.cells[1]) + str(saved.metadata)
    assert "boy" not in str(saved.cells[1].outputs)
    again.close()


BUSY = """
import time
limit = time.monotonic() + 40
while annotator.pending and time.monotonic() < limit: time.sleep(0.05)
print(annotator.pending)
time.sleep(6)
"""


def test_a_mask_is_painted_while_the_kernel_is_busy(lab, make_service, watch, tmp_path):
    """A send returns at once, the next cell runs, and the mask is painted while that cell still runs."""
    service = make_service(latency_s=1.5)
    setup = SETUP.format(height=HEIGHT, width=WIDTH, url=service.base_url, store=str(tmp_path / "store"))
    notebook = lab.open(lab.write("annotate_busy.ipynb", [setup, "annotator", BUSY]), watch=watch)
    notebook.run_cell(0)
    notebook.run_cell(1)
    annotator = OpenAnnotator(notebook, 1)
    annotator.click(150, 80)
    annotator.until_text("$0.002")
    annotator.page.keyboard.press("Enter")
    annotator.until_text("waiting for the mask")
    notebook.run_cell(2, wait=False)
    annotator.until(lambda: is_tinted(annotator.pixel(150, 92)))
    status = notebook.kernel_status()
    notebook.wait_until_done()

    assert status == "busy"
    assert notebook.text(2) == "[]"
    assert service.counters.submits == 1
    notebook.close()
