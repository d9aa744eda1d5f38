"""The ledger at size: planning a million rows, a hundred thousand stored rows back, and its cost a row.

`python tests/benchmarks/bench_ledger.py`: about three minutes, most of them to fill the ledger.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _service import Case, service

import samframe
from samframe.frame.call.options import CallOptions
from samframe.frame.call.work import Work
from samframe.jobs import Ledger, Session
from samframe.masks import Mask
from samframe.segmind import Metrics

CLIENT = samframe.Client("SG_0123456789abcdef")


def frame_of(rows: int, distinct: int) -> pd.DataFrame:
    """Return rows of image URLs and prompts, of which ``distinct`` differ."""
    numbers = np.random.default_rng(0).permutation(rows) % distinct
    names = np.array([f"https://example.org/{number}.jpg" for number in range(distinct)], dtype=object)
    prompts = np.array([f"thing {number % 97}" for number in range(distinct)], dtype=object)
    return pd.DataFrame({"image": names[numbers], "prompt": prompts[numbers]})


def fill(store: Path, df: pd.DataFrame) -> float:
    """Put a finished job for each row into the ledger, as runs would; return the seconds of CPU that took."""
    work = Work(df, CallOptions(client=CLIENT, store=store), dry=True)
    work.plan()
    mask = Mask.from_numpy(np.eye(64, dtype=bool))

    async def main() -> None:
        with Ledger(store) as ledger:
            jobs = work._session._jobs

            async def live(job) -> None:
                intent = {
                    "base": CLIENT.identity,
                    "body_hash": "0" * 64,
                    "consent": "run",
                    "fingerprint": None,
                }
                await ledger.claim(job, **intent, from_states=frozenset())
                await ledger.submitted(job.key, job.key[:36])
                await ledger.completed(job.key, "{}", metrics=Metrics(cost=0.002), engine=None)
                await ledger.stored(job.key, artifact=job.key, size=100, mask=mask, note=None)

            for start in range(0, len(jobs), 256):
                await asyncio.gather(*(live(job) for job in jobs[start : start + 256]))

    cpu = time.process_time()
    asyncio.run(main())
    return time.process_time() - cpu


class NoLedger(Ledger):
    """A ledger that keeps nothing: what a run costs without one."""

    async def claim(self, job, **intent) -> int:
        return 1

    def submitted(self, key, request_id):
        done = asyncio.get_running_loop().create_future()
        done.set_result(True)
        return done

    async def completed(self, key, result, **facts) -> None:
        pass

    async def stored(self, key, **facts) -> None:
        pass


def run_cpu_ms(ledger: type[Ledger], rows: int) -> float:
    """Return the CPU of a run of small images on a service in another process, in ms a row."""
    images = [np.full((16, 16, 3), number % 251, dtype=np.uint8) for number in range(rows)]
    df = pd.DataFrame({"image": images, "prompt": [f"thing {number}" for number in range(rows)]})
    case = Case(name="ledger", rows=rows, workers=64, service_s=0.2)
    with tempfile.TemporaryDirectory() as name, service(case) as (url, _):
        client = samframe.Client("SG_0123456789abcdef", base_url=url)
        cpu = time.process_time()
        Session.__init__.__kwdefaults__["open_ledger"] = ledger
        out = df.sam.segment(client=client, store=name, progress=False)
        assert (out["status"] == "completed").all()
        return 1000 * (time.process_time() - cpu) / rows


def main() -> None:
    print("| | |\n| --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        big = frame_of(1_000_000, 15_000)
        started = time.monotonic()
        plan = big.sam.plan(client=CLIENT, store=Path(name) / "plan")
        seconds = time.monotonic() - started
        print(
            f"| 1,000,000 rows with {plan.to_pay:,} distinct planned (goal 5 s) | {seconds:.1f} s |",
            flush=True,
        )

        rows = 100_000
        df = frame_of(rows, rows)
        cpu = fill(Path(name) / "stored", df)
        print(
            f"| CPU of the ledger's four writes a row (goal 1 ms) | {1000 * cpu / rows:.2f} ms |", flush=True
        )
        started, cpu = time.monotonic(), time.process_time()
        out = df.sam.segment(client=CLIENT, store=Path(name) / "stored", progress=False)
        seconds, cpu = time.monotonic() - started, time.process_time() - cpu
        assert (out["status"] == "completed").all()
        assert not samframe.last_run().progress.calls
        print(
            f"| 100,000 stored rows back, 0 requests (goal 5 s) | {seconds:.1f} s, {cpu:.1f} s of CPU |",
            flush=True,
        )
    run_cpu_ms(Ledger, 50)  # imports and first connections
    without, with_ledger = run_cpu_ms(NoLedger, 400), run_cpu_ms(Ledger, 400)
    print(f"| CPU a row of a run without a ledger | {without:.1f} ms |")
    print(f"| CPU a row of the same run with it | {with_ledger:.1f} ms |")


if __name__ == "__main__":
    main()
