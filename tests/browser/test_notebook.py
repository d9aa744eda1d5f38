"""JupyterLab, end to end: a run and its panel, Stop, the gallery, and what a saved notebook shows without a kernel."""

from __future__ import annotations

import json
import time

import pytest

from samframe.server import DrawnEngine, LocalServer, ServerConfig

pytestmark = pytest.mark.timeout(300)

SETUP = """
import numpy as np, pandas as pd, samframe
images = [np.full((48, 64, 3), number, dtype=np.uint8) for number in range(250)] * 8
df = pd.DataFrame({{"image": images, "prompt": [f"thing {{number}}" for number in range(2000)]}})
client = samframe.Client("SG_" + "0123456789abcdef", base_url={url!r})
options = dict(client=client, store={store!r})
"""

GALLERY = """
import json, numpy as np, pandas as pd, samframe
from samframe.masks import Mask
texts = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "$$x$$", "\\u202eabc", "long " * 2000]
side = 40
picture = np.zeros((side, side, 3), np.uint8); picture[:] = (250, 40, 40)
half = np.zeros((side, side), bool); half[:, :20] = True
few = np.zeros((side, side), bool); few[:5, :5] = True
masks = [Mask.from_numpy(half), Mask.from_numpy(few)]
n = 10_000
df = pd.DataFrame({
    "image": [picture] * n,
    "prompt": [texts[row] if row < len(texts) else f"thing {row}" for row in range(n)],
    "mask": pd.array([masks[row % 2] for row in range(n)], dtype="mask"),
    "status": pd.Categorical(["failed" if row % 5 == 4 else "completed" for row in range(n)]),
    "inference_time": [row / 100 for row in range(n)],
    texts[0]: "x",
})
viewer = df.sam.view(); viewer
"""

BACK = """
print(json.dumps({
    "query": viewer.query,
    "shown": len(viewer.positions),
    "same": df.query(viewer.query).index.tolist() == sorted(viewer.positions),
    "first": viewer.positions[:3],
    "selected": viewer.selected.index.tolist(),
    "marks": {str(row): mark for row, mark in viewer.result()["mark"].dropna().items()},
}))
"""


@pytest.fixture
def server():
    """A service with eight workers, a tenth of a second a job."""
    config = ServerConfig(engine=DrawnEngine(variants=8), workers=8, latency_s=0.15, price_usd=0.002)
    with LocalServer(config) as running:
        yield running


def rows_done(output):
    return int(output.locator(".widget-html b").first.inner_text().replace(",", ""))


def wait_for_rows(notebook, output, rows):
    output.locator(".widget-html b").first.wait_for()
    deadline = time.monotonic() + 60
    while rows_done(output) < rows:
        assert time.monotonic() < deadline, notebook.text(1)
        notebook.page.wait_for_timeout(50)


def submits_after_rest(server):
    """The server's count of submits now, and a second later."""
    before = server.counters.submits
    time.sleep(1.0)
    return before, server.counters.submits


def test_progress_fills_and_stop_stops(lab, watch, server, tmp_path):
    """A blocking run fills its panel, with pictures; the notebook's Stop ends it: 0 POSTs after, one line is left."""
    cells = [
        SETUP.format(url=server.base_url, store=str(tmp_path)),
        "out = df.sam.segment(**options)",
        "print(len(samframe.last_run().frame), samframe.last_run().progress.by_status.total())",
    ]
    notebook = lab.open(lab.write("stop.ipynb", cells), watch=watch)
    notebook.run_all(wait=False)
    output = notebook.output(1)
    wait_for_rows(notebook, output, 20)
    picture = output.locator("img.widget-image")
    picture.wait_for()
    early, spent = rows_done(output), notebook.text(1)
    wait_for_rows(notebook, output, early + 10)
    notebook.interrupt()
    output.get_by_text("KeyboardInterrupt").first.wait_for()
    before, after = submits_after_rest(server)
    line = output.get_by_text("samframe: ").first.inner_text()
    notebook.run_cell(2)
    saved = json.dumps(notebook.save())
    notebook.close()

    assert "spent" in spent
    assert "completed" in spent
    assert before == after < 2000
    assert "of 2,000 done" in line
    assert "run again to go on" in line
    assert notebook.path.exists()
    assert "SG_0123456789abcdef" not in saved
    assert "samframe: " in saved


