"""What tests of the gallery share: frames, messages as the kernel sends them, and the page's pixels."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from PIL import Image

from samframe.images import encode_thumbnail
from samframe.masks import Mask

SIDE = 100
STATE = {
    "opacity": 1.0, "outline": False, "tile": SIDE, "height": 300, "selected": [], "footer": "", "uid": "u1",
}  # fmt: skip


def picture(colour=(250, 40, 40), *, size_hw=(SIDE, SIDE)):
    return np.full((*size_hw, 3), colour, dtype=np.uint8)


def left_half(size_hw=(SIDE, SIDE)):
    mask = np.zeros(size_hw, dtype=bool)
    mask[:, : size_hw[1] // 2] = True
    return Mask.from_numpy(mask)


def frame_of(n=4, **columns):
    masks = [left_half() if row != 2 else None for row in range(n)]
    base = {
        "image": [picture((20 * row % 250, 200, 90)) for row in range(n)],
        "prompt": [f"thing {row}" for row in range(n)],
        "mask": pd.array(masks, dtype="mask"),
        "status": ["completed" if row != 2 else "failed" for row in range(n)],
        "inference_time": [0.5 + row for row in range(n)],
    }
    return pd.DataFrame(base | columns)


def rows_message(order, *, palette=("#009eff",), colours=None, marks=None):
    n = max(order, default=-1) + 1
    content = {
        "kind": "rows",
        "version": 0,
        "palette": list(palette),
        "legend": [],
        "told": f"{len(order)} rows",
    }
    codes = [
        np.array(part if part is not None else np.zeros(n), np.uint8).tobytes() for part in (colours, marks)
    ]
    return content, [np.array(order, "<u4").tobytes(), *codes]


def tile_message(rows, *, colour=(250, 40, 40), mask=None):
    mask = mask or left_half()
    tiles = [{"id": row, "h": SIDE, "w": SIDE, "title": f"title {row}", "note": ""} for row in rows]
    return {"kind": "tiles", "version": 0, "tiles": tiles}, [
        encode_thumbnail(picture(colour), quality=95), mask.counts,
    ] * len(rows)  # fmt: skip


def shot(page, selector=".sf-canvas"):
    return np.asarray(Image.open(io.BytesIO(page.locator(selector).screenshot())).convert("RGB")).astype(int)


def settled(page):
    page.wait_for_function("document.querySelector('.samframe-gallery')?.dataset.pending === '0'")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def wait_for_told(page, pattern):
    page.wait_for_function(
        "pattern => new RegExp(pattern).test(document.querySelector('.sf-told').textContent)", arg=pattern
    )
