"""Film docs/images/loop.png: in a real JupyterLab, from the doubtful mask in the gallery to the exported training set.

Run as ``python tests/browser/animate.py``. An animated PNG: photographs keep their colours, and GitHub, PyPI and all
browsers show it; one that does not know the animation shows its first frame.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import Lab, Watch, find_chromium
from harness._chromium import ARGS
from PIL import Image as PillowImage
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterable

FILM = Path(__file__).resolve().parents[2] / "docs" / "images" / "loop.png"
MOST_BYTES = 2 * 2**20
WIDTH, HEIGHT = 1080, 800
SHOWN_WIDTH = 864
COLOURS = 256

SETUP = """
import tempfile
import pandas as pd, samframe
from samframe.testing import make_scene, sample_photo

coffee, chelsea = str(sample_photo("coffee")), str(sample_photo("chelsea"))
rows = [
    (chelsea, None, [(165, 115), (190, 110), (175, 130)]),
    (coffee, None, [(150, 260), (430, 320)]),
]
for number, style in enumerate(["flat", "noisy", "texture"] * 2):
    scene = make_scene(style, 5000 + number, size=320)
    rows.append((scene.image, next(iter(scene.prompts)), None))
rows.insert(3, (coffee, None, [(260, 190), (280, 250)]))
rows.insert(6, (chelsea, None, [(225, 210)]))
df = pd.DataFrame(rows, columns=["image", "prompt", "points"])
client, folder = samframe.offline(), tempfile.mkdtemp()
"""
RUN = 'out = df.sam.segment("image", "prompt", coordinates_col="points", client=client)'
VIEW = "viewer = out.sam.view(height=430)\nviewer"
ANNOTATE = "annotator = out.sam.annotate(rows=[3, 6], client=client)\nannotator"
EXPORT = 'print(annotator.result().sam.to_coco(folder + "/coco", split={"train": 0.8, "val": 0.2}))'

#: On the photograph of the cup: what belongs to it, and what does not. Pixels of the image as stored.
CUP = [(300, 60), (300, 190), (280, 140), (230, 110), (385, 110), (300, 110)]
SAUCER = (150, 260)
PHOTO_HW = (400, 600)

#: A pointer and a caption, as a headless browser shows neither.
STAGE = """
(() => {
  const add = (id, style, inner) => {
    const node = document.createElement("div");
    node.id = id;
    node.style.cssText = `position:fixed;z-index:9999;pointer-events:none;${style}`;
    node.innerHTML = inner;
    document.body.append(node);
  };
  add("film-pointer", "left:0;top:0", `<svg width="22" height="26" viewBox="0 0 22 26">
    <path d="M2 2v18l5-4.500 3.500 8 3-1.300-3.500-7.700H17z" fill="#111" stroke="#fff" stroke-width="1.600"/></svg>`);
  add("film-caption", `left:50%;bottom:42px;transform:translateX(-50%);padding:8px 16px;border-radius:8px;
    background:#111d;color:#fff;font:600 17px/1.3 'DejaVu Sans',sans-serif;white-space:nowrap`, "");
})()
"""


@dataclass
class Film:
    """Frames of a page, each with the time that it is shown."""

    page: Any
    clip: dict[str, float]
    frames: list[tuple[bytes, int]] = field(default_factory=list)
    at: tuple[float, float] = (WIDTH * 0.6, HEIGHT * 0.7)

    def shoot(self, ms: int) -> None:
        """Take a frame."""
        self.frames.append((self.page.screenshot(clip=self.clip), ms))

    def say(self, text: str) -> None:
        """Write the caption."""
        self.page.evaluate("text => { document.getElementById('film-caption').textContent = text }", text)

    def point(self, x: float, y: float, *, steps: int = 4) -> None:
        """Move the pointer, with a few frames on the way."""
        begin = self.at
        for step in range(1, steps + 1):
            share = step / steps
            self.at = (begin[0] + (x - begin[0]) * share, begin[1] + (y - begin[1]) * share)
            self.page.evaluate(
                "([x, y]) => { const p = document.getElementById('film-pointer').style;"
                " p.left = x + 'px'; p.top = y + 'px'; }",
                list(self.at),
            )
            self.shoot(60)

    def click(self, x: float, y: float, *, steps: int = 4, button: str = "left") -> None:
        """Move there and click."""
        self.point(x, y, steps=steps)
        self.page.mouse.click(x, y, button=button)
        self.page.wait_for_timeout(150)

    def save(self, path: Path) -> None:
        """Write the animation, all frames in one palette, of each only what changed."""
        pictures = [_small(shot) for shot, _ in self.frames]
        palette = _palette(pictures[:: max(1, len(pictures) // 12)])
        frames = [picture.quantize(palette=palette, dither=PillowImage.Dither.NONE) for picture in pictures]
        durations = [ms for _, ms in self.frames]
        frames[0].save(
            path, "PNG", save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True
        )


def _small(shot: bytes) -> PillowImage.Image:
    picture = PillowImage.open(io.BytesIO(shot)).convert("RGB")
    height = round(picture.height * SHOWN_WIDTH / picture.width)
    return picture.resize((SHOWN_WIDTH, height), PillowImage.Resampling.LANCZOS)


def _palette(pictures: Iterable[PillowImage.Image]) -> PillowImage.Image:
    """Return a palette for all pictures: that of a sheet of some of them."""
    chosen = list(pictures)
    width, height = chosen[0].size
    sheet = PillowImage.new("RGB", (width, height * len(chosen)))
    for number, picture in enumerate(chosen):
        sheet.paste(picture, (0, height * number))
    return sheet.quantize(COLOURS, method=PillowImage.Quantize.MEDIANCUT, kmeans=3)


#: What is no part of the notebook.
QUIET = """
.jp-NotebookPanel-toolbar, .jp-cell-toolbar, .jp-Toolbar, .jp-SideBar, .jp-StatusBar-Widget, #jp-top-panel,
#jp-top-bar, #jp-menu-panel, #jp-bottom-panel, #jp-left-stack, #jp-right-stack { display: none !important }
.jp-InputPrompt, .jp-OutputPrompt { min-width: 2.5rem !important; width: 2.5rem !important }
"""


def _scroll_to(notebook: Any, cell: int, *, above: int = 4) -> None:
    notebook.page.locator(".jp-Notebook .jp-Cell").nth(cell).evaluate(
        """(cell, above) => {
            const box = document.querySelector(".jp-WindowedPanel-outer") ?? cell.parentElement;
            box.scrollTop += cell.getBoundingClientRect().top - box.getBoundingClientRect().top - above;
        }""",
        above,
    )
    notebook.page.wait_for_timeout(300)


def _middle(place: Any) -> tuple[float, float]:
    box = place.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def look(film: Film, notebook: Any) -> None:
    """Sort the gallery by suspicion and choose the first row."""
    page = notebook.page
    _scroll_to(notebook, 1)
    film.say("One call: images in, masks out")
    film.point(600, 520, steps=1)
    film.shoot(1700)
    film.say("Most doubtful first")
    viewer = notebook.output(2).locator(".samframe-viewer")
    order = viewer.locator("select").first
    film.point(*_middle(order))
    order.select_option("suspicion")
    page.wait_for_timeout(400)
    page.wait_for_function("document.querySelector('.samframe-gallery')?.dataset.pending === '0'")
    film.shoot(1200)
    canvas = viewer.locator(".sf-canvas").bounding_box()
    film.click(canvas["x"] + 90, canvas["y"] + 80)
    film.shoot(1400)


def correct(film: Film, notebook: Any) -> None:
    """Click on the cup, send, accept."""
    page = notebook.page
    _scroll_to(notebook, 3)
    film.say("Click what belongs, right-click what does not")
    film.point(700, 250, steps=1)
    film.shoot(1000)
    root = notebook.output(3).locator(".samframe-annotator")
    stage = root.locator(".sf-stage canvas").bounding_box()
    height, width = PHOTO_HW
    scale = min(stage["width"] / width, stage["height"] / height)
    left = stage["x"] + (stage["width"] - width * scale) / 2
    top = stage["y"] + (stage["height"] - height * scale) / 2
    for x, y in CUP:
        film.click(left + x * scale, top + y * scale, steps=2)
        film.shoot(160)
    film.click(left + SAUCER[0] * scale, top + SAUCER[1] * scale, steps=2, button="right")
    film.shoot(700)
    film.say("Enter: sent, for the price on the button")
    page.keyboard.press("Enter")
    root.get_by_text("points: not accepted yet").wait_for()
    page.wait_for_timeout(500)
    film.shoot(1900)
    film.say("A: accepted, and on to the next")
    page.keyboard.press("a")
    page.wait_for_timeout(700)
    film.shoot(1400)


def export(film: Film, notebook: Any) -> None:
    """Write a training set of what was corrected."""
    film.say("Export: read back and compared")
    notebook.page.evaluate("document.activeElement.blur()")
    notebook.run_cell(4)
    notebook.page.wait_for_timeout(300)
    _scroll_to(notebook, 4, above=HEIGHT - 300)
    film.point(700, HEIGHT - 210, steps=1)
    film.shoot(2800)


def play(lab: Lab) -> Film:
    """Run the cells of the notebook, and film what is done in them."""
    name = lab.write("loop.ipynb", [SETUP, RUN, VIEW, ANNOTATE, EXPORT])
    notebook = lab.open(name, watch=Watch(), viewport={"width": WIDTH, "height": HEIGHT})
    page = notebook.page
    page.add_style_tag(content=QUIET)
    page.evaluate("window.dispatchEvent(new Event('resize'))")
    for index in range(4):
        notebook.run_cell(index, timeout_s=200)
    page.evaluate(STAGE)
    page.wait_for_function("document.querySelector('.samframe-gallery')?.dataset.pending === '0'")
    film = Film(page, page.locator(".jp-Notebook").bounding_box())
    for scene in (look, correct, export):
        scene(film, notebook)
    notebook.close()
    return film


def main() -> None:
    """Film, and refuse what is too large for a page."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        lab = Lab(Path(folder), browser)
        try:
            film = play(lab)
        finally:
            lab.close()
            browser.close()
    film.save(FILM)
    size = FILM.stat().st_size
    print(f"{FILM.name}: {len(film.frames)} frames, {size / 1024:.0f} KB")  # noqa: T201 - a script
    if size > MOST_BYTES:
        raise SystemExit(f"It is larger than {MOST_BYTES / 2**20:.0f} MB: fewer frames, or a smaller page.")


if __name__ == "__main__":
    main()
