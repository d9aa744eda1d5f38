"""Reading COCO files beside pycocotools, and measuring beside its COCOeval and faster-coco-eval.

``python tests/benchmarks/bench_labels.py [annotations]`` prints two tables. CPU time, both sides in turn in one run.
"Load" is ``COCO(file)``; "to RLE" is ``annToRLE`` of each, which hands a file's run lengths back unlooked at; "to
pixels" is ``annToMask`` of a sample, scaled, since what a file says is only known to be a mask when it is decoded.
samframe checks every mask as it reads it.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _measure import one_thread, timed
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import samframe
from samframe.masks import Mask, runs_from_counts

if TYPE_CHECKING:
    from collections.abc import Callable

H, W = 480, 640
_SAMPLE = 1000
_TURNS = 3


def polygon(rng: np.random.Generator) -> list[float]:
    """Return an outline of 8 to 40 corners, 10 to 160 px across."""
    count = int(rng.integers(8, 40))
    angle = np.sort(rng.uniform(0, 2 * np.pi, count))
    radius = rng.uniform(5, 80) * rng.uniform(0.7, 1.2, count)
    x = np.clip(rng.uniform(20, W - 20) + radius * np.cos(angle), 0, W)
    y = np.clip(rng.uniform(20, H - 20) + radius * np.sin(angle), 0, H)
    return np.round(np.stack([x, y], axis=1).ravel(), 2).tolist()


def write(path: Path, count: int, kind: str) -> Path:
    """Write a file of so many annotations, five an image."""
    rng = np.random.default_rng(0)
    images = [
        {"id": at, "file_name": f"{at:06}.jpg", "height": H, "width": W} for at in range(max(1, count // 5))
    ]
    annotations = []
    for at in range(count):
        rings = [polygon(rng)]
        segmentation: Any = rings
        form, is_crowd = kind, kind == "mixed" and at % 20 == 0
        if kind == "mixed":
            form = ("polygons", "run lengths")[at % 2] if not is_crowd else "plain run lengths"
        if form != "polygons":
            mask = Mask.from_polygons(rings, (H, W), rule="coco")
            segmentation = (
                mask.to_coco()
                if form == "run lengths"
                else {"size": [H, W], "counts": runs_from_counts(mask.counts).tolist()}
            )
        image = int(rng.integers(len(images)))
        annotations.append(
            {
                "id": at + 1, "image_id": image, "category_id": int(rng.integers(1, 81)), "segmentation": segmentation,
                "area": 123.5, "bbox": [1.0, 2.0, 3.0, 4.0], "iscrowd": int(is_crowd),
            }
        )  # fmt: skip
    categories = [{"id": at, "name": f"class {at}"} for at in range(1, 81)]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def quiet(function: Callable[[], Any]) -> Any:
    """Call without pycocotools' prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return function()


def to_pixels(known: COCO) -> float:
    """Return the CPU seconds of decoding all annotations, from a sample."""
    some = list(known.anns.values())[:_SAMPLE]
    return timed(lambda: [known.annToMask(one) for one in some], 1) * len(known.anns) / len(some)


def bench_reading(folder: Path, count: int) -> None:
    """Read files of polygons, of compressed run lengths, and of both with crowds of plain run lengths."""
    print(
        f"\n| reading {count:,} annotations, CPU s | samframe | load + to RLE | ratio | load + to pixels | ratio |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for kind in ("polygons", "run lengths", "mixed"):
        path = write(folder / "truth.json", count, kind)
        samframe.read_coco(path)
        mine, other, decoded = np.median([read_once(path) for _ in range(_TURNS)], axis=0)
        print(
            f"| {kind} | {mine:.2f} | {other:.2f} | {other / mine:.1f}x | {decoded:.1f} | {decoded / mine:.0f}x |"
        )


def read_once(path: Path) -> tuple[float, float, float]:
    """Return the CPU seconds of samframe, of loading and turning to RLE, and of loading and decoding."""
    held: list[COCO] = []
    ours = timed(lambda: samframe.read_coco(path), 1)
    load = timed(lambda: held.append(quiet(lambda: COCO(path))), 1)
    known = held[0]
    to_rle = timed(lambda: [known.annToRLE(one) for one in known.anns.values()], 1)
    return ours, load + to_rle, load + to_pixels(known)


def predictions_of(truth: pd.DataFrame) -> pd.DataFrame:
    """Return predictions near the truth, two an object, one of them far off."""
    rng = np.random.default_rng(1)
    found = pd.concat([truth, truth], ignore_index=True)[
        ["image", "image_id", "label", "category_id", "mask"]
    ]
    shifts = rng.integers(-3, 4, size=(len(found), 2)) + (np.arange(len(found)) >= len(truth))[:, None] * 40
    masks = [mask.translate(int(dx), int(dy)) for mask, (dx, dy) in zip(found["mask"], shifts, strict=True)]
    found["mask"] = pd.array(masks, dtype="mask")
    found["score"] = rng.random(len(found)).round(3)
    return found[found["mask"].sam.area > 0]


def bench_evaluating(folder: Path, count: int) -> None:
    """Measure as many predictions as twice the annotations."""
    path = write(folder / "truth.json", count, "run lengths")
    truth = samframe.read_coco(path).dropna(subset=["label"])
    truth["area"] = truth["mask"].sam.area.astype("Float64")
    found = predictions_of(truth)
    results = [
        {
            "image_id": int(image),
            "category_id": int(label),
            "segmentation": mask.to_coco(),
            "score": float(score),
        }
        for image, label, mask, score in found[["image_id", "category_id", "mask", "score"]].itertuples(
            index=False
        )
    ]
    known = quiet(lambda: COCO(path))
    for one in truth.itertuples():
        known.anns[one.annotation_id]["area"] = float(one.area)
    judges: dict[str, tuple[Any, Any]] = {"COCOeval": (known, COCOeval)}
    with contextlib.suppress(ImportError):
        import faster_coco_eval

        fast = quiet(lambda: faster_coco_eval.COCO(str(path)))
        for one in truth.itertuples():
            fast.anns[one.annotation_id]["area"] = float(one.area)
        judges["faster-coco-eval"] = (fast, faster_coco_eval.COCOeval_faster)

    def judged(which: str) -> Any:
        side, kind = judges[which]
        measure = kind(side, side.loadRes([dict(one) for one in results]), "segm")
        measure.evaluate()
        measure.accumulate()
        measure.summarize()
        return measure.stats

    samframe.evaluate(found.head(100), truth)
    mine: list[Any] = []
    seconds = timed(lambda: mine.append(samframe.evaluate(found, truth)), 1)
    tracemalloc.start()
    samframe.evaluate(found, truth)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"\n| {len(found):,} predictions against {len(truth):,} objects | CPU s | beside | apart |")
    print("| --- | --- | --- | --- |")
    print(f"| samframe, peak {peak / 1e6:.0f} MB | {seconds:.2f} | 1.0x |  |")
    for name in judges:
        stats: list[Any] = []
        other = timed(lambda: stats.append(quiet(lambda: judged(name))), 1)  # noqa: B023 - called at once
        apart = max(abs(a - b) for a, b in zip(mine[0].numbers.values(), list(stats[0])[:12], strict=True))
        print(f"| {name} | {other:.2f} | {other / seconds:.1f}x | {apart:.0e} |")


def main() -> None:
    """Print both tables."""
    one_thread()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        bench_reading(Path(name), count)
        bench_evaluating(Path(name), max(count // 2, 100))


if __name__ == "__main__":
    main()