def test_start_returns_at_once_and_its_panel_stops_it(lab, watch, server, tmp_path):
    """start() gives the notebook back, its frame fills, and the panel's Stop button ends the run: 0 POSTs after."""
    cells = [
        SETUP.format(url=server.base_url, store=str(tmp_path)),
        "run = df.sam.start(**options)",
        "print((run.frame['status'] == 'completed').sum())",
    ]
    notebook = lab.open(lab.write("start.ipynb", cells), watch=watch)
    notebook.run_all()
    output = notebook.output(1)
    wait_for_rows(notebook, output, 30)
    notebook.run_cell(2)
    filled = int(notebook.text(2))
    output.get_by_role("button", name="Stop").click()
    output.get_by_text("samframe: ").first.wait_for()
    before, after = submits_after_rest(server)
    line = output.get_by_text("samframe: ").first.inner_text()
    notebook.close()

    assert 0 < filled < 2000
    assert before == after < 2000
    assert server.counters.accepted <= before
    assert "of 2,000 done" in line
    assert "run again to go on" in line


def test_gallery_from_first_look_to_python_and_back(lab, watch):
    """10,000 rows, hostile texts among them: filter, sort, keys, selection reach Python; the saved file is small."""
    notebook = lab.open(lab.write("gallery.ipynb", [GALLERY, BACK]), watch=watch)
    page, output = notebook.page, notebook.output(0)
    notebook.run_all()
    wait_until_painted(page)
    assert not output.locator(".samframe-snapshot").is_visible()
    assert "thing" not in output.locator(".sf-told").inner_text()

    output.get_by_placeholder("text in the prompt").fill("thing")
    page.keyboard.press("Enter")
    output.get_by_role("button", name="failed 2,000").click()
    wait_for_told(page, "1,999 of")
    output.locator("select").first.select_option("inference_time")
    output.get_by_role("button", name="descending").click()
    notebook.page.wait_for_timeout(300)
    wait_until_painted(page)
    output.locator(".sf-canvas").click(position={"x": 60, "y": 60})
    for key in ["a", "ArrowRight", "r"]:
        page.keyboard.press(key)
    wait_for_told(page, "1 rejected")
    cells_before = page.locator(".jp-Cell").count()
    for key in ["x", "d", "d"]:
        page.keyboard.press(key)
    notebook.run_cell(1)
    told = json.loads(notebook.text(1))
    notebook.save()
    size = notebook.path.stat().st_size
    notebook.close()

    assert told["same"]
    assert (told["shown"], told["first"]) == (1999, [9999, 9994, 9989])
    assert told["selected"] == [9984]
    assert told["marks"] == {"9999": "accepted", "9989": "rejected"}
    assert page_count_same(cells_before, notebook.path)
    assert size <= 50_000

    lab.shut_kernels_down()
    again = lab.open("gallery.ipynb", watch=watch)
    snapshot = again.output(0).locator(".samframe-snapshot")
    snapshot.wait_for()
    picture = snapshot.locator("img").evaluate("(image) => [image.complete, image.naturalWidth]")
    gallery = again.output(0).locator(".samframe-gallery")
    is_gallery_there = gallery.count() > 0 and gallery.is_visible()
    words = snapshot.inner_text()
    again.close()

    assert picture[0]
    assert picture[1] > 300
    assert "10,000 rows: 8,000 completed, 2,000 failed" in words
    assert not is_gallery_there


def page_count_same(count, path):
    return len(json.loads(path.read_text("utf-8"))["cells"]) == count


def wait_until_painted(page):
    page.wait_for_function("document.querySelector('.samframe-gallery')?.dataset.pending === '0'")


def wait_for_told(page, text):
    page.wait_for_function("text => document.querySelector('.sf-told')?.textContent.includes(text)", arg=text)
