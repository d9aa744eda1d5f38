"""``samframe demo --notebook``: the notebooks and their data are copied, and the first is opened where it can be."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from samframe.cli import demo_notebook

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["01_quickstart.ipynb", "02_triage_and_correct.ipynb", "03_export_and_train.ipynb"]


def test_copies_notebooks_and_photographs(samframe, tmp_path):
    """All notebooks, which link to each other, and the photographs lie in the folder."""
    ran = samframe("demo", "--notebook", "--no-open", "--out", tmp_path / "new")

    assert ran.status == 0
    assert sorted(path.name for path in (tmp_path / "new").glob("*.ipynb")) == NAMES
    assert sorted(path.name for path in (tmp_path / "new" / "photos").iterdir()) == [
        "chelsea.jpg",
        "coffee.jpg",
    ]
    assert "jupyter lab" in ran.out


def test_keeps_what_the_user_changed(samframe, tmp_path):
    """A notebook that is there already is not written over."""
    (tmp_path / NAMES[0]).write_text("mine", "utf-8")
    ran = samframe("demo", "--notebook", "--no-open", "--out", tmp_path)

    assert (tmp_path / NAMES[0]).read_text("utf-8") == "mine"
    assert f"kept   {tmp_path / NAMES[0]}" in ran.out
    assert nbformat.read(tmp_path / NAMES[1], as_version=4).cells


def test_opens_the_first_in_jupyterlab(samframe, tmp_path, monkeypatch):
    """JupyterLab of the same environment is started with the quickstart; its end is the command's end."""
    started = []
    monkeypatch.setattr(
        demo_notebook.subprocess,
        "run",
        lambda line, **options: started.append(line) or subprocess.CompletedProcess(line, 0),
    )
    ran = samframe("demo", "--notebook", "--out", tmp_path)

    assert ran.status == 0
    assert started == [[sys.executable, "-m", "jupyterlab", str(tmp_path / NAMES[0])]]


def test_says_what_to_install(samframe, tmp_path, monkeypatch):
    """Without any Jupyter the notebooks are copied all the same, and the extra is named."""
    monkeypatch.setattr(demo_notebook, "APPLICATIONS", ("no_such_application",))
    ran = samframe("demo", "--notebook", "--out", tmp_path)

    assert ran.status == 0
    assert "pip install 'samframe[notebooks]'" in ran.out
    assert (tmp_path / NAMES[0]).is_file()


def test_names_the_place_where_they_are_missing(samframe, tmp_path, monkeypatch):
    """An installation without notebooks says where they are."""
    monkeypatch.setattr(demo_notebook, "FIRST", "no such.ipynb")
    ran = samframe("demo", "--notebook", "--no-open", "--out", tmp_path)

    assert ran.status == 2
    assert "https://github.com/samframe/samframe" in ran.err


@pytest.mark.slow
def test_the_wheel_has_them(tmp_path):
    """What is installed by pip holds the notebooks, once."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(".ipynb")]

    assert sorted(names) == [f"samframe/cli/notebooks/{name}" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_names_what_it_needs(name):
    """The extra stands in the first cell."""
    first = nbformat.read(ROOT / "notebooks" / name, as_version=4).cells[0].source

    assert "pip install 'samframe[notebooks]'" in first
