"""Past one machine: a Dask cluster on one account's limit, tables larger than memory, and groups of many masks.

Prints the tables of docs/scale.md and docs/benchmarks.md. What was paid for is what the local server counted.

`python tests/benchmarks/bench_scale.py [PART ...] [--scale 1.0]`; the parts are those of `main`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import contextlib
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import dask
import dask.dataframe as dd
import distributed
import numpy as np
import pandas as pd
from _arithmetic import shown, simulate
from _service import KEY, PRICE_USD, Case, service
from PIL import Image

import samframe
import samframe.dask
from samframe.masks import Mask, MaskArray, counts_from_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__)
PER_MINUTE = 6000


def table(title: str, rows: list[dict]) -> None:
    print(f"\n### {title}\n")
    print("| " + " | ".join(rows[0]) + " |")
    print("| --- " * len(rows[0]) + "|")
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |", flush=True)


def make_frame(folder: Path, rows: int, distinct: int | None = None) -> pd.DataFrame:
    """Return rows with a prompt of their own each, over twenty small images."""
    folder.mkdir(exist_ok=True)
    for shade in range(20):
        Image.fromarray(np.full((48, 64, 3), 12 * shade, np.uint8)).save(folder / f"{shade}.png")
    numbers = np.arange(rows) % (distinct or rows)
    return pd.DataFrame(
        {
            "image": [str(folder / f"{number % 20}.png") for number in numbers],
            "prompt": [f"p {n}" for n in numbers],
        }
    )


def paid_twice(jobs) -> int:
    return sum(count - 1 for count in collections.Counter(prompt for prompt, _ in jobs).values())


def data_uri(path: str) -> str:
    return "data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode()


async def hosted(client: samframe.Client, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with their images uploaded, and sent by URL."""
    paths = sorted(set(frame["image"]))
    uris = list(map(data_uri, paths))
    async with client.connect() as api:
        urls = dict(zip(paths, await api.upload(uris), strict=True))
    return frame.assign(image=frame["image"].map(urls))


@contextlib.contextmanager
def four_workers() -> Iterator[tuple[distributed.LocalCluster, distributed.Client]]:
    """A cluster of four worker processes on this machine."""
    with (
        distributed.LocalCluster(
            n_workers=4, threads_per_worker=2, dashboard_address=":0", silence_logs=50, memory_limit=None
        ) as local,
        distributed.Client(local) as client,
    ):
        client.wait_for_workers(4)
        yield local, client


def killed(scale: float, per_minute: int) -> list[dict]:
    """4 workers, one of them killed with -9 midway; then the same call again, and a last one with consent."""
    rows, found = int(20_000 * scale), []
    case = Case(name="scale", rows=rows, workers=256, service_s=1.7, rate_limit=per_minute)
    with tempfile.TemporaryDirectory() as name, service(case) as (url, look):
        samframe_client = samframe.Client(KEY, base_url=url)
        frame = asyncio.run(hosted(samframe_client, make_frame(Path(name) / "in", rows)))
        ddf = dd.from_pandas(frame, npartitions=40)
        options = {"client": samframe_client, "store": Path(name) / "store", "rate_limit": per_minute}

        def note(what: str, out: pd.DataFrame) -> None:
            (counters, jobs), status = look(), out["status"].value_counts()
            found.append(
                {
                    f"{rows:,} rows, images by URL": what,
                    "stored": f"{int(status['completed']):,}",
                    "in doubt": int(status["in_doubt"]),
                    "jobs accepted": f"{counters.accepted:,}",
                    "paid twice": paid_twice(jobs),
                }
            )

        with four_workers() as (local, client):
            future = client.compute(ddf.sam.segment(**options))
            while look()[0].accepted < rows // 2:
                time.sleep(0.2)
            next(iter(local.workers.values())).process.process._process.kill()
            note("one of four workers killed midway, the others end", future.result())
            note("the same call again", ddf.sam.segment(**options).compute())
            note('with `retry="in_doubt"`', ddf.sam.segment(retry="in_doubt", **options).compute())
    return found


