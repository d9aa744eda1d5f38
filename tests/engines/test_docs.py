"""The page on local models: its Python runs as written, with tiny weights where the hub's cache has Meta's."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

torch = pytest.importorskip("torch")

PAGE = Path(__file__).parents[2] / "docs" / "local.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_python_blocks_run(sam2, photo, tmp_path, monkeypatch):
    """One after the other, in a reader's folder."""
    import huggingface_hub

    revision = "0" * 40
    model = tmp_path / "hub" / "models--facebook--sam2.1-hiera-tiny"
    shutil.copytree(sam2[0], model / "snapshots" / revision)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(revision)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("SAMFRAME_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a.jpg", "b.png")):
        Image.fromarray(photo((48, 64), seed=seed)).save(name)

    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    names = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - that is what is tested

    assert blocks
