"""What a visitor of PyPI or GitHub meets first: the README, its film, the project's links and the notebooks' extra."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
IN_REPOSITORY = re.compile(
    r"https://(?:github\.com|raw\.githubusercontent\.com)/samframe/samframe/(?:blob/)?main/(.+)"
)
#: What is imported under another name than it is installed by.
INSTALLED_AS = {"PIL": "pillow", "sklearn": "scikit-learn"}


def links():
    """Every link and picture of the README."""
    return re.findall(r"\]\(([^)\s]+)\)", README)


def test_links_are_absolute():
    """PyPI shows the README without the repository around it."""
    assert [link for link in links() if not link.startswith("https://")] == []


def test_links_into_the_repository_lead_somewhere():
    """What the links name is there."""
    inside = [found[1] for found in map(IN_REPOSITORY.fullmatch, links()) if found]

    assert len(inside) >= 5
    assert [path for path in inside if not (ROOT / path).exists()] == []


def test_is_short():
    """The README stays under 450 words."""
    assert len(README.split()) < 450


def test_names_both_ways_to_begin():
    """Installed, and from a clone."""
    assert all(line in README for line in ("pip install samframe", "samframe demo", "make demo", "make test"))


def test_film_moves_and_is_small():
    """The film has frames, ends in less than a minute, and is under 2 MB."""
    path = ROOT / "docs" / "images" / "loop.png"
    with Image.open(path) as film:
        frames = film.n_frames

    assert frames > 20
    assert path.stat().st_size < 2 * 2**20


@pytest.mark.parametrize("name", ["Documentation", "Source", "Issues", "Changelog"])
def test_project_has_its_links(name):
    """PyPI shows them beside the README."""
    assert PROJECT["urls"][name].startswith("https://")


def test_the_extra_holds_what_the_notebooks_import():
    """Each import of a notebook is the standard library's, samframe's own need, or in the extra."""
    needs = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["notebooks"]
    known = {re.split(r"[<>=\[~]", need)[0] for need in needs} | {"samframe"} | set(sys.stdlib_module_names)
    imported = set()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                for node in ast.walk(ast.parse(cell.source)):
                    if isinstance(node, ast.Import):
                        imported |= {alias.name.split(".")[0] for alias in node.names}
                    elif isinstance(node, ast.ImportFrom):
                        imported.add(node.module.split(".")[0])

    assert {INSTALLED_AS.get(name, name) for name in imported} - known == set()
