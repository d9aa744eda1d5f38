"""Every Python block of the README and of the docs runs, page by page, against a local service."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samframe.server import DrawnEngine, LocalServer, ServerConfig

ROOT = Path(__file__).resolve().parent.parent.parent
#: What Sphinx makes, and the notebooks that are copied for it, are no pages of ours.
MADE = ("_build", "notebooks")
PAGES = [
    ROOT / "README.md",
    *(
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        if page.relative_to(ROOT / "docs").parts[0] not in MADE
    ),
]


def name_of(page):
    """A page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader's folder, with a.jpg and b.png in it, and a key for a service that draws ellipses."""
    for seed, name in enumerate(("a.jpg", "b.png")):
        pixels = np.random.RandomState(seed).randint(0, 255, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAMFRAME_STORE", str(tmp_path / "store"))
    with LocalServer(ServerConfig(engine=DrawnEngine(), price_usd=0.002)) as server:
        monkeypatch.setenv("SEGMIND_BASE_URL", server.base_url)
        monkeypatch.setenv("SEGMIND_API_KEY", "SG_0123456789abcdef")
        yield server


# pycocotools is older than numpy 2's __array__.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "local.md"], ids=name_of)
def test_python_blocks_run(page, reader):
    """A page's blocks run one after the other, as a reader would run them; local.md is run by tests/engines."""
    text = page.read_text(encoding="utf-8")
    names = {"__name__": "__main__"}
    for match in BLOCK.finditer(text):
        # Blank lines before the block, so that a traceback names the page's own line.
        source = "\n" * text.count("\n", 0, match.start(1)) + match.group(1)
        exec(compile(source, str(page), "exec"), names)  # noqa: S102 - that is what is tested

    assert names


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_into_the_repository_lead_somewhere(page):
    """Relative links and pictures of a page exist."""
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    gone = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert gone == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_fences_are_closed(page):
    """Every fence that opens is closed."""
    assert page.read_text(encoding="utf-8").count("\n```") % 2 == 0
