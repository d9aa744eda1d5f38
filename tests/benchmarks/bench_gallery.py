"""The gallery in JupyterLab beside an ipywidgets.Image grid and HTML with data URIs: paint, scroll, size, memory.

All rows are measured in one run, each in a notebook and a browser context of its own. Beside seconds on the clock stand
CPU seconds of browser, server and kernel together, which a busy machine does not stretch as much. Run as
``python tests/benchmarks/bench_gallery.py [N ...]``.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))

from harness import Lab, Notebook, Watch, find_chromium
from harness._chromium import ARGS
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

SIZES = (200, 2_000, 10_000)
PHOTOS = 200
SCROLLS = 15
LIMIT_S = 90

FRAME = """
import base64, io, os
import numpy as np, pandas as pd, samframe
from samframe.masks import Mask
from samframe.widgets.sheet import painted_tile
from samframe.images import encode_thumbnail
n = {n}
y, x = np.mgrid[:480, :640]
masks = [Mask.from_numpy((x - 320) ** 2 + (y - 240) ** 2 < (40 + row % 150) ** 2) for row in range({photos})]
df = pd.DataFrame({{
    "image": ["photos/%d.jpg" % (row % {photos}) for row in range(n)],
    "prompt": ["thing %d" % row for row in range(n)],
    "mask": pd.array([masks[row % {photos}] for row in range(n)], dtype="mask"),
}})
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def painted(row):
    return encode_thumbnail(painted_tile(df["image"].iloc[row], df["mask"].iloc[row], side=150))
before = rss()
"""

OURS = "df.sam.view()"
GRID = """
import ipywidgets
ipywidgets.HBox(
    [ipywidgets.Image(value=painted(row), format="jpeg") for row in range(n)], layout={"flex_flow": "row wrap"}
)
"""
URIS = """
from IPython.display import HTML
HTML("".join(
    '<img src="data:image/jpeg;base64,%s">' % base64.b64encode(painted(row)).decode() for row in range(n)
))
"""
MEMORY = "print((rss() - before) // 2**20)"

OURS_PAINTED = "() => document.querySelector('.samframe-gallery')?.dataset.pending === '0'"
IMAGE_PAINTED = """() => {
    const images = document.querySelectorAll('.jp-Cell:nth-of-type(2) .jp-OutputArea-output img');
    return images.length && images[0].complete && images[0].naturalWidth > 0;
}"""

OURS_SCROLL = """async (share) => {
    const root = document.querySelector('.samframe-gallery');
    const scroller = root.querySelector('.sf-scroll');
    const frame = () => new Promise(requestAnimationFrame);
    const began = performance.now();
    scroller.scrollTop = share * scroller.scrollHeight;
    await frame(); await frame();
    while (root.dataset.pending !== '0') await frame();
    return performance.now() - began;
}"""
IMAGE_SCROLL = """async (share) => {
    const images = document.querySelectorAll('.jp-OutputArea-output img');
    const image = images[Math.floor(share * (images.length - 1))];
    const frame = () => new Promise(requestAnimationFrame);
    const began = performance.now();
    image.scrollIntoView();
    await image.decode();
    await frame(); await frame();
    return performance.now() - began;
}"""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to show rows."""

    name: str
    cell: str
    painted: str
    scroll: str
    most: int


WAYS = (
    Way(name="df.sam.view()", cell=OURS, painted=OURS_PAINTED, scroll=OURS_SCROLL, most=10**9),
    Way(name="ipywidgets.Image grid", cell=GRID, painted=IMAGE_PAINTED, scroll=IMAGE_SCROLL, most=2_000),
    Way(name="HTML, data URIs", cell=URIS, painted=IMAGE_PAINTED, scroll=IMAGE_SCROLL, most=10_000),
)


def browser_mb() -> float:
    """Return what the browser's processes hold that they do not share, in MB."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                total += process.memory_full_info().uss
        except psutil.Error:
            continue
    return total / 2**20


def cpu_s() -> float:
    """Return the CPU seconds that the browser, the server and its kernels have taken so far."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def measure(lab: Lab, way: Way, n: int) -> list[str]:
    """Return a row of the table."""
    if n > way.most:
        return [way.name, f"{n:,}", "not tried: does not end", "", "", "", ""]
    cells = [FRAME.format(n=n, photos=PHOTOS), way.cell, MEMORY]
    notebook = lab.open(lab.write("bench.ipynb", cells), watch=Watch())
    try:
        return [way.name, f"{n:,}", *_figures(notebook, way)]
    except PlaywrightError as error:
        return [way.name, f"{n:,}", f"none in {LIMIT_S} s ({type(error).__name__})", "", "", "", ""]
    finally:
        notebook.close()
        lab.shut_kernels_down()


def _figures(notebook: Notebook, way: Way) -> list[str]:
    page = notebook.page
    notebook.run_cell(0)
    page.wait_for_timeout(500)
    before_mb = browser_mb()
    began, cpu = time.perf_counter(), cpu_s()
    notebook.run_cell(1, wait=False)
    page.wait_for_function(way.painted, timeout=LIMIT_S * 1000)
    first_paint_s, first_paint_cpu_s = time.perf_counter() - began, cpu_s() - cpu
    notebook.wait_until_done(timeout_s=LIMIT_S)
    page.wait_for_timeout(1500)
    shares = np.random.RandomState(0).rand(SCROLLS)
    cpu = cpu_s()
    scrolls_ms = [page.evaluate(way.scroll, float(share)) for share in shares]
    scroll_cpu_ms = 1000 * (cpu_s() - cpu) / SCROLLS
    after_mb = browser_mb()
    notebook.run_cell(2, timeout_s=LIMIT_S)
    kernel_mb = notebook.text(2)
    notebook.save()
    size = notebook.path.stat().st_size
    return [
        f"{first_paint_s:.2f} s ({first_paint_cpu_s:.2f} s)",
        f"{statistics.median(scrolls_ms):.0f} ms ({scroll_cpu_ms:.0f} ms)",
        f"{size / 1000:,.0f} kB",
        f"{kernel_mb} MB",
        f"{after_mb - before_mb:,.0f} MB",
    ]


def write_photos(folder: Path) -> None:
    """Write photographs of 640 x 480 pixels: noise over slopes, which JPEG finds as hard as a real one."""
    folder.mkdir()
    y, x = np.mgrid[:480, :640]
    for number in range(PHOTOS):
        random = np.random.RandomState(number)
        slopes = np.dstack([(x * random.rand() + y * random.rand()) % 256 for _ in range(3)])
        pixels = (slopes + random.normal(0, 12, slopes.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=90)


def main() -> None:
    """Measure and print the table."""
    sizes = [int(text) for text in sys.argv[1:]] or SIZES
    rows: list[list[Any]] = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        lab = Lab(Path(folder), browser)
        write_photos(lab.work / "photos")
        try:
            # The first notebook of a server pays for its start.
            measure(lab, WAYS[0], 10)
            for n in sizes:
                for way in WAYS:
                    rows.append(measure(lab, way, n))
                    print(rows[-1], file=sys.stderr)
        finally:
            lab.close()
            browser.close()
    head = ["way", "rows", "first paint (CPU)", "scroll, median (CPU)", "saved notebook", "kernel", "browser"]
    for row in [head, ["---"] * len(head), *rows]:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
