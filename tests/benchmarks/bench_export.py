"""100,000 masks to a dataset: time, peak memory and size, beside dense lists and supervision's COCO writer.

``python tests/benchmarks/bench_export.py [rows]`` prints two tables. Each line is a process of its own. Memory is the
peak of the resident set above what it was with the frame in memory, before the export (or the reading) began; seconds
are CPU time, files and megabytes what is on the disk. What is measured on fewer rows is scaled, memory is not.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from bench_dtype import SIZE_HW, simple_masks
from PIL import Image

import samframe
from samframe.export import iter_records, write_parquet

if TYPE_CHECKING:
    from collections.abc import Callable

    from samframe.masks import Mask

MANY, SOME, FEW = 10**9, 10_000, 1000


def make_frame(masks: list[Mask]) -> pd.DataFrame:
    """Return a frame as segment leaves it, with details; four masks an image."""
    count = len(masks)
    return pd.DataFrame(
        {
            "image": [f"photos/{row // 4:06d}.png" for row in range(count)],
            "prompt": [("car", "boy", "tree", "dog")[row % 4] for row in range(count)],
            "mask": pd.array(masks, dtype="mask"),
            "status": pd.Categorical(["completed"] * count),
            "inference_time": pd.array(np.linspace(1, 2, count), dtype="Float64"),
            "request_id": [f"{row:032x}" for row in range(count)],
            "cost": 0.002,
        }
    )


def make_images(folder: Path, count: int) -> list[str]:
    """Write pictures of the masks' size, one for four rows."""
    (folder / "photos").mkdir()
    blank = Image.fromarray(np.zeros((*SIZE_HW, 3), np.uint8))
    for number in range(-(-count // 4)):
        blank.save(folder / "photos" / f"{number:06d}.png")
    return [str(folder / "photos" / f"{row // 4:06d}.png") for row in range(count)]


def dataset(artifacts: str) -> Callable[[list[Mask], Path], Callable[[], Any]]:
    """A dataset's folder, read back and hashed."""

    def prepare(masks: list[Mask], folder: Path) -> Callable[[], Any]:
        frame = make_frame(masks)
        masks.clear()
        return lambda: samframe.to_parquet(frame, folder / "out", artifacts=artifacts)

    return prepare


def again(masks: list[Mask], folder: Path) -> Callable[[], Any]:
    """A second export, after a thousandth of the masks was corrected."""
    frame = make_frame(masks)
    samframe.to_parquet(frame, folder / "out")
    wrong = range(0, len(frame) // 100, 10)
    frame.loc[wrong, "mask"] = pd.array(simple_masks(len(wrong), seed=1), dtype="mask")
    masks.clear()
    return lambda: samframe.to_parquet(frame, folder / "out")


def one_file(masks: list[Mask], folder: Path) -> Callable[[], Any]:
    """One Parquet file."""
    frame = make_frame(masks)
    masks.clear()
    (folder / "out").mkdir()
    return lambda: write_parquet(frame, folder / "out" / "masks.parquet")


def copied(masks: list[Mask], folder: Path) -> Callable[[], Any]:
    """A dataset's folder with the images."""
    frame = make_frame(masks).assign(image=make_images(folder, len(masks)))
    masks.clear()
    return lambda: samframe.to_parquet(frame, folder / "out", images="copy")


def dense(masks: list[Mask], folder: Path) -> Callable[[], Any]:
    """What pandas writes of pixels: lists of lists."""
    pixels = [mask.to_numpy() for mask in masks]
    (folder / "out").mkdir()

    def write() -> None:
        frame = pd.DataFrame({"mask": [array.tolist() for array in pixels]})
        frame.to_parquet(folder / "out" / "masks.parquet", compression="zstd")

    return write


def supervision_coco(masks: list[Mask], folder: Path) -> Callable[[], Any]:
    """Supervision's COCO writer, its masks in memory as it wants them."""
    import supervision as sv

    paths = make_images(folder, len(masks))
    annotations = {}
    for start in range(0, len(masks), 4):
        stack = np.stack([mask.to_numpy() for mask in masks[start : start + 4]])
        annotations[paths[start]] = sv.Detections(
            xyxy=sv.mask_to_xyxy(stack), mask=stack, class_id=np.arange(len(stack))
        )
    made = sv.DetectionDataset(
        classes=["car", "boy", "tree", "dog"], images=sorted(annotations), annotations=annotations
    )
    (folder / "out").mkdir()
    return lambda: made.as_coco(annotations_path=str(folder / "out" / "coco.json"))


def stream(count: int, folder: Path) -> Callable[[], Any]:
    """All records of a dataset that another process wrote, one after the other."""
    subprocess.run([sys.executable, __file__, "--write", str(folder / "out"), str(count)], check=True)

    def read() -> None:
        pixels = sum(record.area for record in iter_records(folder / "out", open_pictures=False))
        if not pixels:
            raise AssertionError("nothing was read")

    return read


#: What is measured: its name, the function, and the rows at most.
FORMS: dict[str, tuple[str, Callable[[list[Mask], Path], Callable[[], Any]], int]] = {
    "png": ("samframe dataset, PNG a mask", dataset("png"), MANY),
    "none": ("samframe dataset, no artifacts", dataset("none"), MANY),
    "file": ("samframe, one Parquet file", one_file, MANY),
    "npz": ("samframe dataset, NumPy a mask", dataset("npz"), SOME),
    "again": ("samframe dataset again, 1 mask in 1,000 corrected", again, SOME),
    "copied": ("samframe dataset, PNG a mask, images copied", copied, FEW),
    "supervision": ("supervision COCO, polygons (images read)", supervision_coco, FEW),
    "dense": ("df.to_parquet of lists of lists", dense, FEW),
}


def resident(field: str) -> int:
    """Return a figure of this process' memory in bytes: ``VmRSS`` now, ``VmHWM`` its peak."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def measure(form: str, count: int) -> None:
    """Run one form in this process, and print what it took as JSON."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        work = stream(count, folder) if form == "stream" else FORMS[form][1](simple_masks(count), folder)
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before, start, cpu = resident("VmRSS"), time.perf_counter(), time.process_time()
        work()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        files = [path.stat().st_size for path in (folder / "out").rglob("*") if path.is_file()]
        facts = {"seconds": seconds, "cpu": cpu, "peak": resident("VmHWM") - before, "bytes": sum(files)}
        print(json.dumps({**facts, "files": len(files)}))


def run(form: str, count: int) -> dict[str, float] | None:
    """Measure one form in a process of its own."""
    command = [sys.executable, __file__, "--measure", form, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{form}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}", file=sys.stderr)
        return None
    facts: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return facts


def main() -> None:
    """Run all and print the tables."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"| {count:,} masks of 480 x 640 | rows measured | CPU s | peak MB above the frame | files | MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for form, (name, _, most) in FORMS.items():
        rows = min(count, most)
        facts = run(form, rows)
        if facts is None:
            print(f"| {name} | {rows:,} | - | - | - | - |")
            continue
        factor = count / rows
        cells = [
            f"{facts['cpu'] * factor:.1f}",
            f"{facts['peak'] / 1e6:,.0f}",
            f"{facts['files'] * factor:,.0f}",
        ]
        print(f"| {name} | {rows:,} | {' | '.join(cells)} | {facts['bytes'] * factor / 1e6:,.1f} |")
    print_streams(count)


def print_streams(count: int) -> None:
    """Print the second table."""
    print("\n| records of a dataset, read one after the other | CPU s | peak MB |\n| --- | --- | --- |")
    for rows in (count // 5, count * 2):
        facts = run("stream", rows)
        if facts is not None:
            print(f"| {rows:,} rows | {facts['cpu']:.1f} | {facts['peak'] / 1e6:,.0f} |")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--measure", form, number]:
            measure(form, int(number))
        case ["--write", target, number]:
            samframe.to_parquet(make_frame(simple_masks(int(number))), target, artifacts="none")
        case _:
            main()
