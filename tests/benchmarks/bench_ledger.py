"""The ledger at size: planning a million rows, a hundred thousand stored rows back, and its cost a row."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import samframe
from samframe.frame._options import CallOptions
from samframe.frame._work import Work
from samframe.jobs import Ledger
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


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        big = frame_of(1_000_000, 15_000)
        started = time.monotonic()
        plan = big.sam.plan(client=CLIENT, store=Path(name) / "plan")
        seconds = time.monotonic() - started
        print(f"| 1,000,000 rows with 15,000 distinct planned ({plan.to_pay:,} to pay) | {seconds:.1f} s |")

        rows = 100_000
        df = frame_of(rows, rows)
        cpu = fill(Path(name) / "stored", df)
        print(f"| CPU of the ledger's four writes a row | {1000 * cpu / rows:.2f} ms |")
        started = time.monotonic()
        out = df.sam.segment(client=CLIENT, store=Path(name) / "stored", progress=False)
        assert (out["status"] == "completed").all()
        assert not samframe.last_run().progress.calls
        print(f"| 100,000 stored rows back, 0 requests | {time.monotonic() - started:.1f} s |")


if __name__ == "__main__":
    main()
