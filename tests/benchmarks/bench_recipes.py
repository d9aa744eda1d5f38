"""The recipes of docs/scale.md for other engines, run as they stand: rows with a mask, jobs paid, jobs paid twice.

`python tests/benchmarks/bench_recipes.py ray spark`, each where its package is installed (Spark needs Java too). Ray
gives up its own start on a machine that is busy, so this is no test of the suite.
"""

from __future__ import annotations

import collections
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset
from PIL import Image

from samframe.server import DrawnEngine, LocalServer, ServerConfig

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "scale.md"
RECIPE = re.compile(r"^```\{code-block\} python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run(engine: str, folder: Path) -> str:
    """Run the recipe of an engine on sixty rows of which forty are distinct, and return its figures."""
    for shade in range(5):
        Image.fromarray(np.full((16, 16, 3), 40 * shade, np.uint8)).save(folder / f"{shade}.png")
    numbers = [number % 40 for number in range(60)]
    images, prompts = [str(folder / f"{n % 5}.png") for n in numbers], [f"thing {n}" for n in numbers]
    pd.DataFrame({"image": images, "prompt": prompts}).to_parquet(folder / "rows.parquet")
    recipe = next(found for found in RECIPE.findall(PAGE.read_text(encoding="utf-8")) if engine in found)
    (folder / "recipe.py").write_text(recipe)
    config = ServerConfig(engine=DrawnEngine(variants=8), workers=16, latency_s=0.05, price_usd=0.002)
    with LocalServer(config) as server:
        environment = {
            **os.environ,
            "SEGMIND_API_KEY": "SG_0123456789abcdef",
            "SEGMIND_BASE_URL": server.base_url,
            "SAMFRAME_STORE": str(folder / "store"),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        ran = subprocess.run(
            [sys.executable, "recipe.py"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            return f"failed: {ran.stderr.strip().splitlines()[-1]}"
        paid = collections.Counter(job.prompt for job in server.jobs)
    table = pyarrow.dataset.dataset(folder / f"{engine}-masks", format="parquet").to_table(columns=["mask"])
    masks = table.num_rows - table["mask"].null_count
    return f"{masks} of 60 rows with a mask, {sum(paid.values())} jobs paid, {sum(paid.values()) - len(paid)} twice"


def main() -> None:
    for engine in sys.argv[1:] or ["ray", "spark"]:
        with tempfile.TemporaryDirectory() as name:
            print(f"{engine}: {run(engine, Path(name))}", flush=True)


if __name__ == "__main__":
    main()
