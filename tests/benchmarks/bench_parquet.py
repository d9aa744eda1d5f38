"""100,000 masks to Parquet and back: time and size beside pixel lists, PNG bytes and a bare pyarrow struct.

``python tests/benchmarks/bench_parquet.py [rows]`` prints a table. The dense forms are measured on fewer rows and
scaled; seconds are CPU time of one run each after a warm-up, megabytes are those of the file.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from bench_dtype import simple_masks

from samframe.export import read_parquet, write_parquet
from samframe.masks import Mask, MaskArray
from samframe.masks.arrow.convert import STORAGE_TYPE
from samframe.masks.columns.pool import MaskPool

if TYPE_CHECKING:
    from collections.abc import Callable


def least(function: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the least CPU seconds of some runs, and the last result."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        seconds.append(time.process_time() - start)
    return min(seconds), result


def measure(
    write: Callable[[], Any], read: Callable[[], Any], path: Path, rows: int, repeats: int = 3
) -> list[float]:
    """Return seconds to write, seconds to read, and bytes, each a row."""
    write_s, _ = least(write, repeats)
    read_s, _ = least(read, repeats)
    return [write_s / rows, read_s / rows, path.stat().st_size / rows]


def bench_samframe(masks: list[Mask], path: Path) -> list[float]:
    """A mask column, checked on reading."""
    array = MaskArray.from_masks(masks)
    counts, sizes = array.pool.counts(), array.pool.sizes_hw()

    def write() -> None:  # a pool of its own each time: no area or box is known beforehand
        fresh = MaskArray(MaskPool([counts], sizes), array.positions)
        write_parquet(pd.DataFrame({"mask": fresh}), path)

    return measure(write, lambda: read_parquet(path), path, len(masks))


def bench_struct(masks: list[Mask], path: Path) -> list[float]:
    """The same struct by pyarrow alone, read back to COCO dicts."""
    size = {"h": masks[0].size_hw[0], "w": masks[0].size_hw[1]}

    def write() -> None:
        column = pa.array([{**size, "counts": mask.counts} for mask in masks], type=STORAGE_TYPE)
        pq.write_table(pa.table({"mask": column}), path, compression="zstd")

    return measure(write, lambda: pq.read_table(path).column("mask").to_pylist(), path, len(masks))


def bench_png(masks: list[Mask], path: Path) -> list[float]:
    """A column of PNG bytes, each made by `Mask.to_png` and read back by `Mask.from_png`."""

    def write() -> None:
        pq.write_table(pa.table({"mask": [mask.to_png() for mask in masks]}), path, compression="zstd")

    def read() -> list[Mask]:
        return [Mask.from_png(png) for png in pq.read_table(path)["mask"].to_pylist()]

    return measure(write, read, path, len(masks), repeats=1)


def bench_lists(masks: list[Mask], path: Path) -> list[float]:
    """Pixels as list<list<bool>>, what pandas makes of rows of lists."""

    def write() -> None:
        pq.write_table(
            pa.table({"mask": [mask.to_numpy().tolist() for mask in masks]}), path, compression="zstd"
        )

    def read() -> list[Mask]:
        return [Mask.from_numpy(np.array(rows)) for rows in pq.read_table(path)["mask"].to_pylist()]

    return measure(write, read, path, len(masks), repeats=1)


def main() -> None:
    """Run all and print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    masks = simple_masks(count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "masks.parquet"
        forms = (
            ("samframe: struct, area, bbox; checked", bench_samframe, count),
            ("pyarrow struct, dicts back", bench_struct, count),
            ("PNG bytes, pixels back", bench_png, count // 100),
            ("list<list<bool>>, pixels back", bench_lists, count // 2000),
        )
        rows = [(name, rows, bench(masks[:rows], path)) for name, bench, rows in forms]
    ours = rows[0][2]
    print(f"\n| {count} masks of 480 x 640 | rows measured | write s | read s | MB | write | read | size |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, measured, row in rows:
        absolute = [f"{row[0] * count:.2f}", f"{row[1] * count:.2f}", f"{row[2] * count / 1e6:.1f}"]
        ratios = [f"{theirs / mine:.1f}x" for theirs, mine in zip(row, ours, strict=True)]
        print("| " + " | ".join([name, str(measured), *absolute, *ratios]) + " |")


if __name__ == "__main__":
    main()
