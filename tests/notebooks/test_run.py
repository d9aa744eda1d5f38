"""Notebooks run from top to bottom in a kernel, offline, and leave no error behind."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = [
    # jupyter_client and its event loop speak up while a kernel is shut down.
    pytest.mark.filterwarnings("default"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def executed(notebook, tmp_path_factory):
    """The notebook after it ran in a folder of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    book = nbformat.read(notebook, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.delenv("MPLBACKEND")  # the kernel draws inline
        resources = {"metadata": {"path": str(folder)}}
        nbclient.NotebookClient(book, timeout=240, kernel_name="python3", resources=resources).execute()
    return book


def outputs(book, kind):
    return [output for cell in book.cells for output in cell.get("outputs", []) if output.output_type == kind]


def test_runs_and_says_nothing_wrong(executed):
    """Every cell runs, and nothing is written to standard error."""
    errors = [output.text for output in outputs(executed, "stream") if output.name == "stderr"]

    assert errors == []


def test_shows_pictures(executed):
    """What is plotted is shown below its cell, once."""
    pictures = [output for output in outputs(executed, "display_data") if "image/png" in output.data]
    drawing = [cell for cell in executed.cells if ".plot(" in cell.source or "subplots(" in cell.source]

    assert len(pictures) == len(drawing)


def test_runs_are_saved_as_one_line(executed):
    """A run's panel is saved as one line of text, which is read without a kernel."""
    lines = [output.data.get("text/html", "") for output in outputs(executed, "display_data")]

    assert any(re.search(r"samframe: (\d+) of \1 rows", line) for line in lines)
