"""Mask columns against pycocotools and Arrow: measures, IoU, selection and memory.

``python tests/benchmarks/bench_dtype.py [rows]`` prints a table. Each ratio is the median of ratios of CPU time
measured in turn in one run, one thread.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from _measure import Row, one_thread, side_by_side, table
from pycocotools import mask as coco

import samframe.frame.series  # noqa: F401  # registers Series.sam
from samframe.masks import Mask, MaskArray
from samframe.masks.arrow.convert import STORAGE_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

one_thread()

SIZE_HW = (480, 640)


def simple_masks(count: int, seed: int = 0, size_hw: tuple[int, int] = SIZE_HW) -> list[Mask]:
    """Return filled ellipses with a wobbling edge, 20 to 100 px across."""
    rng = np.random.default_rng(seed)
    height, width = size_hw
    masks = []
    for _ in range(count):
        radius_x, radius_y = rng.integers(10, min(50, width // 3)), rng.integers(10, min(50, height // 3))
        x0, y0 = rng.integers(radius_x, width - radius_x), rng.integers(radius_y + 4, height - radius_y - 4)
        across = np.arange(-radius_x + 1, radius_x)
        half = np.maximum(radius_y * np.sqrt(1 - (across / radius_x) ** 2), 1).astype(np.int64)
        wobble = (2 * np.sin(across / 5 + rng.random() * 6)).astype(np.int64)
        column = (x0 + across) * height
        toggles = np.stack([column + y0 - half + wobble, column + y0 + half + wobble], axis=1).ravel()
        masks.append(Mask._from_toggles(toggles.astype(np.int32), size_hw))
    return masks


def bench_measures(masks: list[Mask]) -> list[Row]:
    """Area and box: decoded from COCO bytes, and known from before."""
    series = pd.Series(MaskArray.from_masks(masks))
    dicts = [{"size": list(mask.size_hw), "counts": mask.counts} for mask in masks]
    pool = series.array.pool
    batches = [
        dicts[at : at + 200] for at in range(0, len(dicts), 200)
    ]  # coco.area overflows from 256 masks on

    def forget() -> None:
        pool._areas, pool._boxes = np.empty(0, np.int64), np.empty((0, 4), np.int32)

    def coco_area() -> None:
        for batch in batches:
            coco.area(batch)

    def measure(
        what: str, ours: Callable[[], Any], theirs: Callable[[], Any], goal: str = "", **setup: Any
    ) -> None:
        rows.append((what, *side_by_side(ours, theirs, **setup), goal))

    rows: list[Row] = []
    measure("area, first time", lambda: series.sam.area, coco_area, setup=forget)
    measure("area, cached", lambda: series.sam.area, coco_area, ">= 4.5x")
    measure("bbox, first time", lambda: series.sam.bbox_xywh, lambda: coco.toBbox(dicts), setup=forget)
    measure("bbox, cached", lambda: series.sam.bbox_xywh, lambda: coco.toBbox(dicts))
    return rows


def bench_iou(masks: list[Mask]) -> list[Row]:
    """IoU of two columns pair by pair, and of all with all."""
    shifted = [shift(mask, 3 if at % 2 else -3) for at, mask in enumerate(masks)]
    left, right = (pd.Series(MaskArray.from_masks(each)) for each in (masks, shifted))
    a, b = ([{"size": list(m.size_hw), "counts": m.counts} for m in each] for each in (masks, shifted))

    def pairs() -> None:
        for one, other in zip(a, b, strict=True):
            coco.iou([one], [other], [0])

    left.sam.iou(right)
    what = f"IoU of two columns, {len(masks)} pairs"
    rows = [(what, *side_by_side(lambda: left.sam.iou(right), pairs, repeats=5), ">= 3x")]
    for count, goal in ((100, ">= 1x"), (300, ">= 1.3x")):
        few = left.iloc[:count].copy()
        few.sam.iou_matrix()
        ours, theirs = (
            (lambda few=few: few.sam.iou_matrix()),
            (lambda n=count: coco.iou(a[:n], a[:n], [0] * n)),
        )
        rows.append(
            (f"IoU matrix {count} x {count}, spread out", *side_by_side(ours, theirs, repeats=15), goal)
        )
        close = pd.Series(MaskArray.from_masks(crowd(count)))
        dicts = [{"size": list(m.size_hw), "counts": m.counts} for m in close]
        close.sam.iou_matrix()
        ours, theirs = (lambda c=close: c.sam.iou_matrix()), (lambda d=dicts: coco.iou(d, d, [0] * len(d)))
        rows.append(
            (f"IoU matrix {count} x {count}, all overlapping", *side_by_side(ours, theirs, repeats=15), goal)
        )
    return rows


def shift(mask: Mask, columns: int) -> Mask:
    """Return a mask moved sideways, or the mask itself where it would leave the picture."""
    height, width = mask.size_hw
    toggles = mask.toggles + columns * height
    return (
        Mask._from_toggles(toggles, mask.size_hw)
        if toggles[0] >= 0 and toggles[-1] <= height * width
        else mask
    )


def crowd(count: int) -> list[Mask]:
    """Return masks of one small picture: most of them overlap."""
    return simple_masks(count, seed=3, size_hw=(128, 128))


def bench_selection(masks: list[Mask]) -> list[Row]:
    """Take, filter and concat beside pandas' ArrowDtype over the same struct."""
    ours = pd.Series(MaskArray.from_masks(masks))
    arrow = ours.astype(pd.ArrowDtype(STORAGE_TYPE))
    rng = np.random.default_rng(0)
    half, chosen = rng.permutation(len(masks))[: len(masks) // 2], rng.random(len(masks)) < 0.5
    rows = []
    for what, function, goal in (
        (f"take {len(half)} of {len(masks)}", lambda s: s.take(half), ""),
        ("filter half", lambda s: s[chosen], ""),
        ("concat with itself", lambda s: pd.concat([s, s]), ""),
        ("isna", lambda s: s.isna(), ""),
    ):
        rows.append((what, *side_by_side(lambda f=function: f(ours), lambda f=function: f(arrow)), goal))
    rows.insert(
        0,
        (
            f"array.{rows[0][0]}",
            *side_by_side(lambda: ours.array.take(half), lambda: arrow.array.take(half)),
            ">= 40x",
        ),
    )
    return rows


def bench_memory(masks: list[Mask]) -> None:
    """Print the bytes that a column takes a mask, beside its COCO bytes, and the peak of building it."""
    counts, sizes = [mask.counts for mask in masks], [mask.size_hw for mask in masks]
    coco_bytes = sum(map(len, counts)) / len(masks)
    gc.collect()
    arrow_before = pa.total_allocated_bytes()
    tracemalloc.start()
    from samframe.masks.columns.pool import MaskPool  # after tracing began

    series = pd.Series(
        MaskArray.from_pool(MaskPool.from_masks(counts, sizes), np.ones(len(masks), dtype=bool))
    )
    stages = {}
    for stage, touch in (
        ("column made", lambda: None),
        ("areas known", lambda: series.sam.area),
        ("boxes known", lambda: series.sam.bbox_xywh),
        ("after a comparison", lambda: series.sam.iou(series)),
    ):
        touch()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes() - arrow_before
        stages[stage] = held / len(masks)
    peak = tracemalloc.get_traced_memory()[1] / len(masks)
    tracemalloc.stop()
    print(
        f"\n| memory of {len(masks)} masks, bytes a mask | held | beside its {coco_bytes:.0f} COCO bytes | to reach |"
    )
    print("| --- | --- | --- | --- |")
    for stage, held in stages.items():
        print(f"| {stage} | {held:.0f} | {held - coco_bytes:.0f} | <= 512 |")
    print(f"| peak while decoding (Python's allocator) | {peak:.0f} |  |  |")


def main() -> None:
    """Run all and print the tables."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    masks = simple_masks(count)
    bench_memory(masks)
    table(f"{count} masks against pycocotools", bench_measures(masks))
    table("against pycocotools", bench_iou(masks[:5000]))
    table("against pandas' ArrowDtype", bench_selection(masks))


if __name__ == "__main__":
    main()
