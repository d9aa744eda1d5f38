"""Training sets beside supervision and a naive writer: what YOLO's labels keep, and what COCO costs.

``python tests/benchmarks/bench_formats.py [rows]`` prints two tables. The labels of all writers are read in one way: as
ultralytics reads them (float32, fractions dropped, ``cv2.fillPoly``), all lines of an object together. COCO is written
in a process of its own each time: CPU seconds of the writing, and by how much the process's memory rises over what the
rows take before. supervision takes dense masks, so it gets fewer rows. What streams from files is in bench_streams.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from bench_dtype import simple_masks
from PIL import Image

from samframe.export import to_coco, write_parquet
from samframe.export.formats.yolo import yolo_line
from samframe.testing import hard_masks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from samframe.masks import Mask

N_IMAGES = 200


def read_lines(lines: list[str], size_hw: tuple[int, int]) -> np.ndarray:
    """The pixels of an object's lines, as ultralytics draws them."""
    canvas = np.zeros(size_hw, np.uint8)
    scale = np.float32(size_hw[::-1])
    for line in lines:
        shares = np.array(line.split()[1:], np.float32).reshape(-1, 2)
        cv2.fillPoly(canvas, [(shares * scale).astype(np.int32)], color=1)
    return canvas.astype(bool)


def lines_of_samframe(mask: Mask) -> list[str]:
    """One outline."""
    return [yolo_line(mask, 0)]


def lines_of_supervision(mask: Mask) -> list[str]:
    """What ``DetectionDataset.as_yolo`` writes, without simplification."""
    from supervision.dataset.formats.yolo import detections_to_yolo_annotations
    from supervision.detection.core import Detections

    pixels = mask.to_numpy()
    x, y, width, height = mask.bbox_xywh
    detections = Detections(
        xyxy=np.array([[x, y, x + width, y + height]]), mask=pixels[None], class_id=np.array([0])
    )
    return detections_to_yolo_annotations(
        detections, image_shape=(*mask.size_hw, 3), approximation_percentage=0.0
    )


def lines_of_naive(mask: Mask, *, largest: bool) -> list[str]:
    """OpenCV's outer contours: the largest one, or one line each."""
    height, width = mask.size_hw
    contours, _ = cv2.findContours(
        mask.to_numpy().astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    chosen = [max(contours, key=cv2.contourArea)] if largest else contours
    return [
        "0 " + " ".join(f"{value:.6f}" for value in (contour.reshape(-1, 2) / (width, height)).ravel())
        for contour in chosen
    ]


def yolo_table() -> Iterator[str]:
    """Yield the table of IoU, with the lines an object."""
    writers = {
        "samframe": lines_of_samframe,
        "supervision": lines_of_supervision,
        "largest contour": lambda mask: lines_of_naive(mask, largest=True),
        "all contours": lambda mask: lines_of_naive(mask, largest=False),
    }
    yield "| IoU (lines an object) | " + " | ".join(writers) + " |"
    yield "| --- |" + " --- |" * len(writers)
    for name, mask in hard_masks().items():
        if not mask.area:
            continue
        cells = []
        for write in writers.values():
            lines = write(mask)
            found = read_lines([line for line in lines if len(line.split()) > 6], mask.size_hw)
            truth = mask.to_numpy()
            cells.append(f"{(found & truth).sum() / (found | truth).sum():.4f} ({len(lines)})")
        yield f"| {name} | " + " | ".join(cells) + " |"


def make_images(folder: Path) -> list[str]:
    """Write the pictures, all of the masks' size, and return their paths."""
    rs = np.random.RandomState(0)
    paths = []
    for number in range(N_IMAGES):
        coarse = Image.fromarray(rs.randint(0, 255, (12, 16, 3), dtype=np.uint8))
        paths.append(str(folder / f"{number}.png"))
        coarse.resize((640, 480), Image.Resampling.NEAREST).save(paths[-1])
    return paths


def make_frame(paths: list[str], rows: int) -> pd.DataFrame:
    """A frame in which each picture has its rows side by side."""
    images = [paths[row * len(paths) // rows] for row in range(rows)]
    kinds = [f"kind {row % 10}" for row in range(rows)]
    return pd.DataFrame(
        {"image": images, "prompt": kinds, "mask": pd.array(simple_masks(rows), dtype="mask")}
    )


def write_samframe(frame: pd.DataFrame, out: Path) -> None:
    """A frame to COCO, read back and compared."""
    to_coco(frame, out)


def write_supervision(frame: pd.DataFrame, out: Path) -> None:
    """The same rows, as supervision takes them: dense masks by image. It does not read back."""
    import supervision

    kinds = sorted(set(frame["prompt"]))
    annotations = {}
    for path, group in frame.groupby("image"):
        annotations[path] = supervision.Detections(
            xyxy=np.array(
                [(x, y, x + w, y + h) for x, y, w, h in (m.bbox_xywh for m in group["mask"])], float
            ),
            mask=np.stack([mask.to_numpy() for mask in group["mask"]]),
            class_id=np.array([kinds.index(kind) for kind in group["prompt"]]),
        )
    dataset = supervision.DetectionDataset(classes=kinds, images=list(annotations), annotations=annotations)
    dataset.as_coco(images_directory_path=str(out / "train"), annotations_path=str(out / "annotations.json"))


WRITERS = {
    "samframe": write_samframe,
    "samframe, from Parquet": write_samframe,
    "supervision": write_supervision,
}


def memory_mb(name: str) -> float:
    """Resident memory of this process, or its peak, in MB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def settle() -> None:
    """Give back what is free, so that what is measured cannot hide in it."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)


def child(name: str, rows: int) -> None:
    """Write once; print seconds, megabytes over what the rows took before, and whether crowds were made of objects."""
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        images.mkdir()
        frame = make_frame(make_images(images), rows)
        source = frame
        if name.endswith("Parquet"):
            source = Path(folder) / "masks.parquet"
            write_parquet(frame, source, row_group_size=4096)
            frame = None
        to_coco(make_frame(make_images(images), 10), Path(folder) / "warm")
        settle()
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before = memory_mb("VmRSS")
        start = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            WRITERS[name](source, Path(folder) / "out")
        seconds = time.process_time() - start
        peak = memory_mb("VmHWM")
        files = (Path(folder) / "out").rglob("*.json")
        size = sum(file.stat().st_size for file in files)
    print(json.dumps({"seconds": seconds, "mb": peak - before, "size": size / 1e6}))


def coco_table(rows: int) -> Iterator[str]:
    """Yield the table of costs."""
    few = min(rows, 2000)
    yield "| COCO of masks of 480 x 640 | rows | CPU ms a row | peak memory over the rows, MB | JSON, bytes a row |"
    yield "| --- | --- | --- | --- | --- |"
    for name, count in (
        ("supervision", few),
        ("samframe", few),
        ("samframe", rows),
        ("samframe, from Parquet", rows),
    ):
        command = [sys.executable, __file__, "--child", name, str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        row = json.loads(done.stdout.splitlines()[-1])
        cells = (
            f"{1000 * row['seconds'] / count:.2f}",
            f"{row['mb']:.0f}",
            f"{1e6 * row['size'] / count:.0f}",
        )
        yield f"| {name} | {count:,} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the tables."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for line in yolo_table():
        print(line)
    print()
    for line in coco_table(rows):
        print(line, flush=True)


if __name__ == "__main__":
    main()
