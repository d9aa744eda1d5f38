"""Training sets from files, with splits drawn: memory must not grow with the rows.

``python tests/benchmarks/bench_streams.py [few [many]]`` prints a table: every format, written from a dataset of many
row groups and from one Parquet file that is a single row group, at two numbers of rows. Each export is a process of its
own that has exported a few rows before; memory is the peak over what it then had. The pictures grow with the rows, 20 a
picture, and the rows of one picture are far apart.
"""

from __future__ import annotations

import ctypes
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
import pyarrow as pa
from bench_dtype import simple_masks
from PIL import Image

from samframe.export import (
    iter_records,
    to_coco,
    to_huggingface,
    to_parquet,
    to_semantic,
    to_yolo,
    write_parquet,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FEW, MANY = 20_000, 200_000
ROWS_AN_IMAGE = 20
SIZE_HW = (90, 120)
SPLITS = {"train": 0.8, "val": 0.2}


def read_records(source: Path, _: Path) -> None:
    """Every record, its picture looked at."""
    if not sum(record.area for record in iter_records(source)):
        raise AssertionError("nothing was read")


#: What is measured; each takes a source and a folder that is not there yet.
FORMATS: dict[str, Callable[[Path, Path], Any]] = {
    "records": read_records,
    "COCO": lambda source, out: to_coco(source, out, split=SPLITS),
    "COCO, components": lambda source, out: to_coco(source, out, split=SPLITS, instances="components"),
    "COCO, polygons": lambda source, out: to_coco(source, out, split=SPLITS, polygons=True),
    "YOLO": lambda source, out: to_yolo(source, out, split=SPLITS),
    "semantic": lambda source, out: to_semantic(source, out, split=SPLITS),
    "Hugging Face, instances": lambda source, out: to_huggingface(source, out, split=SPLITS),
    "Hugging Face, semantic": lambda source, out: to_huggingface(source, out, split=SPLITS, task="semantic"),
}
SOURCES = {"a dataset": "dataset-{}", "one row group": "masks-{}.parquet"}


def memory_bytes(name: str) -> int:
    """Resident memory of this process (``VmRSS``), or its peak (``VmHWM``) (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def settle() -> None:
    """Give back what is free, so that what is measured cannot hide in it."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)


def make_source(folder: Path, rows: int, path: Path) -> None:
    """Write so many rows, in files of several row groups, or in one file of a single one."""
    count = -(-rows // ROWS_AN_IMAGE)
    images = folder / f"images-{rows}"
    if not images.exists():
        images.mkdir()
        rs = np.random.RandomState(0)
        for number in range(count):
            coarse = Image.fromarray(rs.randint(0, 255, (8, 8, 3), dtype=np.uint8))
            coarse.resize(SIZE_HW[::-1], Image.Resampling.NEAREST).save(images / f"{number}.png")
    frame = pd.DataFrame(
        {
            "image": [str(images / f"{row % count}.png") for row in range(rows)],
            "prompt": [f"kind {row % 10}" for row in range(rows)],
            "mask": pd.array(simple_masks(rows, size_hw=SIZE_HW), dtype="mask"),
        }
    )
    if path.suffix:
        write_parquet(frame, path, row_group_size=rows)
    else:
        to_parquet(frame, path, artifacts="none")


def child(name: str, few: str, source: str, out: str) -> None:
    """Write once from files; print seconds, and bytes over those of the idle process."""
    FORMATS[name](Path(few), Path(out) / "warm")
    settle()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, start = memory_bytes("VmRSS"), time.process_time()
    FORMATS[name](Path(source), Path(out) / "set")
    seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "bytes": memory_bytes("VmHWM") - before}))


def measure(name: str, few: Path, source: Path) -> dict[str, float]:
    """Return what one export from files took, in a process of its own."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, __file__, "--child", name, str(few), str(source), out]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(few: int, many: int, names: list[str]) -> Iterator[str]:
    """Yield the table of memory by rows."""
    yield (
        f"| from files, with splits | MB at {few:,} rows | MB at {many:,} rows | bytes a row more | CPU ms a row |"
    )
    yield "| --- | --- | --- | --- | --- |"
    with tempfile.TemporaryDirectory() as folder:
        warm = Path(folder) / "warm.parquet"
        make_source(Path(folder), 200, warm)
        for name in names:
            for kind, pattern in SOURCES.items():
                found = []
                for rows in (few, many):
                    source = Path(folder) / pattern.format(rows)
                    if not source.exists():
                        make_source(Path(folder), rows, source)
                    found.append(measure(name, warm, source))
                low, high = (run["bytes"] for run in found)
                yield (
                    f"| {name}, {kind} | {low / 1e6:.1f} | {high / 1e6:.1f} | {(high - low) / (many - few):.0f} "
                    f"| {1000 * found[1]['seconds'] / many:.2f} |"
                )


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
        return
    few, many = [*map(int, sys.argv[1:3]), FEW, MANY][:2] if len(sys.argv) < 3 else map(int, sys.argv[1:3])
    for line in table(few, many, sys.argv[3:] or list(FORMATS)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
