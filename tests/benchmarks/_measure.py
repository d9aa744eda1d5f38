"""How the benchmarks measure: CPU time of ours and theirs in turn, and the median of their ratios."""

from __future__ import annotations

import gc
import statistics
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Row", "one_thread", "side_by_side", "table", "timed"]

#: What was done, our and their seconds, the median of the ratios, and what is to be reached.
Row = tuple[str, float, float, float, str]


def one_thread() -> None:
    """Keep Arrow to one thread; numpy and pycocotools use no more for what is measured."""
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def timed(function: Callable[[], Any], number: int) -> float:
    """Return the CPU seconds that a call takes."""
    start = time.process_time()
    for _ in range(number):
        function()
    return max(time.process_time() - start, 1e-9) / number


def side_by_side(
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    *,
    repeats: int = 9,
    setup: Callable[[], Any] | None = None,
) -> tuple[float, float, float]:
    """Return our and their median seconds a call, and the median of their ratios (theirs / ours), measured in turn.

    Each sample repeats a call for 20 ms at the least, as timeit does, unless a `setup` must come before each call.
    """
    loops = [1 if setup else max(1, round(0.02 / timed(function, 1))) for function in (ours, theirs)]
    pairs = []
    for _ in range(repeats):
        if setup:
            setup()
        gc.collect()
        pairs.append(
            [timed(function, number) for function, number in zip((ours, theirs), loops, strict=True)]
        )
    mine, other = zip(*pairs, strict=True)
    return statistics.median(mine), statistics.median(other), statistics.median(b / a for a, b in pairs)


def table(title: str, rows: list[Row]) -> None:
    """Print rows as a Markdown table."""
    print(f"\n| {title} | samframe ms | other ms | ratio | to reach |\n| --- | --- | --- | --- | --- |")
    for what, mine, other, ratio, goal in rows:
        print(f"| {what} | {mine * 1e3:.3f} | {other * 1e3:.3f} | {ratio:.2f}x | {goal} |")
