"""The package as a whole: what its import loads, what it offers, what its wheel holds."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
import pytest

import samframe

ROOT = Path(__file__).resolve().parent.parent
HEAVY = [
    "IPython", "PIL", "anywidget", "dask", "datasets", "httpx", "httpx2", "ipywidgets", "matplotlib", "starlette",
    "tqdm", "uvicorn",
]  # fmt: skip


def loaded_after(statement: str) -> set[str]:
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout))


def run(code: str, cwd: Path = ROOT) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd
    ).stdout


def test_import_loads_nothing_heavy():
    """``import samframe`` loads what pandas and pyarrow load by themselves, and two modules of its own."""
    loaded = loaded_after("import samframe") - loaded_after("import pandas, pyarrow")

    assert not loaded & set(HEAVY)
    assert {name for name in loaded if name.startswith("samframe")} == {"samframe", "samframe._pandas"}


def test_accessors_are_there_after_the_import():
    """The import alone registers ``df.sam`` and ``Series.sam``."""
    assert hasattr(pd.DataFrame, "sam")
    assert hasattr(pd.Series, "sam")


def test_public_names_exist_in_order():
    """Every name that is listed can be had, and the list is sorted and what ``dir`` shows."""
    missing = [name for name in samframe.__all__ if getattr(samframe, name, None) is None]

    assert missing == []
    assert samframe.__all__ == sorted(samframe.__all__) == dir(samframe)


def test_a_name_that_is_not_there_is_an_attribute_error():
    """A typing error is told as Python tells it."""
    with pytest.raises(AttributeError, match="segmnt"):
        samframe.segmnt  # noqa: B018 - the access is the test


def test_the_accessors_complete_and_explain_before_they_are_used():
    """``pd.DataFrame.sam`` stands for the class that it will be: its methods, its docstring, its address."""
    assert {"segment", "plan", "view"} <= set(dir(pd.DataFrame.sam))
    assert "rows" in pd.DataFrame.sam.segment.__doc__.lower()
    assert repr(pd.Series.sam) == "<class 'samframe.frame.series.SeriesSam'>"


def test_masks_are_read_right_after_the_import(tmp_path):
    """``astype("mask")``, our Parquet files through pandas, and pickled masks, each in a process of its own."""
    masks = pd.Series([samframe.Mask.from_numpy([[True, False]]), None], dtype="mask")
    pd.DataFrame({"mask": masks}).sam.to_parquet(tmp_path / "masks.parquet")
    masks.to_pickle(tmp_path / "masks.pickle")
    tell = "print(s.dtype, s.sam.area.tolist())"

    by_name = run(
        f"import samframe, pandas as pd; s = pd.Series([None], dtype=object).astype('mask'); {tell}"
    )
    by_file = run(
        f"import samframe, pandas as pd; s = pd.read_parquet('masks.parquet')['mask'].astype('mask'); {tell}",
        tmp_path,
    )
    by_pickle = run(f"import pandas as pd; s = pd.read_pickle('masks.pickle'); {tell}", tmp_path)

    assert by_name == "mask [<NA>]\n"
    assert by_file == by_pickle == "mask [1, <NA>]\n"


def test_version_is_the_metadatas():
    """The version is written in one place."""
    try:
        installed = version("samframe")
    except PackageNotFoundError:
        installed = samframe.__version__  # run from the source tree, without being installed

    assert installed == samframe.__version__


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory):
    """The names of the files in a wheel that is built from this tree."""
    builder = pytest.importorskip("hatchling.builders.wheel")
    folder = tmp_path_factory.mktemp("wheel")
    path = next(iter(builder.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))
    with zipfile.ZipFile(path) as wheel:
        return wheel.namelist()


@pytest.mark.parametrize(
    "name",
    [
        "samframe/py.typed",
        "samframe/__init__.pyi",
        "samframe/__main__.py",
        "samframe/testing/photos/coffee.jpg",
        "samframe/testing/photos/chelsea.jpg",
        "samframe/testing/photos/CREDITS.md",
    ],
)
def test_wheel_holds(name, wheel_names):
    """Types, photographs and their credits ship in the wheel."""
    assert name in wheel_names


def test_wheel_holds_the_licence(wheel_names):
    """The licence's text ships in the wheel."""
    assert any(name.endswith("/licenses/LICENSE") for name in wheel_names)


def test_wheel_holds_nothing_else(wheel_names):
    """Tests and docs stay out of the wheel; the notebooks lie inside of the package."""
    assert {name.split("/")[0].split("-")[0] for name in wheel_names} == {"samframe"}