def cluster(scale: float, per_minute: int, *, given: bool = True) -> dict:
    """4 workers, 40 partitions, one limit."""
    rows = int(20_000 * scale)
    case = Case(name="scale", rows=rows, workers=256, service_s=1.7, rate_limit=per_minute)
    with tempfile.TemporaryDirectory() as name, service(case) as (url, look):
        ddf = dd.from_pandas(make_frame(Path(name) / "in", rows), npartitions=40)
        options = {"client": samframe.Client(KEY, base_url=url), "store": Path(name) / "store"}
        if given:
            options["rate_limit"] = per_minute
        with four_workers():
            began = time.perf_counter()
            out = ddf.sam.segment(**options).compute()
            seconds = time.perf_counter() - began
        counters, jobs = look()
    status = out["status"].value_counts()
    windows = int(np.ceil(rows / per_minute))
    ideal = rows / per_minute * 60
    return {
        "what": f"{rows:,} rows, limit {'given' if given else 'learned'}",
        "seconds": f"{seconds:.0f}",
        "makespan / ideal": f"{seconds / ideal:.2f}",
        "stored": f"{int(status['completed']):,}",
        "in doubt": int(status["in_doubt"]),
        "paid twice": paid_twice(jobs),
        "429s a window": f"{counters.refused_429 / windows:.1f}",
        "requests a job": f"{counters.requests / max(1, counters.accepted):.2f}",
    }


def peak_mib() -> float:
    """Return this process's own peak; what getrusage tells begins with that of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def segment_table(url: str, source: str, out: str, store: str, batch_rows: str, *per_minute: str) -> None:
    """Segment a table in a process of its own, and print its peak memory in MiB, its seconds and its CPU."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    idle = peak_mib()
    client = samframe.Client(KEY, base_url=url, rate_limit=float(per_minute[0]) if per_minute else None)
    samframe.segment_dataset(
        source, out=out, store=store, batch_rows=int(batch_rows), client=client, progress=False
    )
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime - before.ru_utime - before.ru_stime
    print(peak_mib(), idle, time.perf_counter() - began, cpu)


