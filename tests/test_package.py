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


@pytest.mark.parametrize("module", HEAVY)
def test_import_does_not_load(module, request):
    """``import samframe`` loads no heavy or optional module that pandas and pyarrow do not load by themselves."""
    cache = request.config.stash.setdefault(LOADED, [])
    if not cache:
        cache.append(loaded_after("import samframe") - loaded_after("import pandas, pyarrow"))

    assert module not in cache[0]


LOADED: pytest.StashKey[list[set[str]]] = pytest.StashKey()


def test_accessors_are_there_after_the_import():
    """The import alone registers ``df.sam`` and ``Series.sam``."""
    assert hasattr(pd.DataFrame, "sam")
    assert hasattr(pd.Series, "sam")


@pytest.mark.parametrize("name", samframe.__all__)
def test_public_name_exists(name):
    """Every name that is listed can be had."""
    assert getattr(samframe, name) is not None


def test_public_names_are_sorted():
    """The list of public names is in order, so that two changes to it meet in the right place."""
    assert samframe.__all__ == sorted(samframe.__all__)


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
    """Tests, docs and notebooks stay out of the wheel."""
    assert {name.split("/")[0].split("-")[0] for name in wheel_names} == {"samframe"}
