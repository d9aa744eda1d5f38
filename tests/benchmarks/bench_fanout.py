"""Fan-out beside what users would pick: makespan, requests, CPU, rows lost and paid twice.

Prints the tables of docs/benchmarks.md.

`python tests/benchmarks/bench_fanout.py [pace] [faults] [limits] [--rows 200]`
"""

from __future__ import annotations

import argparse
import collections
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _service import Case, service
from PIL import Image

HERE = Path(__file__).parent


def make_images(folder: Path, count: int = 8) -> None:
    """Write JPEG files of 1024 x 768 px with smooth content, about 40 kB each."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        small = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(small).resize((1024, 768), Image.Resampling.BICUBIC).save(
            folder / f"{seed}.jpg", quality=85
        )


def run(contender: str, case: Case, *options: str) -> dict:
    """Run one contender against a fresh service and return its figures."""
    with tempfile.TemporaryDirectory() as name, service(case) as (url, look):
        make_images(Path(name))
        command = [
            sys.executable,
            str(HERE / "_contenders.py"),
            contender,
            url,
            name,
            str(case.rows),
            *options,
        ]
        answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
        figures = json.loads(answer.stdout.strip().splitlines()[-1])
        counters, jobs = look()
    per_prompt = collections.Counter(prompt for prompt, _ in jobs)
    return {
        **figures,
        "ratio": figures["seconds"] / case.ideal_s(),
        "requests": counters.requests / case.rows,
        "cpu_ms": 1000 * figures["cpu_s"] / case.rows,
        "lost": case.rows - figures["done"],
        "twice": sum(count - 1 for count in per_prompt.values()),
        "refused": counters.refused_429,
    }


def table(title: str, rows: list[tuple[str, dict]], columns: dict[str, str]) -> None:
    print(f"\n### {title}\n")
    print("| | " + " | ".join(columns) + " |")
    print("| --- " * (len(columns) + 1) + "|")
    for name, figures in rows:
        print(
            f"| {name} | " + " | ".join(form.format(**figures) for form in columns.values()) + " |",
            flush=True,
        )


PACE = {
    "makespan / ideal": "{ratio:.2f}",
    "requests a job": "{requests:.2f}",
    "CPU ms a row": "{cpu_ms:.1f}",
    "peak MiB over idle": "{peak_mib:.0f}",
}
MONEY = {
    "rows lost": "{lost}",
    "paid twice": "{twice}",
    "makespan / ideal": "{ratio:.2f}",
    "refused calls": "{refused}",
}


def pace(rows: int) -> None:
    for service_s in (1.7, "lognormal"):
        for workers in (16, 64):
            count = rows * (2 if workers == 64 else 1)
            early = Case(name="early", rows=count, workers=workers, service_s=service_s)
            late = Case(name="late", rows=count, workers=workers, service_s=service_s, early_result="refuse")
            table(
                f"{count} rows, {workers} workers, service time {service_s}",
                [
                    ("samframe, results answer early", run("samframe", early)),
                    ("samframe, status polled", run("samframe", late)),
                    ("segmind SDK in 32 threads", run("sdk", early)),
                    ("asyncio + httpx, 1 s polls", run("asyncio", early)),
                ],
                PACE,
            )


def faults(rows: int) -> None:
    case = Case(name="faults", rows=rows, workers=16, faults=True)
    table(
        f"{rows} rows, about one call in twenty goes wrong, 16 workers",
        [
            ("samframe", run("samframe", case)),
            ("segmind SDK in 32 threads", run("sdk", case)),
            ("the same, 3 retries a row", run("sdk-retries", case)),
            ("asyncio + httpx", run("asyncio", case)),
            ("the same, 3 retries a row", run("asyncio-retries", case)),
        ],
        MONEY,
    )


def limits(rows: int) -> None:
    for kind in ("fixed", "token"):
        for polls_count in (False, True):
            case = Case(
                name="limit", rows=rows, workers=64, rate_limit=600, rate_kind=kind, polls_count=polls_count
            )
            counted = "submits and polls count" if polls_count else "submits count"
            table(
                f"{rows} rows, limit 600 a minute ({kind}), {counted}",
                [
                    ("samframe, limit learned", run("samframe", case)),
                    ("samframe, rate_limit=600", run("samframe-limit", case, "600")),
                    ("segmind SDK in 32 threads, 5 retries", run("sdk-retries", case, "5")),
                ],
                MONEY,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["pace", "faults", "limits"])
    parser.add_argument("--rows", type=int, default=200)
    arguments = parser.parse_args()
    for part in arguments.parts:
        {"pace": pace, "faults": faults, "limits": limits}[part](arguments.rows)


if __name__ == "__main__":
    main()
