"""The recipes of docs/scale.md for Ray and Spark, run as they stand on the page against a service that bills.

Asked for by name, as neither engine is a dependency: `pip install 'ray[data]' pyspark`, Java for Spark, then
`pytest tests/recipes`.
"""

from __future__ import annotations

import collections
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest
from PIL import Image

import samframe
from samframe.server import DrawnEngine, LocalServer, ServerConfig

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "scale.md"
RECIPE = re.compile(r"^```\{code-block\} python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def rows(tmp_path):
    """Sixty rows of which forty are distinct, in the folder where the recipe runs."""
    for shade in range(5):
        Image.fromarray(np.full((16, 16, 3), 40 * shade, np.uint8)).save(tmp_path / f"{shade}.png")
    numbers = [number % 40 for number in range(60)]
    frame = pd.DataFrame(
        {
            "image": [str(tmp_path / f"{n % 5}.png") for n in numbers],
            "prompt": [f"thing {n}" for n in numbers],
        }
    )
    frame.to_parquet(tmp_path / "rows.parquet")
    return frame


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("spark", "pyspark")])
def test_recipe_gives_every_row_a_mask_and_pays_once(engine, package, rows, tmp_path):
    """Workers of one machine: all rows have a mask, each distinct one was paid for once."""
    pytest.importorskip(package)
    recipe = next(found for found in RECIPE.findall(PAGE.read_text(encoding="utf-8")) if engine in found)
    (tmp_path / "recipe.py").write_text(recipe)
    config = ServerConfig(engine=DrawnEngine(variants=8), workers=16, latency_s=0.05, price_usd=0.002)
    with LocalServer(config) as server:
        environment = {
            **os.environ,
            "SEGMIND_API_KEY": "SG_0123456789abcdef",
            "SEGMIND_BASE_URL": server.base_url,
            "SAMFRAME_STORE": str(tmp_path / "store"),
            "PYSPARK_PYTHON": sys.executable,
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        ran = subprocess.run(
            [sys.executable, "recipe.py"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=360,
        )
        paid = collections.Counter(job.prompt for job in server.jobs)
    assert ran.returncode == 0, ran.stderr[-2000:]
    written = samframe.from_arrow(
        pyarrow.dataset.dataset(tmp_path / f"{engine}-masks", format="parquet").to_table()
    )
    masks = written["mask"]
    if engine == "spark":  # as the page says
        masks = masks.map(json.loads, na_action="ignore").astype("mask")

    assert sorted(written["prompt"]) == sorted(rows["prompt"])
    assert (masks.sam.area > 0).all()
    assert paid == {f"thing {number}": 1 for number in range(40)}
