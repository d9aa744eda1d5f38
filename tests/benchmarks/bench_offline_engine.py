"""How well and how fast the offline engine does, on drawn scenes whose truth is known and on the two photographs.

Run ``python tests/benchmarks/bench_offline_engine.py [--seeds N]``. Scenes come from the reporting seeds, on which the
engine was not tuned; engine and scenes share one author and one list of colours and shapes, so the table says that the
engine works as meant and nothing about photographs.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import numpy as np
from PIL import Image

from samframe.server.engines.drawn import ENGINE_NAME, SHAPES, EngineRefused, OfflineEngine
from samframe.testing import REPORTING_SEEDS, SAMPLE_PHOTOS, STYLES, make_scene, sample_photo

FLOORS = {
    ("flat", "1 point"): 0.95,
    ("noisy", "1 point"): 0.95,
    ("texture", "1 point"): 0.95,
    ("clutter", "1 point"): 0.80,
    ("all but camo", "3 points, 2 removes"): 0.93,
    ("all but camo", "colour and shape"): 0.80,
    ("all but camo", "absent, refused"): 1.0,
}
MODES = (
    "1 point",
    "3 points, 2 removes",
    "colour and shape",
    "colour",
    "shape",
    "with a rank",
    "background",
    "absent, refused",
)


def iou(first, second):
    return float((first & second).sum() / max(1, (first | second).sum()))


def mode_of(prompt):
    words = prompt.split()
    if prompt == "background":
        return prompt
    if len(words) == 1:
        return "shape"
    if words[0] in ("largest", "smallest", "leftmost", "rightmost", "topmost", "bottommost", "centre"):
        return "with a rank"
    return "colour and shape" if words[1].startswith(SHAPES) else "colour"


def score(engine, rgb, truth, **asked):
    """Return IoU (a refusal of what is there counts as 0) and seconds of CPU."""
    start = time.process_time()
    try:
        mask = engine.segment(rgb, **asked).mask
    except EngineRefused:
        mask = None
    seconds = time.process_time() - start
    if truth is None:
        return float(mask is None), seconds
    return (0.0 if mask is None else iou(mask, truth)), seconds


def measure(seeds):
    """Return (style, mode) to a list of (score, seconds)."""
    engine, table = OfflineEngine(), defaultdict(list)
    for style in STYLES:
        for seed in REPORTING_SEEDS[:seeds]:
            scene = make_scene(style, seed)
            for o in scene.objects:
                table[style, "1 point"].append(score(engine, scene.image, o.mask, **o.points()))
                table[style, "3 points, 2 removes"].append(
                    score(engine, scene.image, o.mask, **o.points(3, 2))
                )
            for prompt, truth in scene.prompts.items():
                table[style, mode_of(prompt)].append(score(engine, scene.image, truth, prompt=prompt))
            for prompt in scene.absent_prompts:
                table[style, "absent, refused"].append(score(engine, scene.image, None, prompt=prompt))
    for style, mode in list(table):
        if style != "camo":
            table["all but camo", mode] += table[style, mode]
    return table


def photo_stability(engine, *, shift_px=3):
    """Return each sample prompt's mean IoU with itself after all its points moved a little."""
    rows = []
    for photo, prompts in SAMPLE_PHOTOS.items():
        rgb = np.asarray(Image.open(sample_photo(photo)).convert("RGB"))
        for prompt in prompts:
            first = engine.segment(rgb, points=prompt.points, remove_points=prompt.remove_points).mask
            moved = []
            for dx, dy in ((shift_px, 0), (-shift_px, 0), (0, shift_px), (0, -shift_px)):
                points, removes = (
                    [(x + dx, y + dy) for x, y in some] for some in (prompt.points, prompt.remove_points)
                )
                moved.append(score(engine, rgb, first, points=points, remove_points=removes)[0])
            rows.append((photo, prompt.name, float(first.mean()), float(np.mean(moved)), min(moved)))
    return rows


def cell(measured):
    """Return one cell of the table: mean, lowest, count, seconds."""
    if not measured:
        return "-"
    scores, seconds = np.array(measured).T
    return f"{scores.mean():.3f} ({scores.min():.2f}; {len(scores)}; {seconds.mean():.2f} s)"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6, help="scenes a style (default: 6)")
    seeds = parser.parse_args().seeds
    print(
        f"{ENGINE_NAME}: {seeds} scenes a style, seeds from {REPORTING_SEEDS[0]} (tuned on others), 512 x 512 px"
    )
    table = measure(seeds)
    print(f"\n| style | {' | '.join(MODES)} |\n|{' --- |' * (len(MODES) + 1)}")
    for style in (*STYLES, "all but camo"):
        print(f"| {style} | {' | '.join(cell(table.get((style, mode))) for mode in MODES)} |")
    print("\nMean IoU (lowest; how many; CPU seconds each). A refusal of what is there counts as 0.")
    print("Of what is absent: the share that was refused.\n")
    below = [where for where, floor in FLOORS.items() if np.mean([s for s, _ in table[where]]) < floor]
    for (style, mode), floor in FLOORS.items():
        print(f"floor of {style}, {mode}: {floor:.2f} {'BELOW' if (style, mode) in below else 'held'}")
    print("\nPhotographs: there is no hand-drawn truth here, so no IoU with the truth was measured.")
    print("What can be measured is how a mask changes (IoU with itself) when all points move by 3 px:")
    for photo, name, share, mean, worst in photo_stability(OfflineEngine()):
        print(f"  {photo:<9}{name:<15}{share:>6.1%} of the picture   mean {mean:.2f}   worst {worst:.2f}")
    return 1 if below else 0


if __name__ == "__main__":
    raise SystemExit(main())
