"""The annotator in JupyterLab: from the key Enter to the new mask's pixels on the canvas.

Once with a model that answers at once inside the kernel, which leaves the widget's own time, and once through the whole
engine and a local server that takes no time for a job. Run as ``python tests/benchmarks/bench_annotator.py``.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))

from harness import Lab, Notebook, Watch, find_chromium
from harness._chromium import ARGS
from playwright.sync_api import sync_playwright

from samframe.server import LocalServer, ServerConfig
from samframe.server.engines.drawn import Segmentation

SENDS = 21
HEIGHT, WIDTH = 480, 640
RADIUS = 30

FRAME = f"""
import numpy as np, pandas as pd, samframe
from samframe import Mask
from samframe.widgets.annotator.widget import Annotator
from samframe.widgets.annotator.ask import Quote, Reply
rows, cols = np.mgrid[:{HEIGHT}, :{WIDTH}]
df = pd.DataFrame({{
    "image": [np.full(({HEIGHT}, {WIDTH}, 3), 255, dtype=np.uint8)],
    "prompt": [None],
    "mask": pd.array([None], dtype="mask"),
}})
class Instant:
    def at_most(self, n_jobs): return Quote(usd=0.0, text="free")
    def quote(self, ask): return Quote(usd=0.0, text="free")
    def total(self, quotes): return Quote(usd=0.0, text="free")
    def send(self, asks, *, usd_limit, done):
        x, y = asks[0].points[-1]
        mask = Mask.from_numpy((cols - x) ** 2 + (rows - y) ** 2 <= {RADIUS} ** 2)
        done([Reply(status="completed", mask=mask)])
"""
IN_THE_KERNEL = """Annotator(
    df, [0], image_col="image", prompt_col="prompt", mask_col="mask", segmenter=Instant()
)"""
THROUGH_THE_ENGINE = """df.sam.annotate(
    client=samframe.Client("SG_" + "0123456789abcdef", base_url={url!r}), store={store!r}
)"""

# Resolves with the milliseconds from the next key to the first frame in which a pixel is blue.
WATCH = """([x, y]) => {
    const canvas = document.querySelector('.samframe-annotator .sf-stage canvas');
    let began = 0;
    window.addEventListener('keydown', () => { began = performance.now(); }, { capture: true, once: true });
    window.painted = new Promise((done) => {
        const look = () => {
            const ratio = canvas.width / canvas.clientWidth;
            const at = [Math.floor(x * ratio), Math.floor(y * ratio)];
            const [red, , blue] = canvas.getContext('2d').getImageData(...at, 1, 1).data;
            if (began && blue > red + 60) done(performance.now() - began);
            else requestAnimationFrame(look);
        };
        look();
    });
}"""


class DiscEngine:
    """Answers at once with a disc around the latest point."""

    name = "disc/1"

    def segment(
        self, rgb: Any, *, prompt: Any = None, points: Any = (), remove_points: Any = ()
    ) -> Segmentation:
        """Return the disc."""
        rows, cols = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
        x, y = points[-1]
        return Segmentation(mask=(cols - x) ** 2 + (rows - y) ** 2 <= RADIUS**2, score=1.0, detail={})


def measure(notebook: Notebook) -> list[float]:
    """Return the milliseconds from Enter to paint of each send, each with a click at a place of its own before."""
    page = notebook.page
    notebook.run_cell(0)
    notebook.run_cell(1)
    root = notebook.output(1).locator(".samframe-annotator")
    canvas = root.locator(".sf-stage canvas")
    canvas.wait_for()
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    box = canvas.bounding_box()
    scale = min((box["width"] - 16) / WIDTH, (box["height"] - 16) / HEIGHT, 16)
    left, top = (box["width"] - WIDTH * scale) / 2, (box["height"] - HEIGHT * scale) / 2
    times_ms = []
    for number in range(SENDS):
        x, y = 60 + 80 * (number % 7), 60 + 120 * (number // 7)
        page.mouse.click(box["x"] + left + x * scale, box["y"] + top + y * scale)
        page.wait_for_timeout(700)
        page.evaluate(WATCH, [left + x * scale, top + (y + 20) * scale])
        page.keyboard.press("Enter")
        times_ms.append(page.evaluate("window.painted"))
    return times_ms


def main() -> None:
    """Measure and print the table."""
    config = ServerConfig(engine=DiscEngine(), latency_s=0.0, price_usd=0.002)
    rows = []
    with (
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as folder,
        LocalServer(config) as server,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        lab = Lab(Path(folder) / "lab", browser)
        engine = THROUGH_THE_ENGINE.format(url=server.base_url, store=str(Path(folder) / "store"))
        ways = [("inside the kernel", IN_THE_KERNEL), ("engine and local server", engine)]
        try:
            for name, cell in ways:
                notebook = lab.open(lab.write("bench.ipynb", [FRAME, cell]), watch=Watch())
                times_ms = measure(notebook)
                notebook.close()
                lab.shut_kernels_down()
                worst_ms = statistics.quantiles(times_ms, n=10)[-1]
                rows.append([name, f"{statistics.median(times_ms):.0f} ms", f"{worst_ms:.0f} ms"])
        finally:
            lab.close()
            browser.close()
    head = ["a model that answers at once", "Enter to paint, median", "nine of ten within"]
    for row in [head, ["---"] * len(head), *rows]:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
