"""What other programs see in samframe's Parquet files: each in a process of its own that never imports samframe."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest

from samframe.export import read_parquet, write_parquet
from samframe.masks import Mask

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def masks():
    rng = np.random.default_rng(0)
    return [Mask.from_numpy(rng.random((20, 30)) < density) for density in (0.1, 0.5, 0.9)]


@pytest.fixture
def path(tmp_path, masks):
    frame = pd.DataFrame({"image": list("abcd"), "mask": pd.array([*masks, None], dtype="mask")})
    write_parquet(frame, tmp_path / "masks.parquet")
    return tmp_path / "masks.parquet"


@pytest.fixture
def see(path):
    """Run a program in a fresh process; it has `path` and `decode`, and prints its `result` as JSON."""

    def run(program):
        code = f"""
import json, sys
path = {str(path)!r}

def decode(mask):
    from pycocotools import mask as coco
    counts = mask["counts"]
    return coco.decode({{"size": [int(mask["h"]), int(mask["w"])], "counts": counts}})

{textwrap.dedent(program)}
assert not any(name.split(".")[0] == "samframe" for name in sys.modules)
print(json.dumps(result))
"""
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=path.parent, check=False
        )

        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_pandas(see, masks):
    """A pandas without samframe sees dicts of whole numbers and bytes, None where missing; areas nullable."""
    seen = see("""
        import pandas as pd
        df = pd.read_parquet(path)
        first = df["mask"][0]
        result = {
            "columns": list(df), "dtype": str(df["mask"].dtype), "types": [type(v).__name__ for v in first.values()],
            "missing": df["mask"].isna().tolist(), "areas": [int(decode(m).sum()) for m in df["mask"][:3]],
            "area": [None if a is pd.NA else int(a) for a in df["mask_area"]], "area_dtype": str(df["mask_area"].dtype),
        }
    """)

    areas = [mask.area for mask in masks]
    assert seen == {
        "columns": ["image", "mask", "mask_area", "mask_bbox"],
        "dtype": "object",
        "types": ["int", "int", "bytes"],
        "missing": [False, False, False, True],
        "areas": areas,
        "area": [*areas, None],
        "area_dtype": "Int64",
    }


def test_polars(see, masks):
    """A polars frame has a struct, no opaque extension, filters by area and box, and can write the file on."""
    seen = see("""
        import polars as pl
        df = pl.read_parquet(path)
        wanted = pl.col("mask_area") > 200, pl.col("mask_bbox").struct.field("x") == 0
        big = pl.scan_parquet(path).filter(*wanted).collect()
        df.write_parquet("polars.parquet")
        result = {
            "dtype": str(df.schema["mask"]), "missing": df["mask"].is_null().to_list(),
            "areas": [int(decode(m).sum()) for m in df["mask"][:3]], "big": big["image"].to_list(),
        }
    """)

    assert seen["dtype"] == "Struct({'h': Int32, 'w': Int32, 'counts': Binary})"
    assert seen["missing"] == [False, False, False, True]
    assert seen["areas"] == [mask.area for mask in masks]
    assert seen["big"] == ["b", "c"]


def test_duckdb(see, masks):
    """DuckDB sees a struct with named fields, and queries sizes, areas and boxes in SQL."""
    seen = see("""
        import duckdb
        kind = duckdb.sql(f"describe select mask from '{path}'").fetchall()[0][1]
        rows = duckdb.sql(f"select mask.h, mask.w, mask_area, mask_bbox.width from '{path}' order by image").fetchall()
        first = duckdb.sql(f"select mask from '{path}' order by image").fetchall()[0][0]
        duckdb.sql(f"copy (select * from '{path}' order by image) to 'duckdb.parquet' (format parquet)")
        result = {"kind": kind, "rows": rows, "area": int(decode(first).sum())}
    """)

    assert seen["kind"] == "STRUCT(h INTEGER, w INTEGER, counts BLOB)"
    assert seen["rows"] == [*([20, 30, mask.area, mask.bbox_xywh[2]] for mask in masks), [None] * 4]
    assert seen["area"] == masks[0].area


def test_hugging_face_datasets(see, masks):
    """Hugging Face datasets load the file as it is, each mask a dict that pycocotools decodes."""
    pytest.importorskip("datasets")
    seen = see("""
        import datasets
        datasets.disable_progress_bars()
        ds = datasets.Dataset.from_parquet(path, cache_dir="cache")
        result = {
            "features": sorted(ds.features["mask"]), "columns": ds.column_names,
            "areas": [int(decode(m).sum()) for m in list(ds["mask"])[:3]], "missing": list(ds["mask"])[3],
        }
    """)

    assert seen["missing"] is None
    assert seen["features"] == ["counts", "h", "w"]
    assert seen["columns"] == ["image", "mask", "mask_area", "mask_bbox"]
    assert seen["areas"] == [mask.area for mask in masks]


@pytest.mark.parametrize(
    "program",
    [
        "import polars as pl; pl.read_parquet(path).write_parquet('again.parquet')",
        "import duckdb; duckdb.sql(f\"copy (from '{path}') to 'again.parquet'\")",
        "import pandas as pd; pd.read_parquet(path).to_parquet('again.parquet')",
        "import pyarrow.parquet as pq; pq.write_table(pq.read_table(path), 'again.parquet')",
    ],
    ids=["polars", "duckdb", "pandas", "pyarrow"],
)
def test_files_that_others_wrote_on_come_back(see, path, masks, program):
    """What another program read and wrote again has its masks, missing ones too."""
    see(program + "; result = None")

    result = read_parquet(path.parent / "again.parquet")

    assert result["mask"].tolist() == [*masks, pd.NA]
