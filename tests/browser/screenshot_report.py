"""Take the pictures of reports and plots in docs/images/. Run as ``python tests/browser/screenshot_report.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from harness import find_chromium
from harness._chromium import ARGS
from playwright.sync_api import sync_playwright

import samframe
from samframe.masks import Mask
from samframe.testing import make_scene, sample_photo

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


def frame() -> pd.DataFrame:
    """Return two photographs and some scenes as the offline engine segments them, a few of their masks spoiled."""
    rows = [
        {
            "image": sample_photo("coffee"),
            "prompt": None,
            "at": [(260, 190), (280, 250)],
            "file": "coffee.jpg",
        },
        {
            "image": sample_photo("chelsea"),
            "prompt": None,
            "at": [(165, 115), (190, 110)],
            "file": "chelsea.jpg",
        },
    ]
    for number, style in enumerate(("flat", "clutter", "texture", "noisy") * 2):
        scene = make_scene(style, 5000 + number, size=320)
        prompts = [prompt for prompt in scene.prompts if len(prompt.split()) == 2][:3]
        rows += [{"image": scene.image, "prompt": prompt, "at": None} for prompt in prompts]
    rows.append({"image": rows[-1]["image"], "prompt": "violet submarine", "at": None})
    with samframe.offline() as client, tempfile.TemporaryDirectory() as store:
        out = samframe.segment(
            pd.DataFrame(rows), coordinates_col="at", client=client, store=store, details=True, progress=False
        )
    masks, rng = list(out["mask"]), np.random.default_rng(0)
    for row, change in ((4, "empty"), (7, "full"), (10, "specks")):
        if not isinstance(masks[row], Mask):
            continue
        size = masks[row].size_hw
        noise = Mask.from_numpy(rng.random(size) > 0.995)
        masks[row] = {
            "empty": masks[row] - masks[row],
            "full": ~(noise - noise),
            "specks": masks[row] | noise,
        }[change]
    return out.assign(mask=pd.array(masks, dtype="mask"))


def comparison() -> None:
    """Draw three prompts side by side."""
    images = [make_scene("flat", seed, size=320).image for seed in (5001, 5002, 5003, 5005)]
    variants = {"blue": "blue", "largest": "largest object", "round": ["circle", "ring"]}
    with samframe.offline() as client, tempfile.TemporaryDirectory() as store:
        found = samframe.compare(
            pd.DataFrame({"image": images}), variants, client=client, store=store, progress=False
        )
    found.plot(n=3)[0].figure.savefig(IMAGES / "compare.png", dpi=90)


def main() -> None:
    """Take all pictures."""
    comparison()
    out = frame()
    out.sam.plot_summary()[0].figure.savefig(IMAGES / "summary.png", dpi=110)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        out.sam.to_html(path, title="Shapes and two photographs", columns=["queue_time"])
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 1180, "height": 900}, color_scheme=scheme)
            page.goto(path.as_uri())
            page.select_option("#order", "doubt")
            page.screenshot(path=IMAGES / f"report-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    main()
