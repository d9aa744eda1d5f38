"""What users would pick for the main job, each as one run in a process of its own.

`python _contenders.py NAME URL FOLDER ROWS`
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

KEY = "SG_0123456789abcdef"
THREADS = 32
IN_DOUBT: list[int] = []


def rows_of(folder: Path, count: int) -> list[tuple[Path, str]]:
    """Return (image file, prompt) rows: few files, a prompt of its own for each row."""
    images = sorted(folder.glob("*.jpg"))
    return [(images[index % len(images)], f"thing {index}") for index in range(count)]


def decode(data: bytes) -> int:
    """Return a mask's area, from the bytes of its file."""
    return int((np.asarray(Image.open(io.BytesIO(data)).convert("L")) > 127).sum())


def sdk_threads(url: str, rows, *, retries: int = 0) -> int:
    """The official SDK in 32 threads, each row tried again at any exception."""
    import httpx
    from segmind import SegmindClient

    client = SegmindClient(api_key=KEY, base_url=f"{url}/v1")
    files = httpx.Client()

    def one(row) -> bool:
        path, prompt = row
        for attempt in range(retries + 1):
            try:
                image = base64.b64encode(path.read_bytes()).decode()
                result = client.run("sam-v2-image", image=image, prompt=prompt, overlay_mask=False)
                decode(files.get(result["output"]).raise_for_status().content)
            except Exception:
                if attempt == retries:
                    return False
                time.sleep(min(2.0**attempt, 30.0))
            else:
                return True
        return False

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(one, rows))


def naive_asyncio(url: str, rows, *, retries: int = 0, at_once: int = 256) -> int:
    """Asyncio and httpx with a semaphore and a poll every second, each row tried again at any exception."""
    import httpx

    async def one(client, gate, row) -> bool:
        path, prompt = row
        async with gate:
            for attempt in range(retries + 1):
                try:
                    await post_and_poll(client, url, path, prompt)
                except Exception:
                    if attempt == retries:
                        return False
                    await asyncio.sleep(min(2.0**attempt, 30.0))
                else:
                    return True
        return False

    async def main() -> int:
        gate = asyncio.Semaphore(at_once)
        async with httpx.AsyncClient(headers={"x-api-key": KEY}, timeout=30) as client:
            return sum(await asyncio.gather(*(one(client, gate, row) for row in rows)))

    return asyncio.run(main())


async def post_and_poll(client, url: str, path: Path, prompt: str) -> int:
    """Return the area of one row's mask: a submit, a poll every second, a download; as users write it."""
    image = base64.b64encode(path.read_bytes()).decode()  # noqa: ASYNC240 - as users write it
    body = {"image": image, "prompt": prompt, "overlay_mask": False}
    answer = (await client.post(f"{url}/v2/sam-v2-image", json=body)).raise_for_status().json()
    job = f"{url}/v2/requests/{answer['request_id']}"
    while (await client.get(f"{job}/status")).raise_for_status().json()["status"] != "COMPLETED":
        await asyncio.sleep(1.0)
    result = (await client.get(job)).raise_for_status().json()
    return decode((await client.get(result["output"])).raise_for_status().content)


def daft_udf(url: str, rows) -> int:
    """An async function of Daft over the column of paths."""
    import daft
    import httpx

    clients: dict[int, httpx.AsyncClient] = {}

    @daft.func(return_dtype=daft.DataType.int64())
    async def area(path: str, prompt: str) -> int:
        loop = id(asyncio.get_running_loop())
        client = clients.setdefault(loop, httpx.AsyncClient(headers={"x-api-key": KEY}, timeout=30))
        try:
            return await post_and_poll(client, url, Path(path), prompt)
        except Exception:
            return -1

    frame = daft.from_pydict({"path": [str(path) for path, _ in rows], "prompt": [text for _, text in rows]})
    areas = frame.with_column("area", area(frame["path"], frame["prompt"])).to_pydict()["area"]
    return sum(value is not None and value >= 0 for value in areas)


def samframe_segment(url: str, rows, *, store: Path, rate_limit: float | None = None) -> int:
    """df.sam.segment, ledger and artifacts on the disk."""
    import pandas as pd

    import samframe

    frame = pd.DataFrame(rows, columns=["image", "prompt"])
    client = samframe.Client(KEY, base_url=url, rate_limit=rate_limit)
    out = frame.sam.segment(client=client, store=store, progress=False)
    IN_DOUBT.append(int((out["status"] == "in_doubt").sum()))
    return int((out["status"] == "completed").sum())


def main() -> None:
    name, url, folder, count, *rest = sys.argv[1:]
    rows = rows_of(Path(folder), int(count))
    import pandas as pd  # noqa: F401 - the interpreter that memory is compared with has it

    if name.startswith("samframe"):
        import samframe  # noqa: F401
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, cpu = time.monotonic(), time.process_time()
    match name:
        case "sdk":
            done = sdk_threads(url, rows)
        case "sdk-retries":
            done = sdk_threads(url, rows, retries=int(rest[0]) if rest else 3)
        case "asyncio":
            done = naive_asyncio(url, rows)
        case "asyncio-retries":
            done = naive_asyncio(url, rows, retries=int(rest[0]) if rest else 3)
        case "daft":
            done = daft_udf(url, rows)
        case "samframe":
            done = samframe_segment(url, rows, store=Path(folder) / "store")
        case "samframe-limit":
            done = samframe_segment(url, rows, store=Path(folder) / "store", rate_limit=float(rest[0]))
    seconds, cpu_s = time.monotonic() - started, time.process_time() - cpu
    peak_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    told = sum(IN_DOUBT)
    print(
        json.dumps({"done": done, "seconds": seconds, "cpu_s": cpu_s, "peak_mib": peak_mib, "in_doubt": told})
    )


if __name__ == "__main__":
    main()
