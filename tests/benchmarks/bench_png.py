"""PNG bytes to a mask, the real cost of taking an API's output in, beside Pillow, numpy and pycocotools.

``python tests/benchmarks/bench_png.py`` prints a Markdown table. Theirs is what people write:
`coco.encode(np.asfortranarray(np.asarray(Image.open(...).convert("L")) > 127))`.
"""

from __future__ import annotations

import importlib
import io
import warnings

import numpy as np
import pycocotools.mask as coco
from _measure import Row, one_thread, side_by_side, table
from bench_codec import blob, photograph
from PIL import Image

from samframe.masks import Mask
from samframe.masks.png import container as _png

one_thread()
warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools' __array__ on numpy 2

SIZE_HW = (768, 1024)


def png(pixels: np.ndarray, mode: str, **options: object) -> bytes:
    """Return black and white pixels as a PNG that Pillow writes."""
    gray = Image.fromarray(pixels.astype(np.uint8) * 255)
    sink = io.BytesIO()
    gray.convert(mode).save(sink, format="PNG", **options)
    return sink.getvalue()


def soft(pixels: np.ndarray) -> bytes:
    """Return a gray PNG whose edges are blurred, as a resized mask's are."""
    gray = Image.fromarray(pixels.astype(np.uint8) * 255)
    small = gray.resize((SIZE_HW[1] // 3, SIZE_HW[0] // 3), Image.Resampling.BILINEAR)
    sink = io.BytesIO()
    small.resize((SIZE_HW[1], SIZE_HW[0]), Image.Resampling.BILINEAR).save(sink, format="PNG")
    return sink.getvalue()


def theirs(data: bytes) -> dict:
    """Return pycocotools' mask of a PNG, by Pillow."""
    gray = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    return coco.encode(np.asfortranarray(gray > 127))


def measure(inflater: str) -> None:
    """Print the table of one inflater."""
    _png._zlib = importlib.import_module(inflater)  # type: ignore[assignment]
    shapes = {
        "object": blob(1024)[128:896],
        "photograph (cat)": photograph("cat", 1024)[128:896],
        "noise, half set": np.random.default_rng(0).random(SIZE_HW) < 0.5,
    }
    rows: list[Row] = []
    for name, pixels in shapes.items():
        files = {f"{name}, {mode}": png(pixels, mode) for mode in ("L", "RGB", "1", "P", "RGBA")}
        if name == "object":
            files |= {
                f"{name}, L, blurred": soft(pixels),
                f"{name}, L, optimised": png(pixels, "L", optimize=True),
            }
        for what, data in files.items():
            assert Mask.from_png(data).counts == theirs(data)["counts"]
            goal = ">= 2x" if what in ("object, L", "object, RGB") else ""
            rows.append(
                (what, *side_by_side(lambda d=data: Mask.from_png(d), lambda d=data: theirs(d)), goal)
            )
    name = inflater.rsplit(".", maxsplit=1)[-1].replace("_", "-")
    table(f"PNG of 1024 x 768 to a mask with {name}, beside Pillow + pycocotools", rows)


def main() -> None:
    """Run all with either inflater and print the tables."""
    for inflater in ("zlib_ng.zlib_ng", "zlib"):
        measure(inflater)


if __name__ == "__main__":
    main()
