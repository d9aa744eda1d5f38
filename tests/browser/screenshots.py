"""Take the pictures of docs/images/: each widget in a real JupyterLab, in the light and the dark theme.

Run as ``python tests/browser/screenshots.py [NAME ...]``; without names, all of them.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import Lab, Watch, find_chromium
from harness._chromium import ARGS
from PIL import Image as PillowImage
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"

#: Drawn scenes and two photographs, their masks from the offline engine; some rows are made to fail.
FRAME = """
import pandas as pd, samframe
from samframe.testing import make_scene, sample_photo

rows = []
for number in range(14):
    scene = make_scene(["flat", "noisy", "texture"][number % 3], 5000 + number, size=320)
    rows += [(scene.image, prompt, None) for prompt in list(scene.prompts)[:3]]
    rows += [(scene.image, "violet submarine", None)] * (number % 5 == 0)
    if number in (1, 6):
        rows.append((sample_photo("coffee"), None, [(150, 260), (430, 320)]))
        rows.append((sample_photo("chelsea"), None, [(165, 115), (190, 110), (175, 130)]))
df = pd.DataFrame(rows, columns=["image", "prompt", "points"])
client = samframe.offline()
"""

#: The same with a scene a row, for the gallery.
MANY = """
import pandas as pd, samframe
from samframe.testing import make_scene, sample_photo

rows = []
for number in range(36):
    scene = make_scene(["flat", "noisy", "texture"][number % 3], 5000 + number, size=320)
    rows.append((scene.image, list(scene.prompts)[number % len(scene.prompts)], None))
    rows += [(scene.image, "violet submarine", None)] * (number % 9 == 4)
    if number == 2:
        rows.append((sample_photo("coffee"), None, [(150, 260), (430, 320)]))
    if number == 7:
        rows.append((sample_photo("chelsea"), None, [(165, 115), (190, 110), (175, 130)]))
df = pd.DataFrame(rows, columns=["image", "prompt", "points"])
client = samframe.offline()
"""
RUN = (
    "out = df.sam.segment(coordinates_col='points', client=client, details=True, progress=False)\n"
    "viewer = out.sam.view()\nviewer"
)

#: The cat's row comes after those that were gone through before.
ANNOTATE = """
out = df.sam.segment(coordinates_col="points", client=client, progress=False)
cat = int(out["points"].map(lambda points: points is not None and points[0] == (165, 115)).to_numpy().argmax())
annotator = out.sam.annotate(rows=[*range(4, cat), cat, *range(cat + 1, cat + 8)], client=client)
annotator
"""


def gallery(lab: Lab, *, dark: bool) -> None:
    """The gallery with a selection and marks; in the light theme also one row large."""
    notebook = _opened(lab, [MANY, RUN], dark=dark)
    page = notebook.page
    root = notebook.output(1).locator(".samframe-gallery")
    page.wait_for_function("document.querySelector('.samframe-gallery')?.dataset.pending === '0'")
    canvas = root.locator(".sf-canvas")
    canvas.click(position={"x": 60, "y": 60})
    for key in ["a", "a", "f", "a", "a", "r", "ArrowLeft", "ArrowLeft", "ArrowLeft"]:
        page.keyboard.press(key)
    page.wait_for_timeout(600)
    _shoot(notebook.output(1).locator(".samframe-viewer"), "view-dark" if dark else "view-light")
    if not dark:
        page.keyboard.press(" ")
        page.wait_for_function("document.querySelector('.samframe-gallery').dataset.large !== undefined")
        page.wait_for_timeout(400)
        _shoot(root, "view-large")
    notebook.close()


def annotator(lab: Lab, *, dark: bool) -> None:
    """The annotator at a photograph that was sent again with points; in the dark picture with strokes, compared."""
    notebook = _opened(lab, [FRAME, ANNOTATE], dark=dark)
    page = notebook.page
    root = notebook.output(1).locator(".samframe-annotator")
    canvas = root.locator(".sf-stage canvas")
    canvas.wait_for()
    root.focus()
    for key in ["a", "a", "r", "a"]:
        page.keyboard.press(key)
        page.wait_for_timeout(200)
    root.get_by_text("5 of 12").wait_for()
    page.wait_for_timeout(800)
    for x, y in [(414, 171), (450, 164), (428, 192), (613, 200), (650, 190), (632, 208)]:
        canvas.click(position={"x": x, "y": y})
    canvas.click(position={"x": 558, "y": 297}, button="right")
    page.keyboard.press("Enter")
    root.get_by_text("points: not accepted yet").wait_for()
    if dark:
        page.keyboard.press("2")
        for at, button in [((400, 176), "left"), ((470, 234), "right")]:
            canvas.click(position={"x": at[0], "y": at[1]}, button=button)
        page.keyboard.press("c")
        page.keyboard.press("3")
        for x, y in [(590, 180), (640, 160), (668, 190), (630, 222)]:
            canvas.click(position={"x": x, "y": y})
        page.mouse.move(0, 0)
    page.wait_for_timeout(600)
    _shoot(root, "annotator-dark" if dark else "annotator")
    notebook.close()


def progress(lab: Lab) -> None:
    """A run's panel in the middle of the run."""
    run = RUN.split("out = ")[1].splitlines()[0].replace("progress=False", "store=tempfile.mkdtemp()")
    start = f"import tempfile\nrun = {run.replace('segment', 'start')}"  # another store: the gallery's rows are there
    notebook = _opened(lab, [MANY, start], dark=False)
    output = notebook.output(1)
    rows = "() => Number(document.querySelector('.jp-OutputArea-output .widget-html b')?.innerText) >= 14"
    notebook.page.wait_for_function(rows, timeout=120_000)
    output.locator("img.widget-image").wait_for()
    _shoot(output.locator(".widget-vbox").first, "progress")
    notebook.close()


def _opened(lab: Lab, cells: list[str], *, dark: bool) -> Any:
    lab.set_theme(dark=dark)
    name = lab.write("shot.ipynb", cells)
    notebook = lab.open(
        name, watch=Watch(), viewport={"width": 1240, "height": 1100}, device_scale_factor=1.5
    )
    notebook.run_all(timeout_s=400)
    return notebook


def _shoot(place: Any, name: str) -> None:
    path = IMAGES / f"{name}.png"
    shot = PillowImage.open(io.BytesIO(place.screenshot()))
    # 256 colours, a third of the bytes: a picture of the repository is kept for ever.
    shot.convert("RGB").quantize(256, dither=PillowImage.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KB")  # noqa: T201 - a script


#: A name gives all pictures that are made with it.
SHOTS: dict[str, Callable[[Lab], None]] = {
    "view-light": lambda lab: gallery(lab, dark=False),
    "view-dark": lambda lab: gallery(lab, dark=True),
    "annotator": lambda lab: annotator(lab, dark=False),
    "annotator-dark": lambda lab: annotator(lab, dark=True),
    "progress": progress,
}


def main() -> None:
    """Take the pictures that are named on the command line, or all."""
    wanted = sys.argv[1:] or list(SHOTS)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        lab = Lab(Path(folder), browser)
        try:
            for name in wanted:
                SHOTS[name](lab)
        finally:
            lab.close()
            browser.close()


if __name__ == "__main__":
    main()
