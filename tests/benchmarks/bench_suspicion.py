"""Suspicion on masks of known truth: do spoiled ones rank above good ones, kind by kind, and how long does it take.

Scenes with seeds for reporting; a sixth of the rows is spoiled, one kind at a time. ROC-AUC is the chance that a
spoiled row ranks above a good one (ties count half); precision at k looks at as many rows as are spoiled.

Run: ``python tests/benchmarks/bench_suspicion.py``
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

import samframe
from samframe.masks import Mask
from samframe.testing import REPORTING_SEEDS, STYLES, make_scene

SCENES_PER_STYLE = 12
SIZE = 256
SPOILED_SHARE = 1 / 6
TIMED_ROWS = 100_000


def truths() -> pd.DataFrame:
    """Return one row an object: scene, prompt, and the mask grown or shrunk by a pixel, as two engines would differ."""
    rng = np.random.default_rng(1)
    rows = []
    for style in STYLES:
        for seed in REPORTING_SEEDS[:SCENES_PER_STYLE]:
            scene = make_scene(style, seed, size=SIZE)
            for one in scene.objects:
                mask = Mask.from_numpy(one.mask)
                grown = (mask.dilate(), mask, mask.erode())[rng.integers(3)]
                prompt = f"{one.colour} {one.shape}" if style != "camo" else one.shape
                rows.append(
                    {"image": f"{style}-{seed}", "prompt": prompt, "mask": grown if grown.area else mask}
                )
    return pd.DataFrame(rows).drop_duplicates(["image", "prompt"], ignore_index=True)


def emptied(mask: Mask, rng: np.random.Generator, other: Mask) -> Mask:
    return mask - mask


def filled(mask: Mask, rng: np.random.Generator, other: Mask) -> Mask:
    return ~(mask - mask) - mask.translate(3, 3)


def speckled(mask: Mask, rng: np.random.Generator, other: Mask) -> Mask:
    return mask | Mask.from_numpy(rng.random(mask.size_hw) > 0.997)


def shifted(mask: Mask, rng: np.random.Generator, other: Mask) -> Mask:
    dx, dy = rng.choice([-1, 1], 2) * rng.integers(SIZE // 8, SIZE // 4, 2)
    return mask.translate(int(dx), int(dy))


def spilled(mask: Mask, rng: np.random.Generator, other: Mask) -> Mask:
    return mask.dilate(SIZE // 8)


def crumbled(mask: Mask, rng: np.random.Generator, other: Mask) -> Mask:
    x, y, width, height = mask.bbox_xywh
    return mask & Mask.from_bbox((x, y, max(2, width // 4), max(2, height // 3)), mask.size_hw)


def swapped(mask: Mask, rng: np.random.Generator, other: Mask) -> Mask:
    return other


KINDS = (emptied, filled, speckled, spilled, crumbled, shifted, swapped)


def spoil(frame: pd.DataFrame, kind, *, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the frame with a share of its masks spoiled, and which."""
    rng = np.random.default_rng(seed)
    bad = np.zeros(len(frame), bool)
    bad[rng.choice(len(frame), round(len(frame) * SPOILED_SHARE), replace=False)] = True
    masks = list(frame["mask"])
    by_image = frame.groupby("image").indices
    for row in np.flatnonzero(bad):
        others = [at for at in by_image[frame["image"][row]] if frame["prompt"][at] != frame["prompt"][row]]
        if kind is swapped and not others:
            bad[row] = False
            continue
        other = frame["mask"][rng.choice(others)] if others else frame["mask"][row]
        masks[row] = kind(frame["mask"][row], rng, other)
    return frame.assign(mask=pd.array(masks, dtype="mask")), bad


def auc(scores: np.ndarray, bad: np.ndarray) -> float:
    """Return the chance that a bad row ranks above a good one."""
    ranks = pd.Series(scores).rank().to_numpy()
    n_bad, n_good = bad.sum(), (~bad).sum()
    return float((ranks[bad].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def precision_at_k(scores: np.ndarray, bad: np.ndarray) -> float:
    """Return the share of bad rows among the first as many as are bad, ties shared."""
    order = np.lexsort((np.random.default_rng(2).random(len(scores)), -scores))
    return float(bad[order[: bad.sum()]].mean())


def by_area(frame: pd.DataFrame) -> np.ndarray:
    """Return what a person without `suspicion` might sort by: how unusual the area is in the whole frame."""
    logs = np.log(frame["mask"].sam.area.to_numpy(dtype=float) + 1)
    return np.abs(logs - np.median(logs))


def quality() -> None:
    one = truths()
    three = pd.concat(
        [one, one.assign(mask=pd.array([mask.dilate() for mask in one["mask"]], dtype="mask")), one]
    )
    three = three.reset_index(drop=True)
    print(f"{len(one)} masks of {one['image'].nunique()} scenes; {SPOILED_SHARE:.0%} of the rows spoiled.\n")
    print(
        "| spoiled masks | ROC-AUC | precision at k | ROC-AUC by unusual area | ROC-AUC, prompt asked 3 times |"
    )
    print("| --- | --- | --- | --- | --- |")
    for kind in KINDS:
        frame, bad = spoil(one, kind, seed=3)
        scores = frame.sam.suspicion()["score"].to_numpy(dtype=float)
        thrice, bad_of_three = spoil(three, kind, seed=4)
        scores_of_three = thrice.sam.suspicion()["score"].to_numpy(dtype=float)
        print(
            f"| {kind.__name__} | {auc(scores, bad):.2f} | {precision_at_k(scores, bad):.2f} "
            f"| {auc(by_area(frame), bad):.2f} | {auc(scores_of_three, bad_of_three):.2f} |"
        )


def speed() -> None:
    rng = np.random.default_rng(5)
    base = [mask.translate(*map(int, rng.integers(-9, 9, 2))) for mask in truths()["mask"] for _ in range(12)]
    frame = pd.DataFrame(
        {
            "image": [f"{row // 5}.png" for row in range(TIMED_ROWS)],
            "prompt": rng.choice(["car", "dog", "red circle", "boy"], TIMED_ROWS),
            "mask": pd.array([base[row % len(base)] for row in range(TIMED_ROWS)], dtype="mask"),
        }
    )
    start = time.process_time()
    frame.sam.suspicion()
    whole = time.process_time() - start
    start = time.process_time()
    for mask in base[:1000]:
        len(mask.components())
    one_by_one = (time.process_time() - start) * TIMED_ROWS / 1000
    print(f"\n{TIMED_ROWS:,} rows: {whole:.1f} s of CPU for all rules together; ", end="")
    print(f"counting parts mask by mask would alone take {one_by_one:.0f} s ({one_by_one / whole:.0f}x).")


if __name__ == "__main__":
    print(f"samframe {samframe.__version__}\n")
    quality()
    speed()
