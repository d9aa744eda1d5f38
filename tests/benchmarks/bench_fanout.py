"""Fan-out beside what users would pick: makespan, requests, CPU, rows lost and paid twice.

Prints the tables of docs/benchmarks.md.

`python tests/benchmarks/bench_fanout.py [pace] [faults] [limits] [memory] [--rows 200]`, each part followed by the
goals it bears on. Daft takes part where it is installed.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
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
        "lost": case.rows - figures["done"] - figures["in_doubt"],
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
    "in doubt, told": "{in_doubt}",
    "paid twice": "{twice}",
    "makespan / ideal": "{ratio:.2f}",
    "refused calls": "{refused}",
}
HAS_DAFT = importlib.util.find_spec("daft") is not None


def goals(*rows: tuple[str, float, float]) -> None:
    """Print goals as a table: name, the most that is allowed, what was measured."""
    print("\n| goal | at most | measured | met |\n| --- | --- | --- | --- |")
    for name, most, measured in rows:
        met = "yes" if measured <= most else "no"
        print(f"| {name} | {most:g} | {measured:.3g} | {met} |", flush=True)


def pace(rows: int) -> None:
    for service_s in (1.7, "lognormal"):
        for workers in (16, 64):
            count = rows * (2 if workers == 64 else 1)
            early = Case(name="early", rows=count, workers=workers, service_s=service_s)
            late = Case(name="late", rows=count, workers=workers, service_s=service_s, early_result="refuse")
            ours, polled, sdk = run("samframe", early), run("samframe", late), run("sdk", early)
            peers = [("asyncio + httpx, 1 s polls", run("asyncio", early))]
            peers += [("Daft, an async function", run("daft", early))] if HAS_DAFT else []
            table(
                f"{count} rows, {workers} workers, service time {service_s}",
                [
                    ("samframe, results answer early", ours),
                    ("samframe, status polled", polled),
                    ("segmind SDK in 32 threads", sdk),
                    *peers,
                ],
                PACE,
            )
            is_constant = service_s == 1.7
            targets = [
                ("makespan / ideal", 1.05 if is_constant else 1.10, ours["ratio"]),
                ("makespan / ideal, status polled", 1.05 if is_constant else 1.10, polled["ratio"]),
                ("requests a job", 3.1 if is_constant else 4.0, ours["requests"]),
                ("requests a job, status polled", 4.1 if is_constant else 5.0, polled["requests"]),
                ("CPU a row / SDK's", 0.75, ours["cpu_ms"] / sdk["cpu_ms"]),
            ]
            if HAS_DAFT:
                targets.append(("CPU a row / Daft's", 1 / 3, ours["cpu_ms"] / peers[-1][1]["cpu_ms"]))
            goals(*targets)


def faults(rows: int) -> None:
    case = Case(name="faults", rows=rows, workers=16, faults=True)
    ours = run("samframe", case)
    table(
        f"{rows} rows, about one call in twenty goes wrong, 16 workers",
        [
            ("samframe", ours),
            ("segmind SDK in 32 threads", run("sdk", case)),
            ("the same, 3 retries a row", run("sdk-retries", case)),
            ("asyncio + httpx", run("asyncio", case)),
            ("the same, 3 retries a row", run("asyncio-retries", case)),
        ],
        MONEY,
    )
    goals(("rows lost", 0, ours["lost"]), ("paid twice", 0, ours["twice"]))


def limits(rows: int) -> None:
    for kind in ("fixed", "token"):
        for polls_count in (False, True):
            case = Case(
                name="limit", rows=rows, workers=64, rate_limit=600, rate_kind=kind, polls_count=polls_count
            )
            counted = "submits and polls count" if polls_count else "submits count"
            learned = run("samframe", case)
            given = run("samframe-limit", case, "600")
            table(
                f"{rows} rows, limit 600 a minute ({kind}), {counted}",
                [
                    ("samframe, limit learned", learned),
                    ("samframe, rate_limit=600", given),
                    ("segmind SDK in 32 threads, 5 retries", run("sdk-retries", case, "5")),
                ],
                MONEY,
            )
            windows = max(1, round(learned["seconds"] / 60))
            refused = 2 * windows if kind == "fixed" else 0.15 * rows
            goals(
                ("makespan / best, limit learned", 1.05, learned["ratio"]),
                ("rows lost, limit learned", 0, learned["lost"]),
                ("refused calls, limit learned", refused, learned["refused"]),
                ("refused calls, rate_limit=600", 0, given["refused"]),
            )


def memory(rows: int) -> None:
    """Ten thousand rows in flight or done, and a thousand more; the service answers at once."""
    count = max(10_000, 50 * rows)
    figures = [
        run("samframe", Case(name="memory", rows=many, workers=10_000, service_s=1.7))
        for many in (count, count + 1_000)
    ]
    table(
        "Memory",
        [
            (f"samframe, {many:,} rows", one)
            for many, one in zip((count, count + 1_000), figures, strict=True)
        ],
        PACE,
    )
    goals(
        ("MiB over an idle interpreter with pandas", 60, figures[0]["peak_mib"]),
        ("MiB more for a further 1,000 rows", 5, figures[1]["peak_mib"] - figures[0]["peak_mib"]),
    )


PARTS = {"pace": pace, "faults": faults, "limits": limits, "memory": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rows", type=int, default=200)
    arguments = parser.parse_args()
    for part in arguments.parts:
        PARTS[part](arguments.rows)


if __name__ == "__main__":
    main()
