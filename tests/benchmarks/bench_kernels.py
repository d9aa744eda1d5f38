"""The primitives of masks: samframe with rlemasklib and by NumPy alone, rlemasklib and pycocotools called by hand.

``python tests/benchmarks/bench_kernels.py [--before FOLDER] [--rounds N]`` prints Markdown tables. Each contender
measures in a process of its own, in turn; a figure is the median of CPU milliseconds. FOLDER holds an older samframe.
By hand means: from the dict or the array that a user has, mask by mask in a loop, to the dict or array that is wanted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _measure import one_thread, timed

if TYPE_CHECKING:
    from collections.abc import Callable

H, W = 480, 640
NAMES = {
    "before": "before",
    "numpy": "NumPy alone",
    "fast": "with rlemasklib",
    "rlemasklib": "rlemasklib by hand",
    "pycocotools": "pycocotools by hand",
}


def forms() -> np.ndarray:
    """Return 300 masks of one to three wavy discs."""
    rng = np.random.default_rng(1)
    out = np.zeros((300, H, W), dtype=bool)
    for at in range(len(out)):
        for _ in range(rng.integers(1, 4)):
            row, column = (int(value) for value in rng.integers(0, (H, W)))
            y, x = np.mgrid[
                max(row - 105, 0) : min(row + 105, H), max(column - 105, 0) : min(column + 105, W)
            ]
            wave = 1 + 0.15 * np.sin(rng.integers(2, 9) * np.arctan2(y - row, x - column) + rng.random() * 6)
            out[at, y, x] |= np.hypot(y - row, x - column) < rng.integers(15, 90) * wave
    return out


def rings(n: int) -> list[list[list[float]]]:
    """Return polygons as COCO has them: one ring of 10 to 60 corners each."""
    rng, out = np.random.default_rng(2), []
    for _ in range(n):
        angle = np.sort(rng.random(int(rng.integers(10, 60)))) * 2 * np.pi
        reach = rng.integers(8, 110) * (0.7 + 0.3 * rng.random(len(angle)))
        x, y = rng.random(2) * (W, H)
        corners = np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], axis=1)
        out.append([np.round(corners, 2).ravel().tolist()])
    return out


def large() -> np.ndarray:
    """Return one object of 1024 x 1024."""
    y, x = np.mgrid[:1024, :1024]
    return (np.hypot((y - 500) / 1.2, x - 480) < 250) | (np.hypot(y - 700, x - 700) < 150)


def data() -> dict[str, Any]:
    """Return what all contenders work on, in plain forms."""
    from io import BytesIO

    import pycocotools.mask as coco
    from PIL import Image

    pixels, one = forms(), large()
    dicts = [dict(coco.encode(np.asfortranarray(mask.view(np.uint8)))) for mask in pixels]
    sink = BytesIO()
    Image.fromarray(one.view(np.uint8) * 255).save(sink, format="PNG")
    return {
        "pixels": pixels,
        "list": list(pixels),
        "dicts": dicts,
        "one": one,
        "one_dict": dict(coco.encode(np.asfortranarray(one.view(np.uint8)))),
        "png": sink.getvalue(),
        "rings": rings(2000),
    }


def ours(d: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Return what samframe does, each thing from COCO bytes or arrays on; nothing is kept from call to call."""
    import pandas as pd

    import samframe  # noqa: F401 - Series.sam
    from samframe.masks import Mask, MaskArray

    sound = [Mask(one["counts"], tuple(one["size"])) for one in d["dicts"]]
    single = Mask(d["one_dict"]["counts"], (1024, 1024))

    def scalars(n: int = 300) -> list[Mask]:
        return [mask.packed() for mask in sound[:n]]

    kept = {n: MaskArray.from_masks(sound[:n]).pool for n in (50, 300)}

    def column(n: int = 300) -> pd.Series:  # its pool knows nothing yet
        fresh = type(kept[n])([kept[n].counts()], kept[n].sizes_hw())
        return pd.Series(MaskArray.from_pool(fresh, np.ones(n, dtype=bool)))

    def of_column(name: str, *arguments: Any, n: int = 300) -> Callable[[], Any]:
        return lambda: getattr(column(n).sam, name)(*arguments)

    rows: dict[str, Callable[[], Any]] = {
        "encode one of 1024 x 1024": lambda: Mask.from_numpy(d["one"]).counts,
        "decode it": lambda: single.packed().to_numpy(),
        "check its bytes, decode it": lambda: Mask(d["one_dict"]["counts"], (1024, 1024)).to_numpy(),
        "300 arrays to a column": lambda: pd.array(d["list"], dtype="mask"),
        "300 masks to one stack": of_column("to_numpy"),
        "components of 300, one by one": lambda: [mask.components() for mask in scalars()],
        "components of 300, as a column": of_column("components"),
        "dilate 50 by 2, one by one": lambda: [mask.dilate(2) for mask in scalars(50)],
        "erode 50 by 2, one by one": lambda: [mask.erode(2) for mask in scalars(50)],
        "outlines of 50": lambda: [mask.polygons() for mask in scalars(50)],
        "union of 300": of_column("union"),
        "resize 300 to a half": of_column("resize", (H // 2, W // 2)),
        "PNG (L) of 1024 x 1024 to a mask": lambda: Mask.from_png(d["png"]).counts,
        "IoU matrix 300 x 300": of_column("iou_matrix"),
    }
    if hasattr(type(column().sam), "dilate"):
        rows["dilate 50 by 2, as a column"] = of_column("dilate", 2, n=50)
    if hasattr(MaskArray, "from_polygons"):
        rows["2,000 polygons to a column"] = lambda: MaskArray.from_polygons(d["rings"], (H, W), rule="coco")
        rows["one polygon to a mask"] = lambda: Mask.from_polygons(d["rings"][0], (H, W), rule="coco").counts
    return rows


def by_rlemasklib(d: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Return what rlemasklib does."""
    from rlemasklib import RLEMask

    read = RLEMask.from_dict

    def parts() -> list[list[dict[str, Any]]]:
        return [
            [part.to_dict() for part in read(one).connected_components(connectivity=8)] for one in d["dicts"]
        ]

    def grown() -> list[dict[str, Any]]:
        return [read(one).dilate(kernel_size=5).to_dict() for one in d["dicts"][:50]]

    def drawn(rings: list[list[float]]) -> dict[str, Any]:
        return RLEMask.from_polygon(np.array(rings[0]).reshape(-1, 2), imshape=(H, W)).to_dict()

    def matrix() -> np.ndarray:
        masks = [read(one) for one in d["dicts"]]
        return RLEMask.iou_matrix(masks, masks)

    decode = lambda: read(d["one_dict"]).to_array(order="C")  # noqa: E731 - stands in two rows
    return {
        "encode one of 1024 x 1024": lambda: RLEMask.from_array(d["one"]).to_dict(),
        "decode it": decode,
        "check its bytes, decode it": decode,
        "300 arrays to a column": lambda: [RLEMask.from_array(mask).to_dict() for mask in d["list"]],
        "300 masks to one stack": lambda: np.stack([read(one).to_array(order="C") for one in d["dicts"]]),
        "components of 300, one by one": parts,
        "components of 300, as a column": parts,
        "dilate 50 by 2, one by one": grown,
        "dilate 50 by 2, as a column": grown,
        "erode 50 by 2, one by one": lambda: [
            read(one).erode(kernel_size=5).to_dict() for one in d["dicts"][:50]
        ],
        "union of 300": lambda: RLEMask.union([read(one) for one in d["dicts"]]).to_dict(),
        "resize 300 to a half": lambda: [read(one).resize((H // 2, W // 2)).to_dict() for one in d["dicts"]],
        "PNG (L) of 1024 x 1024 to a mask": lambda: RLEMask.from_png(data=d["png"], threshold=128).to_dict(),
        "IoU matrix 300 x 300": matrix,
        "2,000 polygons to a column": lambda: [drawn(one) for one in d["rings"]],
        "one polygon to a mask": lambda: drawn(d["rings"][0]),
    }


def by_pycocotools(d: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Return what pycocotools does."""
    import pycocotools.mask as coco

    def encode(mask: np.ndarray) -> dict[str, Any]:
        return coco.encode(np.asfortranarray(mask.view(np.uint8)))

    def drawn(rings: list[list[float]]) -> dict[str, Any]:
        return coco.merge(coco.frPyObjects(rings, H, W))

    decode = lambda: np.ascontiguousarray(coco.decode(d["one_dict"]))  # noqa: E731 - stands in two rows
    return {
        "encode one of 1024 x 1024": lambda: encode(d["one"]),
        "decode it": decode,
        "check its bytes, decode it": decode,
        "300 arrays to a column": lambda: [encode(mask) for mask in d["list"]],
        "300 masks to one stack": lambda: np.ascontiguousarray(np.moveaxis(coco.decode(d["dicts"]), -1, 0)),
        "union of 300": lambda: coco.merge(d["dicts"]),
        "IoU matrix 300 x 300": lambda: coco.iou(d["dicts"], d["dicts"], [0] * 300),
        "2,000 polygons to a column": lambda: [drawn(one) for one in d["rings"]],
        "one polygon to a mask": lambda: drawn(d["rings"][0]),
    }


def measure(contender: str) -> dict[str, float]:
    """Return the milliseconds of each row: the median of five samples of 20 ms or more."""
    one_thread()
    d = data()
    rows = {"rlemasklib": by_rlemasklib, "pycocotools": by_pycocotools}.get(contender, ours)(d)
    found = {}
    for name, function in rows.items():
        function()
        number = max(1, round(0.02 / timed(function, 1)))
        found[name] = statistics.median(timed(function, number) for _ in range(5)) * 1e3
    if contender in {"numpy", "fast"}:
        found |= threads(d)
    return found


def threads(d: dict[str, Any]) -> dict[str, float]:
    """Return masks decoded a second, in thousands, by one thread and by two, wall clock."""
    from samframe.masks import Mask

    sound = [Mask(one["counts"], tuple(one["size"])) for one in d["dicts"]] * 2

    def decode(masks: list[Mask]) -> None:
        for mask in masks:
            mask.packed().to_numpy()

    rates: dict[str, list[float]] = {"1": [], "2": []}
    for _ in range(5):
        for n, parts in (("1", [sound]), ("2", [sound[:300], sound[300:]])):
            workers = [threading.Thread(target=decode, args=(part,)) for part in parts]
            began = time.perf_counter()
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            rates[n].append(len(sound) / (time.perf_counter() - began) / 1e3)
    return {f"threads {n}": statistics.median(found) for n, found in rates.items()}


def run(contender: str, sources: Path) -> dict[str, float]:
    """Measure in a process of its own."""
    environment = os.environ | {
        "PYTHONPATH": str(sources),
        "SAMFRAME_KERNELS": "auto" if contender == "fast" else "numpy",
    }
    command = [sys.executable, __file__, "--contender", contender]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="a folder that holds an older samframe")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender measures")
    parser.add_argument("--contender", choices=NAMES, help="measure one, print JSON")
    asked = parser.parse_args()
    if asked.contender:
        print(json.dumps(measure(asked.contender)))
        return
    here = Path(__file__).parents[2]
    folders = {"before": asked.before} | dict.fromkeys(["numpy", "fast", "rlemasklib", "pycocotools"], here)
    folders = {name: folder for name, folder in folders.items() if folder}
    rounds = [{name: run(name, folder) for name, folder in folders.items()} for _ in range(asked.rounds)]

    def figure(name: str, row: str) -> str:
        found = [one[name][row] for one in rounds if row in one[name]]
        return f"{statistics.median(found):.3g}" if found else ""

    rows = [row for row in rounds[0]["fast"] if not row.startswith("threads")]
    print("| CPU ms | " + " | ".join(NAMES[name] for name in folders) + " |\n| --- " * 1, end="")
    print("| --- " * len(folders) + "|")
    for row in rows:
        print(f"| {row} | " + " | ".join(figure(name, row) for name in folders) + " |")
    print("\n| masks of 480 x 640 decoded a second, thousands | 1 thread | 2 threads |\n| --- | --- | --- |")
    for name in ("numpy", "fast"):
        print(f"| {NAMES[name]} | {figure(name, 'threads 1')} | {figure(name, 'threads 2')} |")


if __name__ == "__main__":
    main()