def child(*arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, HERE, "child", *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def memory(scale: float) -> list[dict]:
    """Peak memory of segment_dataset over ten times the rows; both have the same jobs, as the rows are what grows."""
    small, batch_rows = int(20_000 * scale), max(1, int(2000 * scale))
    found = []
    for rows in (small, 10 * small):
        case = Case(name="memory", rows=rows, workers=256, service_s=0.2)
        with tempfile.TemporaryDirectory() as name, service(case) as (url, look):
            frame = make_frame(Path(name) / "images", rows, small // 2)
            frame.to_parquet(Path(name) / "in.parquet", row_group_size=10_000)
            asked = child(url, f"{name}/in.parquet", f"{name}/out", f"{name}/store", batch_rows)
            peak, idle, seconds, _ = map(float, asked.communicate()[0].split())
            counters, jobs = look()
            found.append(
                {
                    "rows": f"{rows:,}",
                    "peak MiB": f"{peak:.0f}",
                    "of which before the call": f"{idle:.0f}",
                    "seconds": f"{seconds:.0f}",
                    "jobs paid": f"{counters.accepted:,}",
                    "paid twice": paid_twice(jobs),
                }
            )
    found.append(
        {"rows": "ratio", "peak MiB": f"{float(found[1]['peak MiB']) / float(found[0]['peak MiB']):.2f}"}
    )
    return [{name: row.get(name, "") for name in found[0]} for row in found]


def resume(scale: float) -> dict:
    """segment_dataset killed with -9 three times, then let end."""
    rows = int(5000 * scale)
    case = Case(name="resume", rows=rows, workers=64, service_s=0.2)
    with tempfile.TemporaryDirectory() as name, service(case) as (url, look):
        frame = make_frame(Path(name) / "images", rows)
        frame.to_parquet(Path(name) / "in.parquet")
        arguments = (url, f"{name}/in.parquet", f"{name}/out", f"{name}/store", 500)
        for part in (0.2, 0.5, 0.8):
            asked = child(*arguments)
            while look()[0].accepted < part * rows:
                time.sleep(0.05)
            asked.kill()
            asked.communicate()
        child(*arguments).communicate()
        counters, jobs = look()
        out = samframe.read_parquet(f"{name}/out")
        whole = frame.sam.segment(
            client=samframe.Client(KEY, base_url=url), store=f"{name}/store", progress=False
        )
        status = out["status"].value_counts()
    return {
        "rows": f"{rows:,}",
        "killed": 3,
        "stored": f"{int(status['completed']):,}",
        "in doubt": int(status["in_doubt"]),
        "jobs accepted": f"{counters.accepted:,}",
        "paid twice": paid_twice(jobs),
        "as one frame gives it": out["prompt"].tolist() == frame["prompt"].tolist()
        and out["mask"].array.equals(whole["mask"].array),
    }


def many_masks(rows: int) -> MaskArray:
    """Return different rounded shapes of 640 x 480 pixels, a few to a few hundred runs each."""
    rng = np.random.default_rng(0)
    masks = []
    for x, y, width, height in rng.integers(2, 240, (rows, 4)).tolist():
        heights = 1 + (height * np.sin(np.linspace(0.1, 3.0, width))).astype(np.int64)
        runs = np.stack([480 - np.roll(heights, 1), heights], axis=1).ravel()
        runs[0] = 480 * x + y
        counts = counts_from_runs([*runs, 480 * 640 - runs.sum()])
        masks.append(Mask.from_coco({"size": [480, 640], "counts": counts}))
    return MaskArray.from_masks(masks)


def moved(part: pd.DataFrame) -> pd.DataFrame:
    """Return a partition as it comes from elsewhere: nothing is known of its masks but their runs."""
    return pickle.loads(pickle.dumps(part))  # noqa: S301 - its own


def groups(scale: float) -> list[dict]:
    """Unions per image, the sum of areas and a Parquet round trip of many masks, in Dask beside pandas."""
    rows = int(100_000 * scale)
    frame = pd.DataFrame(
        {"image": [f"{number // 10}.png" for number in range(rows)], "mask": many_masks(rows)}
    )
    ddf = dd.from_pandas(frame, npartitions=8, sort=False)
    ddf = ddf.map_partitions(moved, meta=ddf._meta).persist(scheduler="threads")
    with tempfile.TemporaryDirectory() as name:
        one, many = Path(name) / "one.parquet", Path(name) / "many"

        def union_pandas():
            return frame["mask"].sam.union(by=frame["image"])

        def union_lambda():
            return frame.groupby("image")["mask"].agg(lambda masks: masks.sam.union())

        def union_dask():
            return ddf.groupby("image")["mask"].agg(samframe.dask.union).compute().sort_index()

        def areas_pandas():
            return frame["mask"].sam.area.sum()

        def areas_dask():
            return ddf["mask"].sam.area.sum().compute()

        def parquet_pandas():
            samframe.to_parquet(frame, one)
            return samframe.read_parquet(one)["mask"]

        def parquet_dask():
            ddf.sam.to_parquet(many, overwrite=True)
            return samframe.dask.read_parquet(many)["mask"].compute()

        work = {
            "union per image": (union_pandas, union_dask),
            "union per image, by groupby's agg(lambda)": (union_lambda, None),
            "sum of areas": (areas_pandas, areas_dask),
            "Parquet round trip": (parquet_pandas, parquet_dask),
        }
        found = []
        with dask.config.set(scheduler="threads"):
            for what, (plain, lazy) in work.items():
                began = time.perf_counter()
                expected = plain()
                middle = time.perf_counter()
                answer = expected if lazy is None else lazy()
                ended = time.perf_counter()
                found.append(
                    {
                        f"{rows:,} masks": what,
                        "pandas s": f"{middle - began:.2f}",
                        "Dask s, 8 partitions in threads": "" if lazy is None else f"{ended - middle:.2f}",
                        "equal": "" if lazy is None else bool(np.all(expected == answer)),
                    }
                )
    return found


def measure(rows: int, per_minute: int) -> dict[str, float]:
    """Segment so many distinct rows in one process; return what it took."""
    case = Case(name="long", rows=rows, workers=256, service_s=1.7, variants=None)
    with tempfile.TemporaryDirectory() as name, service(case) as (url, look):
        make_frame(Path(name) / "images", rows).to_parquet(Path(name) / "in.parquet", row_group_size=10_000)
        asked = child(url, f"{name}/in.parquet", f"{name}/out", f"{name}/store", 2000, per_minute)
        _, _, seconds, cpu = map(float, asked.communicate()[0].split())
        counters, jobs = look()
        store, out = Path(name, "store"), Path(name, "out", "data")
        return {
            "seconds": seconds,
            "cpu": cpu,
            "requests": counters.requests,
            "usd": counters.billed * PRICE_USD,
            "twice": paid_twice(jobs),
            "ledger": sum(file.stat().st_size for file in store.glob("ledger.sqlite3*")),
            "artifacts": sum(
                file.stat().st_size for file in (store / "artifacts").rglob("*") if file.is_file()
            ),
            "parts": sum(file.stat().st_size for file in out.iterdir()),
        }


def arithmetic(scale: float, per_minute: int) -> list[dict]:
    """A small sample, what it says of twenty times as many rows, those measured, and ten million."""
    rows = int(100_000 * scale)
    small, ten_million = rows // 20, 10_000_000
    sample = measure(small, per_minute)
    predicted = simulate(rows, per_minute, sample, small, per_minute)
    measured = measure(rows, per_minute)
    off = {
        name: f"{measured[name] / predicted[name]:.2f}"
        for name in ("seconds", "cpu", "requests", "usd", "ledger")
    }
    print("\nmeasured / simulated: " + ", ".join(f"{name} {ratio}" for name, ratio in off.items()))
    print(f"paid twice: {measured['twice']}")
    far = [(limit, simulate(ten_million, limit, measured, rows, per_minute)) for limit in (1000, 6000)]
    return [
        shown(f"measured, {per_minute:,} a minute", small, sample),
        shown(f"simulated, {per_minute:,} a minute", rows, predicted),
        shown(f"measured, {per_minute:,} a minute", rows, measured),
        *(shown(f"simulated, {limit:,} a minute", ten_million, figures) for limit, figures in far),
    ]


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        segment_table(*sys.argv[2:])
        return
    os.environ.setdefault("SEGMIND_API_KEY", KEY)
    parts = {
        "cluster": lambda scale: table(
            f"4 workers, 40 partitions, {arguments.per_minute:,} requests a minute",
            [cluster(scale, arguments.per_minute)],
        ),
        "learned": lambda scale: table(
            f"The same, the limit of {arguments.per_minute:,} not told",
            [cluster(scale, arguments.per_minute, given=False)],
        ),
        "kill": lambda scale: table(
            "One of four workers killed with -9", killed(scale, arguments.per_minute)
        ),
        "memory": lambda scale: table("segment_dataset: peak memory", memory(scale)),
        "resume": lambda scale: table("segment_dataset: killed with -9 and resumed", [resume(scale)]),
        "groups": lambda scale: table("Groups, sums and Parquet", groups(scale)),
        "arithmetic": lambda scale: table(
            "One process, as simulated and as measured", arithmetic(scale, arguments.per_minute)
        ),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(parts))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--per-minute", type=int, default=PER_MINUTE, help="the account's limit")
    arguments = parser.parse_args()
    for part in arguments.parts:
        parts[part](arguments.scale)


if __name__ == "__main__":
    main()
