"""Plots in a real kernel that draws inline: each is shown once, and pyplot keeps none of them open."""

from __future__ import annotations

import os
from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SETUP = """
import numpy as np, pandas as pd, samframe
pixels = np.zeros((40, 50), bool)
pixels[5:20, 9:30] = True
image = np.full((40, 50, 3), 99, np.uint8)
df = pd.DataFrame({"image": [image, image], "prompt": ["a", "b"], "mask": pd.array([pixels, pixels], dtype="mask")})
"""
PLOTS = (
    "df.sam.plot_summary()",
    "df['mask'][0].plot()",
    "axes = df.sam.plot()",
    "df['mask'][0].plot(df.sam.plot()[0]);",
)


@pytest.mark.filterwarnings(
    "default"
)  # jupyter_client and its event loop speak up while a kernel is shut down
@pytest.mark.timeout(300)
def test_each_plot_is_shown_once(tmp_path, monkeypatch):
    """A cell that draws shows one picture, whether it ends in the Axes or not."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.delenv("MPLBACKEND")  # the kernel draws inline
    sources = (SETUP, *PLOTS, "import matplotlib.pyplot as plt\nplt.get_fignums()")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    nbclient.NotebookClient(book, timeout=240, kernel_name="python3").execute()
    pictures = [sum("image/png" in output.get("data", {}) for output in cell.outputs) for cell in book.cells]

    assert pictures == [0, 1, 1, 1, 1, 0]
    assert book.cells[-1].outputs[0].data["text/plain"] == "[]"
