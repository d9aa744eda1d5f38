"""papermill runs a notebook and nbconvert makes a page of it: what they show needs neither a kernel nor a widget."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    # jupyter_client and its event loop speak up while a kernel is shut down.
    pytest.mark.filterwarnings("default"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def papered(tmp_path_factory):
    """The path of the quickstart after papermill ran it in a folder of its own."""
    papermill = pytest.importorskip("papermill")
    folder = tmp_path_factory.mktemp("papermill")
    target = folder / "out.ipynb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.delenv("MPLBACKEND")
        papermill.execute_notebook(
            str(ROOT / "notebooks" / "01_quickstart.ipynb"),
            str(target),
            kernel_name="python3",
            cwd=str(folder),
            progress_bar=False,
        )
    return target


@pytest.fixture(scope="module")
def page(papered):
    """The page that nbconvert makes of it, without its scripts."""
    from nbconvert import HTMLExporter  # noqa: PLC0415 - heavy

    html, _ = HTMLExporter().from_filename(str(papered))
    return re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)


def test_papermill_runs_it(papered):
    """Every cell ran, none with an error, and the file is valid."""
    book = nbformat.read(papered, as_version=4)
    nbformat.validate(book)

    assert book.metadata.papermill.exception is None
    assert all(cell.execution_count for cell in book.cells if cell.cell_type == "code")


def test_a_run_is_one_line(page):
    """Of the panel of a run its last line is left."""
    assert "samframe: 5 of 5 rows: 4 completed, 1 failed" in page


def test_a_gallery_is_a_small_picture(page):
    """Of the gallery a picture is left, with the number of rows."""
    snapshot = re.search(
        r"<img[^>]*src=\"data:image/[^>]*>(?:(?!<img).)*samframe gallery, 5 rows", page, re.DOTALL
    )

    assert snapshot is not None


def test_plots_are_there(page):
    """Both plots are pictures of the page."""
    assert len(re.findall(r"<img[^>]*src=\"data:image/png", page)) >= 2
